"""SVDF, int8 and float32. Source: tensorflow/lite/kernels/svdf.cc and internal/reference/svdf.h."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.checks import (
    check_ratio,
    constant_tensor,
    input_tensor,
    output_tensor,
    same_dtype,
    same_shape,
    state_tensor,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import activation_range_f32, quantize_multiplier, scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

_FEATURE, _TIME, _BIAS, _STATE = 1, 2, 3, 4
_MAX_INPUTS = 2**31 // (256 * 128)  # products of an input less its zero point and a weight


@lowers("SVDF")
def lower_svdf(op: Op, graph: Graph) -> Lowered:
    """Inputs are (rows, weights of features, weights of time, an optional bias, the state)."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int8", "float32"))
    state, sizes = _sizes(op, graph, source, output)
    filters, memory = sizes["filters"], sizes["memory"]
    is_int8 = dtype == "int8"
    feature = constant_tensor(
        op, graph, _FEATURE, "int8" if is_int8 else "float32", (filters, sizes["inputs"])
    )
    time = constant_tensor(op, graph, _TIME, "int16" if is_int8 else "float32", (filters, memory))
    if state.dtype != ("int16" if is_int8 else "float32"):
        refuse(op, f"state of {state.dtype}", "state of int16 (int8 model) or float32")
    constants = {
        "feature": Constant(feature, "weights"),
        "time": Constant(time, "weights"),
        "bias": Constant(_bias(op, graph, filters // sizes["rank"], is_int8), "weights"),
    }
    fields: dict[str, Value] = {
        **sizes,
        "weights_feature": "{feature}",
        "weights_time": "{time}",
        "bias": "{bias}",
    }
    if is_int8:
        fields |= _int8_fields(op, graph, state)
        zero_point = scale_zero_point(op, source)[1]
        sums = -zero_point * feature.sum(axis=1, dtype=np.int32)
        constants["feature_bias"] = Constant(sums.astype(np.int32), "tables")
        fields["feature_bias"] = "{feature_bias}"
    else:
        fields["act_min"], fields["act_max"] = activation_range_f32(op)
    return kernel_call(
        "svdf_s8" if is_int8 else "svdf_f32",
        fields,
        "svdf.c",
        operands=f"{{in0}}, {{state{_STATE}}}, {{out0}}",
        constants=constants,
    )


def _sizes(op: Op, graph: Graph, source: Tensor, output: Tensor) -> tuple[Tensor, dict[str, int]]:
    """The state, and the sizes of an op whose shapes agree."""
    if len(op.inputs) <= _STATE:
        refuse(op, f"{len(op.inputs)} inputs", "5 inputs, the last of which is the state")
    state, time = state_tensor(op, graph, _STATE), input_tensor(op, graph, _TIME)
    rank = int(op.options.get("rank", 0))
    if len(time.shape) != 2 or len(source.shape) != 2 or rank < 1 or time.shape[0] % rank:
        refuse(op, f"rank {rank}, shapes {source.shape}, {time.shape}", "matrices, units of rank")
    filters, memory = time.shape
    batches, inputs = source.shape
    same_shape(op, output, (batches, filters // rank))
    if state.elements != batches * filters * memory:
        refuse(op, f"state of shape {list(state.shape)}", f"state of {filters * memory} a batch")
    return state, {
        "batches": batches,
        "inputs": inputs,
        "filters": filters,
        "memory": memory,
        "rank": rank,
    }


def _int8_fields(op: Op, graph: Graph, state: Tensor) -> dict[str, Value]:
    """Multipliers of both steps, from products of float32 as TFLite has them."""
    if op.options.get("fused_activation_function", "NONE") != "RELU":
        refuse(op, "an activation other than RELU", "int8 SVDF with RELU, as TensorFlow Lite")
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    if source.shape[1] > _MAX_INPUTS:
        refuse(op, f"{source.shape[1]} inputs", f"at most {_MAX_INPUTS} inputs")
    feature, time = (_symmetric(op, graph.tensors[op.inputs[at]]) for at in (_FEATURE, _TIME))
    state_scale = _symmetric(op, state)
    first = _ratio(op, scale_zero_point(op, source)[0], feature, state_scale)
    output_scale, zero_point = scale_zero_point(op, output)
    second = _ratio(op, state_scale, time, output_scale)
    feature_multiplier, feature_shift = quantize_multiplier(first)
    multiplier, shift = quantize_multiplier(second)
    return {
        "feature_multiplier": feature_multiplier,
        "feature_shift": feature_shift,
        "output_multiplier": multiplier,
        "output_shift": shift,
        "output_zero_point": zero_point,
    }


def _symmetric(op: Op, tensor: Tensor) -> float:
    scale, zero_point = scale_zero_point(op, tensor)
    if zero_point:
        refuse(op, f"tensor {tensor.index} has a zero point", "symmetric weights and state")
    return scale


def _ratio(op: Op, first: float, second: float, divisor: float) -> float:
    with np.errstate(over="ignore"):
        product = np.float32(first) * np.float32(second) / np.float32(divisor)
    return check_ratio(op, float(product))


def _bias(op: Op, graph: Graph, units: int, is_int8: bool) -> npt.NDArray[Any]:
    dtype = "int32" if is_int8 else "float32"
    if op.inputs[_BIAS] < 0:
        return np.zeros(units, dtype)
    return constant_tensor(op, graph, _BIAS, dtype, (units,))
