"""q8 and q16: a float32 model as fixed point Qm.n, written as an ordinary .tflite.

Every tensor has a power-of-two scale and zero point 0 (SOFTMAX and LOGISTIC write what TFLite
prescribes, in int8 with zero point -128). Activations and weights are int8 or int16, per tensor;
biases are int32 or int64 of scale s_x * s_w. q8 runs wherever int8 models do. q16 has int16
weights, for which TFLite has no kernel: ``hil.tflite.fixed16`` and docs/fixed-point.md say what it
computes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hil.errors import UsageError
from hil.quantization.fixed_format import floored, parse_format
from hil.quantization.fixed_plan import Plan, Stored, bias_limit, make_plan
from hil.quantization.fixed_rules import RULES, check_supported, data_inputs
from hil.quantization.ranges import Ranges
from hil.records import Array
from hil.tflite.graph import Graph, Op, Quantization, Tensor
from hil.tflite.writer import write_model

Scheme = Literal["q8", "q16"]
Io = Literal["int", "float32"]

WIDTH = {"q8": 8, "q16": 16}


def quantize_fixed_point(
    graph: Graph,
    ranges: Ranges,
    scheme: Scheme,
    *,
    q_format: str | None = None,
    io: Io = "int",
) -> bytes:
    """Return the .tflite of the ``q8`` or ``q16`` variant of a float32 model.

    ``ranges`` are the graph's (``hil.quantization.ranges.calibrate``). Each tensor gets the format
    that its own largest magnitude requires, or all get ``q_format`` (such as ``Q7.9`` for q16).
    Inputs and outputs are integers, or float32 with QUANTIZE and DEQUANTIZE ops at the edges.
    Tensors keep their index and name; those that are added follow. Equal arguments, equal
    bytes.

    Raises:
        UnsupportedModel: the model is not float32, or an op has no fixed-point form.
        UsageError: ``q_format`` is not a format of the scheme's width.
    """
    if scheme not in WIDTH:
        raise UsageError(f"unknown fixed-point scheme '{scheme}'", hint="give q8 or q16")
    width = WIDTH[scheme]
    whole = parse_format(q_format, width) if q_format is not None else None
    check_supported(graph, width)
    plan = make_plan(graph, ranges, width, whole)
    return _Builder(graph, plan, width, io).build()


@dataclass
class _Builder:
    """Turns the graph's tensors and ops one by one; what they need in addition is appended."""

    graph: Graph
    plan: Plan
    width: int
    io: Io
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    _integers_of: dict[int, int] = field(default_factory=dict)
    _constants: dict[tuple[Any, ...], int] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)

    def build(self) -> bytes:
        graph = self.graph
        kept = {i for op in graph.ops for p, i in enumerate(op.inputs) if not _is_value(op, p)}
        # Nothing uses what stays a float constant here: its data is dropped.
        self.tensors = [
            dataclasses.replace(t, data=None) if t.is_constant and t.index not in kept else t
            for t in graph.tensors
        ]
        self._activations()
        if self.io == "float32":
            self._float_inputs()
        for op in graph.ops:
            self._op(op)
        if self.io == "float32":
            self._float_outputs()
        ops = tuple(dataclasses.replace(op, index=number) for number, op in enumerate(self.ops))
        made = dataclasses.replace(graph, tensors=tuple(self.tensors), ops=ops)
        return write_model(made)

    # Activations

    def _activations(self) -> None:
        written = {*self.graph.inputs, *(i for op in self.graph.ops for i in op.outputs)}
        edge = {*self.graph.inputs, *self.graph.outputs} if self.io == "float32" else set()
        for index in sorted(written):
            tensor, stored = self.graph.tensors[index], self.plan.nodes[index]
            if index in edge:
                name = f"{tensor.name}_int{self.width}"
                self._integers_of[index] = self._add(tensor, stored, name)
            else:
                self._integers_of[index] = index
                self._set(index, tensor, stored)

    def _float_inputs(self) -> None:
        for index in dict.fromkeys(self.graph.inputs):
            self._convert("QUANTIZE", index, self._integers_of[index])

    def _float_outputs(self) -> None:
        for index in dict.fromkeys(self.graph.outputs):
            if index not in self.graph.inputs:
                self._convert("DEQUANTIZE", self._integers_of[index], index)

    def _convert(self, name: str, source: int, output: int) -> None:
        """Append a QUANTIZE or DEQUANTIZE, in the version that knows these dtypes."""
        wide = self.width == 16
        version = (3 if wide else 2) if name == "DEQUANTIZE" else (2 if wide else 1)
        self.ops.append(Op(0, name, version, (source,), (output,), {}, 0))

    # Ops

    def _op(self, op: Op) -> None:
        inputs = [
            index if index < 0 else self._input(op, position)
            for position, index in enumerate(op.inputs)
        ]
        outputs = [self._integers_of[index] for index in op.outputs]
        options = dict(op.options)
        if "pot_scale_int16" in options:  # the general rescaling: both operands may need a shift
            options["pot_scale_int16"] = False
        version = RULES[op.name].versions[self.width > 8]
        made = dataclasses.replace(op, version=version, inputs=tuple(inputs), options=options)
        if (fixed := self.plan.converted.get(op.outputs[0])) is None:
            self.ops.append(dataclasses.replace(made, outputs=tuple(outputs)))
            return
        tensor = self.graph.tensors[op.outputs[0]]
        own = self._add(tensor, fixed, f"{tensor.name}_{op.name.lower()}")
        self.ops.append(dataclasses.replace(made, outputs=(own,)))
        self._convert("QUANTIZE", own, outputs[0])

    def _input(self, op: Op, position: int) -> int:
        index = op.inputs[position]
        tensor = self.graph.tensors[index]
        if not _is_value(op, position):
            return index
        if not tensor.is_constant:
            return self._integers_of[index]
        if position in data_inputs(op):
            return self._constant(tensor, self.plan.nodes[op.index, position])
        weights = self.plan.weights[op.index]
        if position == 1:
            return self._constant(tensor, Stored(weights))
        source = self._integers_of.get(op.inputs[0])
        x = self.plan.nodes[op.inputs[0] if source is not None else (op.index, 0)]
        return self._constant(tensor, Stored(x.fraction_bits + weights), is_bias=True)

    def _constant(self, tensor: Tensor, stored: Stored, *, is_bias: bool = False) -> int:
        """Return the constant in this format: the tensor itself the first time, else a copy."""
        key = (tensor.index, stored, is_bias)
        if key in self._constants:
            return self._constants[key]
        if tensor.index in self._taken:
            index = self._add(tensor, stored, f"{tensor.name}_{len(self.tensors)}", is_bias=is_bias)
        else:
            index = tensor.index
            self._set(index, tensor, stored, is_bias=is_bias)
        self._taken.add(tensor.index)
        self._constants[key] = index
        return index

    # Tensors

    def _add(self, tensor: Tensor, stored: Stored, name: str, *, is_bias: bool = False) -> int:
        index = len(self.tensors)
        self.tensors.append(tensor)
        self._set(index, dataclasses.replace(tensor, name=name), stored, is_bias=is_bias)
        return index

    def _set(self, index: int, tensor: Tensor, stored: Stored, *, is_bias: bool = False) -> None:
        """Put ``tensor`` at ``index`` as integers; a bias has four times the width."""
        width = 4 * self.width if is_bias else self.width
        data = None
        if tensor.data is not None:
            data = self._integers(tensor.data, stored, is_bias=is_bias).astype(f"int{width}")
        self.tensors[index] = dataclasses.replace(
            tensor,
            index=index,
            dtype=f"int{width}",
            quantization=_quantization(stored),
            data=data,
        )

    def _integers(self, values: Array, stored: Stored, *, is_bias: bool = False) -> Array:
        if is_bias:
            limit = bias_limit(self.width)
            return floored(values, stored.fraction_bits, -limit, limit)
        low = -(1 << (self.width - 1)) - stored.zero_point
        q = floored(values, stored.fraction_bits, low, low + (1 << self.width) - 1)
        return q + stored.zero_point


def _is_value(op: Op, position: int) -> bool:
    """Whether an input becomes integers of a format: not a shape, an axis or a padding."""
    weighted = RULES[op.name].kind == "weighted"
    return weighted or position in data_inputs(op)


def _quantization(stored: Stored) -> Quantization:
    scale = np.ldexp(1.0, -stored.fraction_bits)
    return Quantization(
        np.array([scale], np.float32), np.array([stored.zero_point], np.int64), axis=0
    )
