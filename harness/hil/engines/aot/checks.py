"""Checks that lowerings make of an op; each refuses the op where it fails."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.lower import refuse
from hil.engines.aot.quant import scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

#: Types that data-movement kernels carry, since they only look at the size of an element.
MOVABLE = ("int8", "uint8", "bool", "int16", "int32", "float32", "int64")

_MAX_RATIO = 2.0**30


def input_tensor(op: Op, graph: Graph, position: int = 0) -> Tensor:
    """Return an input; refuse the op if it is missing or empty."""
    if position >= len(op.inputs) or op.inputs[position] < 0:
        refuse(op, f"input {position} is missing", "ops with all their inputs")
    return _not_empty(op, graph.tensors[op.inputs[position]])


def output_tensor(op: Op, graph: Graph, position: int = 0) -> Tensor:
    """Return an output; refuse the op if it is missing or empty."""
    if position >= len(op.outputs):
        refuse(op, f"output {position} is missing", "ops with all their outputs")
    return _not_empty(op, graph.tensors[op.outputs[position]])


def state_tensor(op: Op, graph: Graph, position: int) -> Tensor:
    """Return an input that is a variable tensor; refuse the op if it is another kind."""
    tensor = input_tensor(op, graph, position)
    if not tensor.is_variable or tensor.data is not None:
        refuse(op, f"tensor {tensor.index} is no variable", "state in variables without a value")
    return tensor


def constant_tensor(
    op: Op, graph: Graph, position: int, dtype: str, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Return a constant input of a dtype and shape; refuse another."""
    tensor = input_tensor(op, graph, position)
    if tensor.data is None:
        refuse(op, f"input {position} computed at run time", "constant weights and biases")
    if tensor.dtype != dtype or tensor.shape != shape:
        refuse(
            op,
            f"input {position} is {tensor.dtype} of shape {list(tensor.shape)}",
            f"{dtype} of shape {list(shape)} there",
        )
    return tensor.data


def _not_empty(op: Op, tensor: Tensor) -> Tensor:
    if tensor.elements == 0:
        refuse(op, f"tensor {tensor.index} has no elements", "tensors with at least one element")
    return tensor


def same_dtype(op: Op, tensors: Collection[Tensor], supported: Collection[str]) -> str:
    """Return the one dtype of all ``tensors``; refuse several, or one that is not supported."""
    dtypes = sorted({t.dtype for t in tensors})
    if len(dtypes) > 1 or dtypes[0] not in supported:
        refuse(op, f"tensors of {' and '.join(dtypes)}", "all tensors " + " or ".join(supported))
    return dtypes[0]


def constant_ints(op: Op, graph: Graph, position: int, what: str) -> list[int]:
    """Return the values of a constant integer input, flat; refuse one computed at run time."""
    tensor = input_tensor(op, graph, position)
    if tensor.data is None:
        refuse(op, f"{what} computed at run time", f"constant {what}")
    if tensor.dtype not in ("int32", "int64"):
        refuse(op, f"{what} of {tensor.dtype}", f"{what} of int32 or int64")
    return [int(v) for v in np.ravel(tensor.data)]


def same_shape(op: Op, tensor: Tensor, expected: tuple[int, ...]) -> None:
    """Refuse an output whose shape in the file is not the one that the op computes."""
    if tensor.shape != expected:
        refuse(
            op,
            f"output of shape {list(tensor.shape)} where {list(expected)} follows from the inputs",
            "static shapes that agree",
        )


def same_quantization(op: Op, tensors: Collection[Tensor]) -> None:
    """Refuse 8-bit or 16-bit tensors that do not share one scale and zero point."""
    if len({scale_zero_point(op, t) for t in tensors}) > 1:
        refuse(op, "differing scales or zero points", "one scale and zero point for all tensors")


def no_zero_points(op: Op, tensors: Collection[Tensor]) -> None:
    """Refuse int16 tensors with a zero point other than 0."""
    for tensor in tensors:
        if scale_zero_point(op, tensor)[1] != 0:
            refuse(op, f"int16 tensor {tensor.index} with a zero point", "zero points of 0")


def check_ratio(op: Op, ratio: float) -> float:
    """Return a ratio of scales; refuse one that a multiplier and a shift cannot express.

    ``hil_requantize`` shifts left by 30 at most; beyond, the reference kernels overflow.
    """
    if not math.isfinite(ratio) or abs(ratio) >= _MAX_RATIO:
        refuse(op, f"a ratio of scales of {ratio:g}", f"ratios of scales below {_MAX_RATIO:g}")
    return ratio
