"""BATCH_MATMUL, and FULLY_CONNECTED with weights that are computed at run time.

Sources: tensorflow/lite/kernels/{batch_matmul,fully_connected}.cc.
"""

from __future__ import annotations

import numpy as np

from hil.engines.aot.checks import (
    check_ratio,
    input_tensor,
    no_zero_points,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import SUFFIX, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import (
    activation_range,
    activation_range_f32,
    effective_scales,
    quantize_multiplier,
    scale_zero_point,
)
from hil.engines.aot.shapes import broadcast_strides, merge
from hil.tflite.graph import Graph, Op, Tensor

_MAX_DEPTH = {"int8": ((1 << 31) - 1) // (255 * 255), "int16": 1 << 16, "float32": 1 << 31}
_MAX_RATIO_INT16 = 2.0**7  # the largest left shift of TensorFlow Lite's 64-bit requantization
_MAX_RANK = 5


@lowers("BATCH_MATMUL")
def lower_batch_matmul(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_matmul; adj_x and adj_y only swap strides."""
    a, b = input_tensor(op, graph, 0), input_tensor(op, graph, 1)
    output = output_tensor(op, graph)
    dtype = same_dtype(op, (a, b, output), tuple(SUFFIX))
    if dtype == "int16":
        no_zero_points(op, (a, b, output))
    adjoint = bool(op.options.get("adj_x")), bool(op.options.get("adj_y"))
    return _lowered(op, graph, dtype, _shape(op, a, b, output, adjoint), "NULL")


def lower_computed_weights(op: Op, graph: Graph) -> Lowered:
    """Lower FULLY_CONNECTED with weights [out_features, in_features] that an op computes."""
    source, weights = input_tensor(op, graph, 0), input_tensor(op, graph, 1)
    output = output_tensor(op, graph)
    dtype = same_dtype(op, (source, weights, output), ("int8", "float32"))
    if op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        refuse(op, f"weights format {op.options['weights_format']}", "DEFAULT")
    if len(weights.shape) != 2 or source.elements % weights.shape[1]:
        refuse(op, f"input {source.shape} with weights {weights.shape}", "rows of in_features")
    columns, depth = weights.shape
    rows = source.elements // depth
    if output.elements != rows * columns:
        refuse(op, f"output {output.shape}", f"{rows} rows of {columns} elements")
    shape = _sizes(op, dtype, rows, columns, depth, (False, True))
    shape |= {"a": merge((), ()).literal(), "b": merge((), ()).literal()}
    bias = "NULL"
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        _check_bias(op, graph.tensors[op.inputs[2]], columns, dtype)
        bias = "{in2}"
    return _lowered(op, graph, dtype, shape, bias)


def _check_bias(op: Op, bias: Tensor, columns: int, dtype: str) -> None:
    wanted = "int32" if dtype == "int8" else "float32"
    if bias.dtype != wanted or bias.elements != columns:
        refuse(op, f"bias of {bias.dtype} {bias.shape}", f"{columns} elements of {wanted}")


def _lowered(op: Op, graph: Graph, dtype: str, shape: dict[str, Value], bias: str) -> Lowered:
    fields: dict[str, Value] = {"shape": shape}
    if dtype == "float32":
        fields["act_min"], fields["act_max"] = activation_range_f32(op)
    else:
        fields |= _integer_fields(op, graph, dtype)
    return kernel_call(
        f"matmul_{SUFFIX[dtype]}",
        fields,
        "matmul.c",
        "walk.c",
        struct="matmul_f32" if dtype == "float32" else "matmul",
        operands=f"{{in0}}, {{in1}}, {bias}, {{out0}}",
    )


def _integer_fields(op: Op, graph: Graph, dtype: str) -> dict[str, Value]:
    a, b, output = (graph.tensors[i] for i in (*op.inputs[:2], op.outputs[0]))
    zero_points = [scale_zero_point(op, tensor)[1] for tensor in (a, b, output)]
    ratio = check_ratio(op, float(effective_scales(op, graph, 1, float32_product=True)[0]))
    multiplier, shift = quantize_multiplier(ratio)
    if dtype == "int16":
        if ratio >= _MAX_RATIO_INT16:
            refuse(op, f"a ratio of scales of {ratio:g}", f"ratios below {_MAX_RATIO_INT16:g}")
        multiplier, shift = min((multiplier + (1 << 15)) >> 16, 0x7FFF), 15 - shift
    act_min, act_max = activation_range(op, output)
    return {
        "a_zero_point": zero_points[0],
        "b_zero_point": zero_points[1],
        "output_zero_point": zero_points[2],
        "multiplier": multiplier,
        "shift": shift,
        "act_min": act_min,
        "act_max": act_max,
    }


def _shape(
    op: Op, a: Tensor, b: Tensor, output: Tensor, adjoint: tuple[bool, bool]
) -> dict[str, Value]:
    """Fields of ``hil_matmul_shape``, with the output's shape checked."""
    ranks = len(a.shape), len(b.shape)
    if min(ranks) < 2 or max(ranks) > _MAX_RANK:
        refuse(op, f"{ranks[0]} and {ranks[1]} dimensions", f"2 to {_MAX_RANK} dimensions")
    depth, rows = a.shape[-2:] if adjoint[0] else a.shape[:-3:-1]
    columns, other_depth = b.shape[-2:] if adjoint[1] else b.shape[:-3:-1]
    try:
        batches = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        batches = None
    if batches is None or depth != other_depth:
        refuse(op, f"shapes {list(a.shape)} and {list(b.shape)}", "matrices that can be multiplied")
    if adjoint[0] and min(ranks) > 2 and b.shape[-3] == 1 != a.shape[-3]:
        refuse(
            op,
            f"adj_x with {a.shape[-3]} matrices on the left for one on the right, which TensorFlow "
            "Lite's kernel (2.14) multiplies wrongly",
            "adj_x with as many matrices on both sides, or with one on the left",
        )
    same_shape(op, output, (*batches, rows, columns))
    walk = merge(batches, *(_batch_strides(tensor, batches) for tensor in (a, b)))
    return {
        **_sizes(op, a.dtype, rows, columns, depth, adjoint),
        "a": walk.literal(0),
        "b": walk.literal(1),
    }


def _batch_strides(tensor: Tensor, batches: tuple[int, ...]) -> tuple[int, ...]:
    strides = broadcast_strides(tensor.shape[:-2], batches)
    assert strides is not None
    matrix = tensor.shape[-2] * tensor.shape[-1]
    return tuple(stride * matrix for stride in strides)


def _sizes(
    op: Op, dtype: str, rows: int, columns: int, depth: int, adjoint: tuple[bool, bool]
) -> dict[str, Value]:
    if depth > _MAX_DEPTH[dtype]:
        refuse(op, f"sums of {depth} products", f"up to {_MAX_DEPTH[dtype]} on {dtype}")
    a_row, a_step = (1, rows) if adjoint[0] else (depth, 1)
    b_column, b_step = (depth, 1) if adjoint[1] else (1, columns)
    return {
        **{"rows": rows, "columns": columns, "depth": depth},
        **{"a_row": a_row, "a_step": a_step, "b_column": b_column, "b_step": b_step},
    }
