"""PAD and PADV2 with constant paddings. Source: tensorflow/lite/kernels/pad.cc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_quantization,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import scale_zero_point
from hil.engines.aot.shapes import check_rank
from hil.tflite.graph import Graph, Op, Tensor

_QUANTIZED = ("int8", "uint8", "int16")


@lowers("PAD", "PADV2")
def lower_pad(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_pad, rows merged as far as dimensions without padding reach."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), MOVABLE)
    check_rank(op, len(source.shape))
    before, after = _paddings(op, graph, source)
    expected = tuple(b + d + a for b, d, a in zip(before, source.shape, after, strict=True))
    same_shape(op, output, expected)
    value = _value(op, graph, source, output).astype(dtype).tobytes()
    fields = _fields(source.shape, before, after, np.dtype(dtype).itemsize)
    fields["value"] = tuple(value)
    return kernel_call("pad", fields, "pad.c")


def _paddings(op: Op, graph: Graph, source: Tensor) -> tuple[list[int], list[int]]:
    values = constant_ints(op, graph, 1, "paddings")
    rank = len(source.shape)
    if len(values) != 2 * rank:
        refuse(op, f"{len(values)} paddings for {rank} dimensions", "two paddings a dimension")
    if min(values, default=0) < 0:
        refuse(op, f"a padding of {min(values)}", "paddings of 0 or more")
    return values[0::2], values[1::2]


def _value(op: Op, graph: Graph, source: Tensor, output: Tensor) -> npt.NDArray[Any]:
    """The element to pad with: the output's zero point or 0, or PADV2's constant."""
    tensors = [source, output]
    zero = 0
    quantized = source.dtype in _QUANTIZED and source.quantization is not None
    if quantized:
        _, zero = scale_zero_point(op, output)
    value = np.array(zero)
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        constant = input_tensor(op, graph, 2)
        same_dtype(op, (source, constant), MOVABLE)
        if constant.data is None:
            refuse(op, "a padding value computed at run time", "a constant padding value")
        if constant.elements != 1:
            refuse(op, f"{constant.elements} padding values", "one padding value")
        tensors.append(constant)
        value = constant.data.reshape(())
    if quantized:
        same_quantization(op, tensors)
    return value


def _fields(
    shape: Sequence[int], before: Sequence[int], after: Sequence[int], itemsize: int
) -> dict[str, Value]:
    """Merge a dimension without padding into the one before it; the last one is the row."""
    dims, low, high = [1], [0], [0]
    for d, size in enumerate(shape):
        if before[d] == after[d] == 0:
            dims[-1] *= size
            low[-1] *= size
            high[-1] *= size
        else:
            dims.append(size)
            low.append(before[d])
            high.append(after[d])
    if len(dims) > 1 and dims[0] == 1:
        del dims[0], low[0], high[0]
    outer = slice(0, len(dims) - 1)
    return {
        "rank": len(dims) - 1,
        "out_dims": [a + b + c for a, b, c in zip(low, dims, high, strict=True)][outer],
        "in_dims": dims[outer],
        "before": low[outer],
        "row_bytes": dims[-1] * itemsize,
        "before_bytes": low[-1] * itemsize,
        "after_bytes": high[-1] * itemsize,
        "unit": itemsize,
    }
