"""SOFTMAX along the last axis. Source: tensorflow/lite/kernels/activations.cc (SoftmaxPrepare)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hil.engines.aot import tables, tables16
from hil.engines.aot.checks import (
    check_ratio,
    input_tensor,
    no_zero_points,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import quantize_multiplier, scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

#: Scale and zero point that the output must have.
_OUTPUT = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}
_SCALE_TOLERANCE = 0.001  # relative, as the reference allows it
#: Exponentials of at most 1.0 whose sum Q12.19, Q16.15 holds.
_MAX_DEPTH = {"int8": 4095, "int16": 65535}


@lowers("SOFTMAX")
def lower_softmax(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_softmax; in place."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int8", "int16", "float32"))
    same_shape(op, output, source.shape)
    if not source.shape:
        refuse(op, "a scalar input", "tensors of one or more dimensions")
    beta = float(op.options.get("beta", 1.0))
    if not math.isfinite(beta):
        refuse(op, f"beta {beta}", "a finite beta")
    depth = source.shape[-1]
    fields: dict[str, Value] = {"rows": source.elements // depth, "depth": depth}
    if dtype == "float32":
        fields["beta"] = beta
        return _lowered("f32", fields, {})
    _check_output(op, source, output)
    if dtype == "int16":
        return _lowered_s16(op, source, beta, fields)
    table = Constant(_exponentials(op, source, beta), owner="tables")
    fields |= {"exp_count": table.array.size, "exp_table": "{exp_table}"}
    return _lowered("s8", fields, {"exp_table": table})


def _lowered(suffix: str, fields: dict[str, Value], constants: dict[str, Constant]) -> Lowered:
    name = f"softmax_{suffix}"
    return kernel_call(name, fields, f"{name}.c", constants=constants, in_place=(0,))


def _check_output(op: Op, source: Tensor, output: Tensor) -> None:
    """Refuse what the reference refuses, and more classes than its sum can hold."""
    scale, zero_point = scale_zero_point(op, output)
    want_scale, want_zero_point = _OUTPUT[source.dtype]
    off = abs(scale - want_scale) > _SCALE_TOLERANCE * want_scale
    if off or zero_point != want_zero_point:
        refuse(
            op,
            f"output scale {scale:g} and zero point {zero_point}",
            f"an {source.dtype} output with scale 1/{round(1 / want_scale)} and zero point "
            f"{want_zero_point}",
        )
    limit = _MAX_DEPTH[source.dtype]
    if source.shape[-1] > limit:
        refuse(op, f"{source.shape[-1]} classes", f"up to {limit} classes on {source.dtype}")


def _exponentials(op: Op, source: Tensor, beta: float) -> npt.NDArray[np.int32]:
    """Check what the reference checks, then tabulate."""
    in_scale, _ = scale_zero_point(op, source)
    if beta * in_scale * (1 << 26) <= 1.0:
        refuse(op, f"beta * input scale of {beta * in_scale:g}", "beta * input scale above 1.5e-8")
    return tables.softmax_exponentials(in_scale, beta)


def _lowered_s16(op: Op, source: Tensor, beta: float, fields: dict[str, Value]) -> Lowered:
    no_zero_points(op, (source,))
    in_scale, _ = scale_zero_point(op, source)
    ratio = check_ratio(op, tables16.softmax_ratio(in_scale, beta))
    multiplier, shift = quantize_multiplier(ratio)
    fields |= {
        "multiplier": multiplier,
        "shift": shift,
        "exp_table": "{exp_table}",
        "reciprocal_table": "{reciprocal_table}",
    }
    constants = {
        "exp_table": Constant(tables16.softmax_exponential(), owner="tables"),
        "reciprocal_table": Constant(tables16.softmax_reciprocal(), owner="tables"),
    }
    return _lowered("s16", fields, constants)
