"""ADD, SUB, MUL and DIV (float32) with numpy's broadcasting.

Source of the integer arithmetic: tensorflow/lite/kernels/{add,sub,mul}.cc (Prepare).
"""

from __future__ import annotations

from collections.abc import Sequence

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
    checked_log2,
    quantize_multiplier,
    scale_zero_point,
)
from hil.engines.aot.shapes import broadcast_strides, check_rank, merge
from hil.tflite.graph import Graph, Op, Tensor

_LEFT_SHIFT = {"int8": 20, "int16": 15}  # headroom of operands in ADD and SUB
_MAX_RIGHT = 15


@lowers("ADD", "SUB", "MUL", "DIV")
def lower_elementwise(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_add, hil_sub, hil_mul, hil_div; in place on an operand that is not broadcast."""
    a, b = input_tensor(op, graph, 0), input_tensor(op, graph, 1)
    output = output_tensor(op, graph)
    supported = ("float32",) if op.name == "DIV" else tuple(SUFFIX)
    dtype = same_dtype(op, (a, b, output), supported)
    shape = broadcast(op, a, b, output)
    suffix = SUFFIX[dtype]
    function = f"{op.name.lower()}_{suffix}"
    if dtype == "float32":
        kind, fields = "elementwise_f32", _float_fields(op)
    elif op.name == "MUL":
        kind, fields = "mul", _mul_fields(op, a, b, output)
    elif dtype == "int16" and _by_shifts(op, (a, b, output)):
        kind, fields = "add_s16_shift", _shift_fields(op, a, b, output)
        function += "_shift"
    else:
        kind, fields = "add", _add_fields(op, a, b, output)
    if dtype == "int16":
        no_zero_points(op, (a, b, output))
    return kernel_call(
        function,
        {"shape": shape, **fields},
        f"elementwise_{suffix}.c",
        "walk.c",
        struct=kind,
        operands="{in0}, {in1}, {out0}",
        in_place=tuple(i for i, t in enumerate((a, b)) if t.elements == output.elements),
    )


def _by_shifts(op: Op, tensors: Sequence[Tensor]) -> bool:
    """Whether the reference takes its kernel for powers of two, which only shifts."""
    if not op.options.get("pot_scale_int16", True):
        return False
    return all(checked_log2(scale_zero_point(op, t)[0]) is not None for t in tensors)


def _shift_fields(op: Op, a: Tensor, b: Tensor, output: Tensor) -> dict[str, Value]:
    rights = []
    for tensor in (a, b):
        mine, its = (checked_log2(scale_zero_point(op, t)[0]) for t in (tensor, output))
        assert mine is not None
        assert its is not None
        rights.append(its - mine)
    if min(rights) != 0 or max(rights) > _MAX_RIGHT:
        refuse(
            op,
            f"power-of-two scales of which an operand is shifted by {rights[0]} and {rights[1]} "
            "bits, where TensorFlow Lite's kernel shifts one operand and to the right only",
            f"one operand with the output's scale and the other with one up to 2**{_MAX_RIGHT} "
            "times smaller, or the option pot_scale_int16 off",
        )
    if op.name == "ADD" and a.shape != b.shape:
        refuse(
            op,
            "operands of differing shapes with power-of-two scales, which TensorFlow Lite's kernel "
            "does not broadcast",
            "equal shapes, or the option pot_scale_int16 off",
        )
    act_min, act_max = activation_range(op, output)
    return {
        "a_right": rights[0],
        "b_right": rights[1],
        "act_min": act_min,
        "act_max": act_max,
    }


def broadcast(op: Op, a: Tensor, b: Tensor, output: Tensor) -> dict[str, Value]:
    """Fields of ``hil_broadcast``."""
    try:
        expected = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        refuse(op, f"shapes {list(a.shape)} and {list(b.shape)}", "shapes that broadcast")
    same_shape(op, output, expected)
    check_rank(op, len(expected))
    a_strides = broadcast_strides(a.shape, expected)
    b_strides = broadcast_strides(b.shape, expected)
    assert a_strides is not None
    assert b_strides is not None
    walk, inner, (a_step, b_step) = merge(expected, a_strides, b_strides).split_last()
    return {
        "inner": inner,
        "a_step": a_step,
        "b_step": b_step,
        "a": walk.literal(0),
        "b": walk.literal(1),
    }


def _float_fields(op: Op) -> dict[str, Value]:
    act_min, act_max = activation_range_f32(op)
    return {"act_min": act_min, "act_max": act_max}


def _add_fields(op: Op, a: Tensor, b: Tensor, output: Tensor) -> dict[str, Value]:
    """Both operands are brought to twice the larger scale, joined, and brought to the output's."""
    a_scale, a_zero_point = scale_zero_point(op, a)
    b_scale, b_zero_point = scale_zero_point(op, b)
    out_scale, out_zero_point = scale_zero_point(op, output)
    left_shift = _LEFT_SHIFT[output.dtype]
    common_scale = 2 * max(a_scale, b_scale)
    a_multiplier, a_shift = quantize_multiplier(a_scale / common_scale)
    b_multiplier, b_shift = quantize_multiplier(b_scale / common_scale)
    real = common_scale / ((1 << left_shift) * out_scale)
    multiplier, shift = quantize_multiplier(real)
    if not 0 < real < 1 or shift > 0:
        refuse(
            op,
            f"output scale {out_scale:g} is too small for input scales {a_scale:g} and {b_scale:g}",
            f"output scales above {common_scale / (1 << left_shift):g} with these inputs",
        )
    act_min, act_max = activation_range(op, output)
    return {
        "a_zero_point": a_zero_point,
        "a_multiplier": a_multiplier,
        "a_shift": a_shift,
        "b_zero_point": b_zero_point,
        "b_multiplier": b_multiplier,
        "b_shift": b_shift,
        "output_zero_point": out_zero_point,
        "output_multiplier": multiplier,
        "output_shift": shift,
        "act_min": act_min,
        "act_max": act_max,
    }


def _mul_fields(op: Op, a: Tensor, b: Tensor, output: Tensor) -> dict[str, Value]:
    a_scale, a_zero_point = scale_zero_point(op, a)
    b_scale, b_zero_point = scale_zero_point(op, b)
    out_scale, out_zero_point = scale_zero_point(op, output)
    # The reference divides and multiplies in float32 before it widens to double.
    with np.errstate(over="ignore"):
        real = float(np.float32(a_scale) * np.float32(b_scale) / np.float32(out_scale))
    multiplier, shift = quantize_multiplier(check_ratio(op, real))
    act_min, act_max = activation_range(op, output)
    return {
        "a_zero_point": a_zero_point,
        "b_zero_point": b_zero_point,
        "output_zero_point": out_zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "act_min": act_min,
        "act_max": act_max,
    }
