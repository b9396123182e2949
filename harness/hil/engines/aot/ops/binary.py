"""MAXIMUM, MINIMUM, comparisons, logic, PRELU, SQUARED_DIFFERENCE and SELECT, with broadcasting.

Sources: tensorflow/lite/kernels/{maximum_minimum,comparisons,logical,activations,
squared_difference,select}.cc.
"""

from __future__ import annotations

import numpy as np

from hil.engines.aot.checks import (
    MOVABLE,
    check_ratio,
    input_tensor,
    output_tensor,
    same_dtype,
    same_quantization,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.ops.elementwise import broadcast
from hil.engines.aot.quant import quantize_multiplier, scale_zero_point
from hil.engines.aot.shapes import broadcast_strides, check_rank, merge
from hil.tflite.graph import Graph, Op, Tensor

_SUFFIX = {
    "int8": "s8",
    "uint8": "u8",
    "int16": "s16",
    "int32": "s32",
    "int64": "s64",
    "float32": "f32",
    "bool": "u8",
}
_QUANTIZED = ("int8", "uint8", "int16")
_COMPARED = ("int8", "int32", "int64", "float32", "bool")
_COMPARE_HEAD_ROOM = 8
_DIFFERENCE_HEAD_ROOM = 7


def _operands(op: Op, graph: Graph) -> tuple[Tensor, Tensor, Tensor]:
    return input_tensor(op, graph, 0), input_tensor(op, graph, 1), output_tensor(op, graph)


def _call(
    function: str, struct: str, fields: dict[str, Value], in_place: tuple[int, ...]
) -> Lowered:
    return kernel_call(
        function,
        fields,
        "binary.c",
        "walk.c",
        struct=struct,
        operands="{in0}, {in1}, {out0}",
        in_place=in_place,
    )


def _same_size(tensors: tuple[Tensor, ...], output: Tensor) -> tuple[int, ...]:
    """Positions of inputs that the output may overwrite: those that are not broadcast."""
    return tuple(i for i, t in enumerate(tensors) if t.nbytes == output.nbytes)


@lowers("MAXIMUM", "MINIMUM")
def lower_extreme(op: Op, graph: Graph) -> Lowered:
    """Lower to a comparison of the numbers as they are; scales must agree."""
    a, b, output = _operands(op, graph)
    dtype = same_dtype(op, (a, b, output), ("int8", "uint8", "int16", "int32", "int64", "float32"))
    if dtype in _QUANTIZED and output.quantization is not None:
        same_quantization(op, (a, b, output))
    fields: dict[str, Value] = {"shape": broadcast(op, a, b, output)}
    return _call(
        f"{op.name.lower()}_{_SUFFIX[dtype]}", "binary", fields, _same_size((a, b), output)
    )


@lowers("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
def lower_comparison(op: Op, graph: Graph) -> Lowered:
    """Lower to a comparison; int8 operands are brought to one scale first."""
    a, b, output = _operands(op, graph)
    dtype = same_dtype(op, (a, b), _COMPARED)
    if output.dtype != "bool":
        refuse(op, f"a result of {output.dtype}", "a result of bool")
    if dtype == "bool" and op.name not in ("EQUAL", "NOT_EQUAL"):
        refuse(op, "tensors of bool", "EQUAL and NOT_EQUAL of bool")
    fields: dict[str, Value] = {"shape": broadcast(op, a, b, output)}
    struct = "binary"
    if dtype == "int8":
        struct = "compare"
        for name, tensor in (("a", a), ("b", b)):
            scale, zero_point = scale_zero_point(op, tensor)
            fields[name] = _operand(op, zero_point, scale, _COMPARE_HEAD_ROOM)
    in_place = _same_size((a, b), output) if dtype == "bool" else ()
    return _call(f"{op.name.lower()}_{_SUFFIX[dtype]}", struct, fields, in_place)


def _operand(op: Op, zero_point: int, real: float, head_room: int) -> dict[str, Value]:
    """Fields of ``hil_operand``."""
    multiplier, shift = quantize_multiplier(real)
    if not 0 < real < 1 or shift > 0:
        refuse(op, f"a factor of {real:g} for an operand", "scales below 1")
    return {
        "zero_point": zero_point,
        "head_room": head_room,
        "multiplier": multiplier,
        "shift": shift,
    }


@lowers("LOGICAL_AND", "LOGICAL_OR")
def lower_logical(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_logical_and or hil_logical_or."""
    a, b, output = _operands(op, graph)
    same_dtype(op, (a, b, output), ("bool",))
    fields: dict[str, Value] = {"shape": broadcast(op, a, b, output)}
    return _call(op.name.lower(), "binary", fields, _same_size((a, b), output))


@lowers("PRELU")
def lower_prelu(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_prelu; alpha is broadcast to the input."""
    source, alpha, output = _operands(op, graph)
    dtype = same_dtype(op, (source, alpha, output), ("int8", "float32"))
    same_shape(op, output, source.shape)
    fields: dict[str, Value] = {"shape": broadcast(op, source, alpha, output)}
    if dtype == "float32":
        return _call("prelu_f32", "binary", fields, (0,))
    in_scale, zero_point = scale_zero_point(op, source)
    alpha_scale, alpha_zero_point = scale_zero_point(op, alpha)
    out_scale, out_zero_point = scale_zero_point(op, output)
    multiplier, shift = quantize_multiplier(check_ratio(op, in_scale / out_scale))
    scaled = quantize_multiplier(check_ratio(op, in_scale * alpha_scale / out_scale))
    fields |= {
        "zero_point": zero_point,
        "alpha_zero_point": alpha_zero_point,
        "output_zero_point": out_zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "alpha_multiplier": scaled[0],
        "alpha_shift": scaled[1],
    }
    return _call("prelu_s8", "prelu_s8", fields, (0,))


@lowers("SQUARED_DIFFERENCE")
def lower_squared_difference(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_squared_difference; int8 operands are brought to twice the larger scale."""
    a, b, output = _operands(op, graph)
    dtype = same_dtype(op, (a, b, output), ("int8", "int32", "float32"))
    fields: dict[str, Value] = {"shape": broadcast(op, a, b, output)}
    name = f"squared_difference_{_SUFFIX[dtype]}"
    in_place = _same_size((a, b), output)
    if dtype != "int8":
        return _call(name, "binary", fields, in_place)
    a_scale, a_zero_point = scale_zero_point(op, a)
    b_scale, b_zero_point = scale_zero_point(op, b)
    out_scale, out_zero_point = scale_zero_point(op, output)
    common = 2 * max(a_scale, b_scale)
    real = common * common / ((1 << 2 * _DIFFERENCE_HEAD_ROOM) * out_scale)
    multiplier, shift = quantize_multiplier(check_ratio(op, real))
    fields |= {
        "a": _operand(op, a_zero_point, a_scale / common, _DIFFERENCE_HEAD_ROOM),
        "b": _operand(op, b_zero_point, b_scale / common, _DIFFERENCE_HEAD_ROOM),
        "zero_point": out_zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return _call(name, name, fields, in_place)


@lowers("SELECT", "SELECT_V2")
def lower_select(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_select: elements of the second or the third input, chosen by the first."""
    condition, a, b = (input_tensor(op, graph, i) for i in range(3))
    output = output_tensor(op, graph)
    dtype = same_dtype(op, (a, b, output), MOVABLE)
    if condition.dtype != "bool":
        refuse(op, f"a condition of {condition.dtype}", "a condition of bool")
    if dtype in _QUANTIZED and output.quantization is not None:
        same_quantization(op, (a, b, output))
    if op.name == "SELECT" and len({condition.shape, a.shape, b.shape}) > 1:
        refuse(op, "inputs of differing shapes", "equal shapes, or SELECT_V2")
    check_rank(op, len(output.shape))
    strides = [broadcast_strides(t.shape, output.shape) for t in (condition, a, b)]
    known = [one for one in strides if one is not None]
    if len(known) != 3:
        shapes = [list(t.shape) for t in (condition, a, b)]
        refuse(
            op, f"shapes {shapes} for an output of {list(output.shape)}", "shapes that broadcast"
        )
    size = np.dtype(dtype).itemsize
    known[1:] = [tuple(size * stride for stride in one) for one in known[1:]]
    walk = merge(output.shape, *known)
    inner, steps = 1, (1, size, size)
    if walk.dims:
        walk, inner, taken = walk.split_last()
        steps = (taken[0], taken[1], taken[2])
    fields: dict[str, Value] = {
        "inner": inner,
        "unit": size,
        "step": steps[0],
        "a_step": steps[1],
        "b_step": steps[2],
        "condition": walk.literal(0),
        "a": walk.literal(1),
        "b": walk.literal(2),
    }
    return kernel_call(
        "select", fields, "binary.c", "walk.c", operands="{in0}, {in1}, {in2}, {out0}"
    )
