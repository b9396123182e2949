"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR to a constant size; positions are computed ahead.

Sources: tensorflow/lite/kernels/internal/reference/{resize_nearest_neighbor,resize_bilinear}.h.
"""

from __future__ import annotations

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
from hil.engines.aot.lower import SUFFIX, Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import round_half_away
from hil.tflite.graph import Graph, Op, Tensor

_MAX_SIDE = 65536  # positions are uint16


@lowers("RESIZE_NEAREST_NEIGHBOR")
def lower_resize_nearest(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_resize_nearest with one table of rows and one of columns."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), MOVABLE)
    sides = _sides(op, graph, source, output)
    align = bool(op.options.get("align_corners", False))
    half = bool(op.options.get("half_pixel_centers", False))
    return kernel_call(
        "resize_nearest",
        {
            **sides,
            "pixel_bytes": source.shape[3] * np.dtype(dtype).itemsize,
            "rows": "{rows}",
            "columns": "{columns}",
        },
        "resize.c",
        constants={
            "rows": Constant(
                _nearest(source.shape[1], output.shape[1], align, half), owner="tables"
            ),
            "columns": Constant(
                _nearest(source.shape[2], output.shape[2], align, half), owner="tables"
            ),
        },
    )


@lowers("RESIZE_BILINEAR")
def lower_resize_bilinear(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_resize_bilinear; for each row and column its two neighbours and a fraction."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), tuple(SUFFIX))
    sides = _sides(op, graph, source, output)
    if dtype != "float32":
        same_quantization(op, (source, output))
    align = bool(op.options.get("align_corners", False))
    half = bool(op.options.get("half_pixel_centers", False))
    if align and half:
        refuse(op, "align_corners with half_pixel_centers", "one of the two options")
    between = _between_f32 if dtype == "float32" else _between_integers
    fields: dict[str, Value] = {**sides, "channels": source.shape[3]}
    constants: dict[str, Constant] = {}
    for axis, name in ((1, "row"), (2, "column")):
        low, high, fractions = between(op, source.shape[axis], output.shape[axis], align, half)
        constants[f"{name}_low"] = Constant(low, owner="tables")
        constants[f"{name}_high"] = Constant(high, owner="tables")
        constants[f"{name}_fractions"] = Constant(fractions, owner="tables")
        fields[f"{name}s"] = {"low": f"{{{name}_low}}", "high": f"{{{name}_high}}"}
        fields[f"{name}_fractions"] = f"{{{name}_fractions}}"
    struct = "resize_bilinear_f32" if dtype == "float32" else "resize_bilinear"
    return kernel_call(
        f"resize_bilinear_{SUFFIX[dtype]}",
        fields,
        "resize_bilinear.c",
        struct=struct,
        constants=constants,
    )


def _sides(op: Op, graph: Graph, source: Tensor, output: Tensor) -> dict[str, Value]:
    """Batches and sides, with the output's shape checked."""
    if len(source.shape) != 4:
        refuse(op, f"{len(source.shape)} dimensions", "4 dimensions (NHWC)")
    size = constant_ints(op, graph, 1, "size")
    if len(size) != 2 or min(size) < 1:
        refuse(op, f"size {size}", "a size of two positive numbers")
    batches, in_h, in_w, channels = source.shape
    out_h, out_w = size
    same_shape(op, output, (batches, out_h, out_w, channels))
    if max(in_h, in_w) > _MAX_SIDE:
        refuse(op, f"an image of {in_h}x{in_w}", f"images of up to {_MAX_SIDE} pixels a side")
    return {"batches": batches, "in_h": in_h, "in_w": in_w, "out_h": out_h, "out_w": out_w}


def _nearest(in_size: int, out_size: int, align: bool, half: bool) -> npt.NDArray[np.uint16]:
    """The input position of each output position, in float32 as the reference computes it."""
    if align and out_size > 1:
        scale = np.float32(in_size - 1) / np.float32(out_size - 1)
    else:
        scale = np.float32(in_size) / np.float32(out_size)
    offset = np.float32(0.5 if half else 0.0)
    positions = [float((np.float32(position) + offset) * scale) for position in range(out_size)]
    chosen = [round_half_away(p) if align else int(np.floor(p)) for p in positions]
    return np.array([min(max(c, 0), in_size - 1) for c in chosen], dtype=np.uint16)


_Between = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16], npt.NDArray[Any]]


def _between_integers(op: Op, in_size: int, out_size: int, align: bool, half: bool) -> _Between:
    """Neighbours and fractions in 1/1024 (ComputeInterpolationValuesInteger)."""
    spans = (in_size - 1, out_size - 1) if align and out_size > 1 else (in_size, out_size)
    scale = (1024 * spans[0] + spans[1] // 2) // spans[1]
    start = scale // 2 - 512 if half else 0
    scaled = np.arange(out_size, dtype=np.int64) * scale + start
    low = np.maximum(scaled // 1024, 0)
    high = np.minimum(np.maximum(scaled + 1023, 0) // 1024, in_size - 1)
    if low.max() >= in_size:
        refuse(
            op,
            f"{in_size} pixels resized to {out_size}, for which TensorFlow Lite reads beyond the "
            "image",
            "smaller outputs",
        )
    return low.astype(np.uint16), high.astype(np.uint16), (scaled - 1024 * low).astype(np.int16)


def _between_f32(op: Op, in_size: int, out_size: int, align: bool, half: bool) -> _Between:
    """Neighbours and fractions in float32 (ComputeInterpolationValues)."""
    spans = (in_size - 1, out_size - 1) if align and out_size > 1 else (in_size, out_size)
    scale = np.float32(spans[0]) / np.float32(spans[1])
    positions = np.arange(out_size, dtype=np.float32)
    shift = np.float32(0.5 if half else 0.0)
    scaled = (positions + shift) * scale - shift
    low = np.maximum(np.floor(scaled), 0).astype(np.int64)
    high = np.minimum(np.ceil(scaled), in_size - 1).astype(np.int64)
    if low.max() >= in_size:
        refuse(op, f"{in_size} pixels resized to {out_size}", "smaller outputs")
    fractions = (scaled - low.astype(np.float32)).astype(np.float32)
    return low.astype(np.uint16), np.maximum(high, 0).astype(np.uint16), fractions
