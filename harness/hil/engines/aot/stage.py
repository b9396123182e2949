"""From integer sums to outputs: which variant of a kernel, and the tables that it reads.

The variants and their arithmetic are in ``firmware_stubs/engines/aot/hil_variants.h``. Since
weights and biases are known ahead of time, the largest sum of a layer is too: 32-bit sums are taken
where they are exact, shifts instead of multipliers where every scale is a power of two.

Source of the int16 arithmetic: tensorflow/lite/kernels/internal/common.cc of TensorFlow 2.14
(MultiplyByQuantizedMultiplier for int64).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.constant_channels import SMALL_BIAS
from hil.engines.aot.literals import Value, struct_literal
from hil.engines.aot.lower import Constant, refuse
from hil.engines.aot.quant import (
    activation_range,
    effective_scales,
    exponent_of_two,
    quantization,
    quantize_multipliers,
    scale_zero_point,
)
from hil.tflite.graph import Graph, Op, Tensor

_INT16_MAX_MAGNITUDE = 32768
_WIDEST_SUM = 1 << 47  # beyond, sum * multiplier of 16 bits overflows 64 bits in TFLite's kernel
_MAX_LEFT, _MAX_RIGHT = 13, 46  # shifts of sums of int16 weights
_LARGEST_SHIFT = 7  # of TFLite's requantization of 64-bit sums, to the left

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stage:
    """The variant of a kernel, the initializer of its ``hil_stage_*`` and the constants in it."""

    variant: str
    initializer: str
    constants: Mapping[str, Constant]


def stage_s8(
    op: Op,
    graph: Graph,
    rows: npt.NDArray[Any],
    bias: npt.NDArray[np.int32],
    scales: npt.NDArray[np.float64],
    *,
    fits: bool,
) -> Stage:
    """int8 sums of the weights ``rows`` [channels, ...] less their zero point.

    The input's zero point is folded into ``bias``; ``scales`` by output channel. ``fits``: the
    weights can be as all variants but ``s8_any`` read them.
    """
    multiplier, shift = quantize_multipliers(scales)
    exponents = _powers_of_two(multiplier, shift)
    if fits and exponents is not None and exponents.min() >= 2 and exponents.max() <= 31:
        return _stage(op, graph, "s8_pot", bias, None, exponents - 2)
    right = np.where(multiplier == 0, 1, -shift.astype(np.int64))
    small = np.abs(bias.astype(np.int64)).max(initial=0) < SMALL_BIAS
    if fits and small and right.min(initial=1) >= 1 and _largest_sum(rows, bias, 128) < 1 << 30:
        packed = bias.astype(np.int64) << 8 | right
        return _stage_packed(op, graph, np.stack([packed, multiplier], axis=1).astype(np.int32))
    return _stage(op, graph, "s8_any", bias, multiplier, shift, compress=False)


def _stage_packed(op: Op, graph: Graph, channels: npt.NDArray[np.int32]) -> Stage:
    output = graph.tensors[op.outputs[0]]
    act_min, act_max = activation_range(op, output)
    fields: dict[str, Value] = {
        "channels": "{channels}",
        "zero_point": scale_zero_point(op, output)[1],
        "act_min": act_min,
        "act_max": act_max,
    }
    constants = {"channels": Constant(channels.reshape(-1), "tables")}
    return Stage("s8", struct_literal(fields), constants)


def stage_s16(
    op: Op,
    graph: Graph,
    rows: npt.NDArray[Any],
    bias: npt.NDArray[Any],
    scales: npt.NDArray[np.float64],
) -> Stage:
    """Sums of int16 inputs and int8 or int16 weights ``rows`` [channels, depth].

    A ``bias`` of int32 asks for the 32-bit arithmetic that TFLite's kernels have with one, an int64
    bias for that with multipliers of 16 bits. int16 weights are shifted with either bias.
    """
    _refuse_zero_points(op, graph)
    largest = _largest_sum(rows, bias, _INT16_MAX_MAGNITUDE)
    if largest >= _WIDEST_SUM:
        refuse(op, f"sums of up to {largest}", f"sums below {_WIDEST_SUM}")
    narrow = largest < 1 << 31
    if rows.dtype == np.int16:
        return _stage_s16x16(op, graph, narrow, bias, scales)
    multiplier, shift = quantize_multipliers(scales)
    exponents = _powers_of_two(multiplier, shift)
    if bias.dtype == np.int32:
        if not narrow:
            refuse(
                op,
                f"sums of up to {largest} with a bias of 32 bits",
                "sums below 2**31, or a bias of int64",
            )
        return _stage(op, graph, "s16x8_b32", bias, multiplier, shift, compress=False)
    if shift.max(initial=0) > _LARGEST_SHIFT:
        refuse(op, f"a ratio of scales of {scales.max():g}", f"ratios below {2**_LARGEST_SHIFT}")
    if exponents is not None and exponents.min() >= 1:
        return _stage_of_shifts(op, graph, "s16x8", narrow, bias, exponents)
    reduced = np.minimum((multiplier.astype(np.int64) + (1 << 15)) >> 16, 0x7FFF)
    return _stage_of_multipliers(op, graph, narrow, bias, reduced, 15 - shift.astype(np.int64))


def _stage_s16x16(
    op: Op,
    graph: Graph,
    narrow: bool,
    bias: npt.NDArray[Any],
    scales: npt.NDArray[np.float64],
) -> Stage:
    """int16 weights: TFLite has no kernel, so scales are powers of two and shifts are exact."""
    for index in (op.inputs[0], op.inputs[1], op.outputs[0]):
        _refuse_other_scales(op, graph.tensors[index])
    exponents = np.array([-round(math.log2(scale)) for scale in scales], dtype=np.int64)
    if exponents.min() < -_MAX_LEFT or exponents.max() > _MAX_RIGHT:
        refuse(
            op,
            f"a ratio of scales of {scales.max():g}",
            f"ratios of scales from 2**-{_MAX_RIGHT} to 2**{_MAX_LEFT}",
        )
    if exponents.min() >= 1:
        return _stage_of_shifts(op, graph, "s16x16", narrow, bias, exponents)
    halves = np.full(len(exponents), 1 << 14)
    return _wide(op, graph, "s16x16_wide", bias, halves, exponents + 14)


def _refuse_other_scales(op: Op, tensor: Tensor) -> None:
    for scale in quantization(op, tensor).scale:
        if exponent_of_two(float(scale)) is None:
            refuse(
                op,
                f"int16 weights, and tensor {tensor.index} has a scale of {float(scale):g}, not a "
                "power of two",
                "int16 weights where input, weights and output have power-of-two scales (q16); "
                "int8 weights with any scales (int16x8)",
            )


def _stage_of_shifts(
    op: Op, graph: Graph, name: str, narrow: bool, bias: npt.NDArray[Any], exponents: Int64s
) -> Stage:
    if narrow:
        # A 32-bit sum shifted by 32 or more rounds to 0, as it does shifted by 32.
        shifts = np.minimum(exponents, 32) - 1
        return _stage(op, graph, f"{name}_pot", bias.astype(np.int32), None, shifts)
    return _stage(op, graph, f"{name}_wide_pot", bias.astype(np.int64), None, exponents - 1)


def _stage_of_multipliers(
    op: Op, graph: Graph, narrow: bool, bias: npt.NDArray[Any], multiplier: Int64s, total: Int64s
) -> Stage:
    """Multipliers of 16 bits; ``total`` is how far the product is shifted right, at least 8."""
    total = np.where(multiplier == 0, 17, total)
    if narrow and total.min() >= 17:
        narrowed = bias.astype(np.int32)
        return _stage(op, graph, "s16x8", narrowed, multiplier.astype(np.int16), total - 17)
    return _wide(op, graph, "s16x8_wide", bias, multiplier, total)


def _wide(
    op: Op,
    graph: Graph,
    variant: str,
    bias: npt.NDArray[Any],
    multiplier: npt.NDArray[Any],
    total: npt.NDArray[Any],
) -> Stage:
    return _stage(op, graph, variant, bias.astype(np.int64), multiplier.astype(np.int16), total)


def _stage(
    op: Op,
    graph: Graph,
    variant: str,
    bias: npt.NDArray[Any],
    multiplier: npt.NDArray[Any] | None,
    shift: npt.NDArray[Any],
    *,
    compress: bool = True,
) -> Stage:
    """``compress``: equal shifts of all channels are stored once."""
    output = graph.tensors[op.outputs[0]]
    act_min, act_max = activation_range(op, output)
    same = compress and bool((shift == shift[0]).all())
    constants = {
        "bias": Constant(bias, "weights"),
        "shift": Constant((shift[:1] if same else shift).astype(np.int8), "tables"),
    }
    if multiplier is not None:
        constants["multiplier"] = Constant(multiplier, "tables")
    fields = {
        **{name: f"{{{name}}}" for name in constants},
        "shift_mask": 0 if same else -1,
        "zero_point": scale_zero_point(op, output)[1],
        "act_min": act_min,
        "act_max": act_max,
    }
    return Stage(variant, struct_literal(fields), constants)


def _powers_of_two(multiplier: npt.NDArray[np.int32], shift: npt.NDArray[np.int8]) -> Int64s | None:
    """k where each scale is 2**-k, or None if one is not a power of two."""
    if (multiplier != 1 << 30).any():
        return None
    return 1 - shift.astype(np.int64)


def _largest_sum(rows: npt.NDArray[Any], bias: npt.NDArray[Any], largest_input: int) -> int:
    """The largest magnitude that any partial sum of any channel can reach, the bias included.

    ``largest_input`` is the largest magnitude of the input's elements.
    """
    flat = np.abs(rows.reshape(len(rows), -1).astype(np.int64)).sum(axis=1)
    # Python's integers: an int64 bias may be anything.
    return max(
        int(total) * largest_input + abs(int(b)) for total, b in zip(flat, bias, strict=True)
    )


def _refuse_zero_points(op: Op, graph: Graph) -> None:
    for index in (op.inputs[0], op.inputs[1], op.outputs[0]):
        tensor = graph.tensors[index]
        if np.any(quantization(op, tensor).zero_point != 0):
            refuse(op, f"{_what(tensor)} with a zero point", "zero points of 0 with int16")


def _what(tensor: Tensor) -> str:
    return f"{tensor.dtype} tensor {tensor.index}"


def scales_of(
    op: Op, graph: Graph, channels: int, *, fully_connected: bool = False
) -> npt.NDArray[np.float64]:
    """Effective scales as the op's TFLite kernel computes them, see :func:`effective_scales`."""
    per_tensor = quantization(op, graph.tensors[op.inputs[1]]).scale.size == 1
    return effective_scales(op, graph, channels, float32_product=fully_connected and per_tensor)
