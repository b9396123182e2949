"""Hybrid ops: float32 activations with int8 weights (dynamic-range quantization).

The kernels quantize their input while the model runs, multiply integers and scale the sums in
float32.
Sources in TensorFlow 2.14, below tensorflow/lite/kernels: conv.cc (EvalHybrid,
EvalHybridPerChannel), depthwise_conv.cc, fully_connected.cc (EvalHybridDense) and
internal/reference/portable_tensor_utils.cc.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.literals import struct_literal
from hil.engines.aot.lower import Constant, refuse
from hil.engines.aot.quant import activation_range_f32, quantization
from hil.engines.aot.stage import Stage
from hil.engines.aot.window import bias_values
from hil.tflite.graph import Graph, Op

_LARGEST_PRODUCT = 255 * 128  # of an input less its offset and a weight
_WIDEST_SUM = 1 << 31


def hybrid_stage(
    op: Op, graph: Graph, rows: npt.NDArray[np.int8], *, asymmetric: bool, scales_first: bool
) -> Stage:
    """The ``hil_stage_hybrid`` of an op with weights ``rows`` [channels, depth]."""
    channels = len(rows)
    flat = rows.reshape(channels, -1)
    if flat.shape[1] * _LARGEST_PRODUCT >= _WIDEST_SUM:
        refuse(op, f"sums of {flat.shape[1]} products", "sums that 32 bits hold")
    scales = quantization(op, graph.tensors[op.inputs[1]]).scale.astype(np.float32)
    act_min, act_max = activation_range_f32(op)
    constants = {"scale": Constant(scales, "tables")}
    if asymmetric:
        constants["weight_sums"] = Constant(flat.sum(axis=1, dtype=np.int32), "tables")
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        constants["bias"] = Constant(bias_values(op, graph, channels, "float32"), "weights")
    fields = {
        **{name: f"{{{name}}}" for name in constants},
        "scale_mask": 0 if scales.size == 1 else -1,
        "scales_first": scales_first,
        "act_min": act_min,
        "act_max": act_max,
    }
    return Stage("hybrid", struct_literal(fields), constants)


def is_per_channel(op: Op, graph: Graph, channels: int) -> bool:
    """Whether weights have several scales; refuses a number other than 1 and ``channels``."""
    scale: npt.NDArray[Any] = quantization(op, graph.tensors[op.inputs[1]]).scale
    if scale.size not in (1, channels):
        refuse(
            op,
            f"{scale.size} weight scales for {channels} output channels",
            "one scale, or one for each output channel",
        )
    return bool((scale != scale[0]).any())
