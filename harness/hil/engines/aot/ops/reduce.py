"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN over constant axes, ARG_MAX and ARG_MIN along one.

Source of the integer arithmetic: tensorflow/lite/kernels/reduce.cc (PrepareMeanOrSum) and
kernels/internal/reference/reduce.h (QuantizedMeanOrSum).
"""

from __future__ import annotations

from math import prod

import numpy as np

from hil.engines.aot.checks import (
    check_ratio,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_quantization,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import SUFFIX, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import quantize_multiplier, scale_zero_point
from hil.engines.aot.shapes import check_rank, dense_strides, merge, normalized_axis
from hil.tflite.graph import Graph, Op, Tensor

#: Values less their zero point whose sum int32 holds.
_MAX_COUNT = {"int8": (1 << 31) // 256, "int16": (1 << 31) // 65536}
_EXTREMES = {**SUFFIX, "int32": "s32", "int64": "s64"}
_SEARCHED = {"int8": "s8", "uint8": "u8", "int32": "s32", "float32": "f32"}


@lowers("MEAN")
def lower_mean(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_mean: one pass over the reduced dimensions for each output."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), tuple(SUFFIX))
    axes = _axes(op, graph, source, output)
    count = prod(source.shape[a] for a in axes)
    fields = _walks(source.shape, axes)
    if dtype == "float32":
        fields["count"] = float(count)
    else:
        fields |= _integer_fields(op, source, output, count)
    function = f"mean_{SUFFIX[dtype]}"
    struct = function if dtype == "float32" else "mean"
    return kernel_call(function, fields, f"{function}.c", "walk.c", struct=struct)


@lowers("SUM")
def lower_sum(op: Op, graph: Graph) -> Lowered:
    """Lower float32 to the kernel of MEAN with a count of 1, int32 to one of its own.

    tflite-runtime 2.14 gives wrong sums of int8: there is nothing to compare them with.
    """
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int32", "float32"))
    fields = _walks(source.shape, _axes(op, graph, source, output))
    if dtype == "int32":
        return kernel_call("sum_s32", fields, "reduce.c", "walk.c", struct="reduce")
    return kernel_call("mean_f32", {**fields, "count": 1.0}, "mean_f32.c", "walk.c")


@lowers("REDUCE_MAX", "REDUCE_MIN")
def lower_extreme(op: Op, graph: Graph) -> Lowered:
    """Lower to a comparison of the numbers as they are; scales must agree."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), tuple(_EXTREMES))
    if output.quantization is not None and dtype in SUFFIX and dtype != "float32":
        same_quantization(op, (source, output))
    fields = _walks(source.shape, _axes(op, graph, source, output))
    name = f"{op.name.lower()}_{_EXTREMES[dtype]}"
    return kernel_call(name, fields, "reduce.c", "walk.c", struct="reduce")


@lowers("ARG_MAX", "ARG_MIN")
def lower_arg(op: Op, graph: Graph) -> Lowered:
    """Lower to a search along the axis; of equal elements the first."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    if source.dtype not in _SEARCHED or output.dtype not in ("int32", "int64"):
        refuse(op, f"{source.dtype} to {output.dtype}", f"{', '.join(_SEARCHED)} to int32 or int64")
    axes = constant_ints(op, graph, 1, "axis")
    if len(axes) != 1:
        refuse(op, f"{len(axes)} axes", "one axis")
    axis = normalized_axis(op, axes[0], len(source.shape))
    before, after = source.shape[:axis], source.shape[axis + 1 :]
    same_shape(op, output, (*before, *after))
    fields: dict[str, Value] = {
        "outer": prod(before),
        "size": source.shape[axis],
        "inner": prod(after),
        "index_bytes": np.dtype(output.dtype).itemsize,
    }
    name = f"{op.name.lower()}_{_SEARCHED[source.dtype]}"
    return kernel_call(name, fields, "reduce.c", "walk.c", struct="arg")


def _axes(op: Op, graph: Graph, source: Tensor, output: Tensor) -> set[int]:
    """The reduced axes, with the output's shape checked."""
    rank = len(source.shape)
    check_rank(op, rank)
    axes = {normalized_axis(op, a, rank) for a in constant_ints(op, graph, 1, "axes")}
    same_shape(op, output, _output_shape(source.shape, axes, bool(op.options.get("keep_dims"))))
    return axes


def _output_shape(shape: tuple[int, ...], axes: set[int], keep_dims: bool) -> tuple[int, ...]:
    if keep_dims:
        return tuple(1 if d in axes else size for d, size in enumerate(shape))
    return tuple(size for d, size in enumerate(shape) if d not in axes)


def _walks(shape: tuple[int, ...], axes: set[int]) -> dict[str, Value]:
    strides = dense_strides(shape)
    kept = [d for d in range(len(shape)) if d not in axes]
    summed = [d for d in range(len(shape)) if d in axes]
    reduced, inner, (inner_stride,) = merge(
        [shape[d] for d in summed], [strides[d] for d in summed]
    ).split_last()
    return {
        "kept": merge([shape[d] for d in kept], [strides[d] for d in kept]).literal(),
        "reduced": reduced.literal(),
        "inner": inner,
        "inner_stride": inner_stride,
    }


def _integer_fields(op: Op, source: Tensor, output: Tensor, count: int) -> dict[str, Value]:
    """Fold 1 / count into the multiplier as the reference does, with as many bits as fit."""
    limit = _MAX_COUNT[source.dtype]
    if count > limit:
        refuse(op, f"a mean of {count} elements", f"up to {limit} elements of {source.dtype}")
    in_scale, in_zero_point = scale_zero_point(op, source)
    out_scale, out_zero_point = scale_zero_point(op, output)
    multiplier, shift = quantize_multiplier(check_ratio(op, in_scale / out_scale))
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return {
        "sum_offset": -in_zero_point * count,
        "multiplier": (multiplier << extra) // count,
        "shift": shift - extra,
        "output_zero_point": out_zero_point,
    }
