"""SOFTMAX along the last axis. Source: tensorflow/lite/kernels/activations.cc (SoftmaxPrepare)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.engines.aot import tables
from harness.engines.aot.checks import input_tensor, output_tensor, same_dtype, same_shape
from harness.engines.aot.literals import Value, struct_literal
from harness.engines.aot.lower import Constant, Lowered, lowers, refuse
from harness.engines.aot.quant import scale_zero_point
from harness.tflite.graph import Graph, Op, Tensor

_OUT_SCALE = 1 / 256
_OUT_ZERO_POINT = -128
_SCALE_TOLERANCE = 0.001  # relative, as the reference allows it
_MAX_DEPTH = 4095  # exponentials of at most 1.0 whose sum Q12.19 holds


@lowers("SOFTMAX")
def lower_softmax(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_softmax; in place."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int8", "float32"))
    same_shape(op, output, source.shape)
    if not source.shape:
        refuse(op, "a scalar input", "tensors of one or more dimensions")
    beta = float(op.options.get("beta", 1.0))
    depth = source.shape[-1]
    fields: dict[str, Value] = {"rows": source.elements // depth, "depth": depth}
    if dtype == "float32":
        fields["beta"] = beta
        return _lowered("f32", fields, {})
    table = Constant(_exponentials(op, source, output, beta), owner="tables")
    fields |= {"exp_count": table.array.size, "exp_table": "{exp_table}"}
    return _lowered("s8", fields, {"exp_table": table})


def _lowered(suffix: str, fields: dict[str, Value], constants: dict[str, Constant]) -> Lowered:
    return Lowered(
        sources=(f"softmax_{suffix}.c",),
        call=f"hil_softmax_{suffix}({{params}}, {{in0}}, {{out0}})",
        params_type=f"hil_softmax_{suffix}_params",
        params=struct_literal(fields),
        constants=constants,
        in_place=(0,),
    )


def _exponentials(op: Op, source: Tensor, output: Tensor, beta: float) -> npt.NDArray[np.int32]:
    """Check what the reference checks, then tabulate."""
    in_scale, _ = scale_zero_point(op, source)
    out_scale, out_zero_point = scale_zero_point(op, output)
    off = abs(out_scale - _OUT_SCALE) > _SCALE_TOLERANCE * _OUT_SCALE
    if off or out_zero_point != _OUT_ZERO_POINT:
        refuse(
            op,
            f"output scale {out_scale:g} and zero point {out_zero_point}",
            "an int8 output with scale 1/256 and zero point -128",
        )
    if beta * in_scale * (1 << 26) <= 1.0:
        refuse(op, f"beta * input scale of {beta * in_scale:g}", "beta * input scale above 1.5e-8")
    if source.shape[-1] > _MAX_DEPTH:
        refuse(op, f"{source.shape[-1]} classes", f"up to {_MAX_DEPTH} classes on int8")
    return tables.softmax_exponentials(in_scale, beta)
