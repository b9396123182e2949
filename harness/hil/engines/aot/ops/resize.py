"""RESIZE_NEAREST_NEIGHBOR to a constant size: which pixel goes where is computed ahead.

Source: tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import round_half_away
from hil.tflite.graph import Graph, Op

_MAX_SIDE = 65536  # positions are uint16


@lowers("RESIZE_NEAREST_NEIGHBOR")
def lower_resize_nearest(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_resize_nearest with one table of rows and one of columns."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), MOVABLE)
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
    align = bool(op.options.get("align_corners", False))
    half = bool(op.options.get("half_pixel_centers", False))
    return kernel_call(
        "resize_nearest",
        {
            "batches": batches,
            "in_h": in_h,
            "in_w": in_w,
            "out_h": out_h,
            "out_w": out_w,
            "pixel_bytes": channels * np.dtype(dtype).itemsize,
            "rows": "{rows}",
            "columns": "{columns}",
        },
        "resize.c",
        constants={
            "rows": Constant(_nearest(in_h, out_h, align, half), owner="tables"),
            "columns": Constant(_nearest(in_w, out_w, align, half), owner="tables"),
        },
    )


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
