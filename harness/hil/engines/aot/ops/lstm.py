"""UNIDIRECTIONAL_SEQUENCE_LSTM as converters write it: four gates and nothing beyond.

Peepholes, projection and layer normalization are refused. Sources, below tensorflow/lite/kernels:
unidirectional_sequence_lstm.cc (PopulateQuantizedLstmParams8x8_16) and lstm_eval.cc
(LstmStepInteger8x8_16, LstmStepFloat).
"""

from __future__ import annotations

import math

import numpy as np

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
from hil.engines.aot.quant import (
    checked_log2,
    quantize_multiplier,
    scale_zero_point,
    wrap_int32,
)
from hil.tflite.graph import Graph, Op, Tensor

_GATES = ("input", "forget", "cell", "output")
_WEIGHTS, _RECURRENT, _BIAS = 1, 5, 12  # of the input gate; those of the others follow
_HIDDEN, _CELLS = 18, 19
_ABSENT = {
    **dict.fromkeys((9, 10, 11), "peepholes"),
    **dict.fromkeys((16, 17), "a projection"),
    **dict.fromkeys((20, 21, 22, 23), "layer normalization"),
}
_HIDDEN_STEP = 4  # of the intermediates
_GATE_SCALE = np.float32(2.0**-12)  # of what a sigmoid or tanh inside takes
_MAX_CELL_BITS = 6


@lowers("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lower_lstm(op: Op, graph: Graph) -> Lowered:
    """Inputs as in TFLite's lstm_shared.h; the state is in variables."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int8", "float32"))
    _check_form(op)
    hidden, cells = state_tensor(op, graph, _HIDDEN), state_tensor(op, graph, _CELLS)
    sizes = _sizes(op, source, output)
    expected = ("int8", "int16") if dtype == "int8" else ("float32", "float32")
    shape = (sizes["batches"], sizes["cells"])
    if (hidden.dtype, cells.dtype) != expected or {hidden.shape, cells.shape} != {shape}:
        refuse(
            op,
            f"state of {hidden.dtype} {hidden.shape} and {cells.dtype} {cells.shape}",
            f"state of {expected[0]} and {expected[1]}, shapes {shape}",
        )
    constants: dict[str, Constant] = {}
    make = _gate_s8 if dtype == "int8" else _gate_f32
    gates = [make(op, graph, gate, sizes, constants) for gate in range(len(_GATES))]
    # A struct's fields are numbers, texts and structs: the four gates are an array by designators.
    fields: dict[str, Value] = {"sizes": sizes}
    fields |= {f"gates[{at}]": gate for at, gate in enumerate(gates)}
    fields |= _int8_fields(op, graph, cells) if dtype == "int8" else _float32_fields(op)
    return kernel_call(
        "lstm_s8" if dtype == "int8" else "lstm_f32",
        fields,
        "lstm.c",
        operands=f"{{in0}}, {{state{_HIDDEN}}}, {{state{_CELLS}}}, {{out0}}",
        constants=constants,
    )


def _check_form(op: Op) -> None:
    if len(op.inputs) not in (20, 24):
        refuse(op, f"{len(op.inputs)} inputs", "20 or 24 inputs")
    for position, what in _ABSENT.items():
        if position < len(op.inputs) and op.inputs[position] >= 0:
            refuse(op, f"{what} (input {position})", "LSTMs without " + what)
    if op.options.get("fused_activation_function") != "TANH":
        refuse(op, "an activation other than TANH", "TANH")
    if op.options.get("diagonal_recurrent_tensors"):
        refuse(op, "diagonal recurrent weights", "matrices of recurrent weights")
    if not 0 <= _clip(op) < math.inf:
        refuse(op, f"a cell clip of {_clip(op):g}", "cell clips from 0 on")


def _clip(op: Op) -> float:
    return float(op.options.get("cell_clip", 0.0))


def _sizes(op: Op, source: Tensor, output: Tensor) -> dict[str, int]:
    if len(source.shape) != 3 or len(output.shape) != 3:
        refuse(op, f"shapes {source.shape} and {output.shape}", "sequences of rank 3")
    same_shape(op, output, (*source.shape[:2], output.shape[2]))
    time_major = bool(op.options.get("time_major"))
    steps, batches = source.shape[:2] if time_major else source.shape[1::-1]
    return {
        "batches": batches,
        "steps": steps,
        "inputs": source.shape[2],
        "cells": output.shape[2],
        "batch_stride": 1 if time_major else steps,
        "step_stride": batches if time_major else 1,
    }


def _gate_f32(
    op: Op, graph: Graph, gate: int, sizes: dict[str, int], constants: dict[str, Constant]
) -> Value:
    name, cells = _GATES[gate], sizes["cells"]
    shapes = {
        "weights": (_WEIGHTS, (cells, sizes["inputs"])),
        "recurrent": (_RECURRENT, (cells, cells)),
        "bias": (_BIAS, (cells,)),
    }
    for part, (first, shape) in shapes.items():
        data = constant_tensor(op, graph, first + gate, "float32", shape)
        constants[f"{name}_{part}"] = Constant(data, "weights")
    return {part: f"{{{name}_{part}}}" for part in shapes}


def _gate_s8(
    op: Op, graph: Graph, gate: int, sizes: dict[str, int], constants: dict[str, Constant]
) -> Value:
    """A gate's sums of inputs and of the hidden state have a multiplier each."""
    name, cells = _GATES[gate], sizes["cells"]
    bias = constant_tensor(op, graph, _BIAS + gate, "int32", (cells,)).astype(np.int64)
    fields: dict[str, Value] = {}
    for prefix, part, first, width, position in (
        ("", "weights", _WEIGHTS, sizes["inputs"], 0),
        ("recurrent_", "recurrent", _RECURRENT, cells, _HIDDEN),
    ):
        weights = constant_tensor(op, graph, first + gate, "int8", (cells, width))
        scale, offset = scale_zero_point(op, graph.tensors[op.inputs[first + gate]])
        if offset:
            refuse(op, f"weights with a zero point (input {first + gate})", "symmetric weights")
        in_scale, zero_point = scale_zero_point(op, graph.tensors[op.inputs[position]])
        sums = wrap_int32(bias - zero_point * weights.sum(axis=1, dtype=np.int64))
        constants[f"{name}_{part}"] = Constant(weights, "weights")
        constants[f"{name}_{prefix}bias"] = Constant(sums, "tables")
        with np.errstate(over="ignore"):
            ratio = float(np.float32(scale) * np.float32(in_scale) / _GATE_SCALE)
        multiplier, shift = quantize_multiplier(check_ratio(op, ratio))
        fields |= {
            part: f"{{{name}_{part}}}",
            f"{prefix}bias": f"{{{name}_{prefix}bias}}",
            f"{prefix}multiplier": multiplier,
            f"{prefix}shift": shift,
        }
        bias = np.zeros_like(bias)
    return fields


def _int8_fields(op: Op, graph: Graph, cells: Tensor) -> dict[str, Value]:
    """What comes after the gates; the hidden step's quantization is that of an intermediate."""
    if len(op.intermediates) <= _HIDDEN_STEP or op.intermediates[_HIDDEN_STEP] < 0:
        refuse(op, "no quantization of the hidden step", "int8 LSTMs with five intermediates")
    hidden = graph.tensors[op.intermediates[_HIDDEN_STEP]]
    scale, zero_point = scale_zero_point(op, hidden)
    cell_scale, _ = scale_zero_point(op, cells)
    exponent = checked_log2(cell_scale)
    if exponent is None or not 0 <= exponent + 15 <= _MAX_CELL_BITS:
        refuse(op, f"a cell state of scale {cell_scale:g}", "powers of two from 2**-15 to 2**-9")
    multiplier, shift = quantize_multiplier(
        check_ratio(op, float(np.float32(2.0**-15 / scale * 2.0**-15)))
    )
    clip = min(32767, int(np.float32(_clip(op)) / np.float32(cell_scale)))
    return {
        "cell_bits": exponent + 15,
        "cell_min": -clip if clip > 0 else -32768,
        "cell_max": clip if clip > 0 else 32767,
        "hidden_multiplier": multiplier,
        "hidden_shift": shift,
        "hidden_zero_point": zero_point,
    }


def _float32_fields(op: Op) -> dict[str, Value]:
    return {"cell_clip": _clip(op) or math.inf}
