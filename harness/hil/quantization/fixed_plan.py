"""Which format each tensor of a fixed-point variant gets.

The rule of :mod:`hil.quantization.fixed_format` applies as far as TFLite's kernels allow:

- Tensors that an op must not rescale between (pools, RESHAPE, PAD, CONCATENATION ...) form groups
  of one format: the coarsest that the rule gives a member.
- SOFTMAX, LOGISTIC and TANH write the format that TFLite prescribes. It propagates through a
  group whose values it can hold; else a QUANTIZE op converts to the group's own format.
- No result is finer than its op's arithmetic: a sum of products has n_x + n_w fraction bits, so
  more would only be zeros (and a left shift that overflows). Likewise for the elementwise ops.
- Weights leave headroom for their bias: it may reach 2**30 in q8 and 2**45 in q16, so that sums
  stay within 32 bits, and within the 48 that TFLite's rescaling of int16 sums can take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from hil.errors import UnsupportedModel
from hil.quantization.fixed_format import fraction_bits_for
from hil.quantization.fixed_rules import RULES, data_inputs
from hil.quantization.ranges import Ranges
from hil.records import Array
from hil.tflite.graph import Graph, Op

#: An activation by its tensor, or one use of a constant as (op, position): shared constants are
#: bound by each of their uses alone.
Node = int | tuple[int, int]

_LARGEST_LEFT_SHIFT = 13  # that no int32 of TFLite's kernels overflows on


@dataclass(frozen=True)
class Stored:
    """How a tensor's integers are read: value = (q - zero_point) * 2**-fraction_bits."""

    fraction_bits: int
    zero_point: int = 0


@dataclass
class Plan:
    """The formats of one variant.

    ``nodes`` holds activations and constant operands, ``weights`` the weights' fraction bits by op.
    ``converted`` lists results of a format that TFLite prescribes and that a QUANTIZE op takes into
    the format in ``nodes``: tensor -> the fixed one.
    """

    nodes: dict[Node, Stored] = field(default_factory=dict)
    weights: dict[int, int] = field(default_factory=dict)
    converted: dict[int, Stored] = field(default_factory=dict)


def bias_limit(width: int) -> int:
    """Largest magnitude of a bias, which leaves as much headroom again for the products."""
    return 1 << (30 if width == 8 else 45)


def make_plan(graph: Graph, ranges: Ranges, width: int, q_format: int | None) -> Plan:
    """Choose all formats of a graph that ``fixed_rules.check_supported`` let pass.

    With ``q_format`` (fraction bits) the whole network has that one, except for what TFLite
    prescribes.

    Raises:
        UnsupportedModel: a constant is infinite or not a number.
    """
    return _Planner(graph, ranges, width, q_format).plan()


class _Planner:
    def __init__(self, graph: Graph, ranges: Ranges, width: int, q_format: int | None) -> None:
        self._graph, self._width, self._whole = graph, width, q_format
        self._extent: dict[Node, tuple[float, float]] = {}
        for tensor in graph.tensors:
            found = ranges.tensors.get(tensor.index)
            self._extent[tensor.index] = (found.low, found.high) if found else (0.0, 0.0)
        for op in graph.ops:
            for position in data_inputs(op):
                if isinstance(node := self._node(op, position), tuple):
                    values = graph.tensors[op.inputs[position]].data
                    assert values is not None
                    self._extent[node] = _extent(values, op)
        self._group = _groups(graph, self._extent, self._node)
        self._plan = Plan()

    def _node(self, op: Op, position: int) -> Node:
        index = op.inputs[position]
        return (op.index, position) if self._graph.tensors[index].is_constant else index

    def plan(self) -> Plan:
        bits = {node: self._proposed(members) for node, members in self._by_group().items()}
        fixed = self._fixed_groups()
        for root, stored in fixed.items():
            bits[root] = stored.fraction_bits
        if self._whole is None:
            self._lower(bits, frozenset(fixed))
        else:
            self._plan.weights = {
                op.index: self._whole for op in self._graph.ops if RULES[op.name].kind == "weighted"
            }
        for node in self._extent:
            root = self._group[node]
            self._plan.nodes[node] = fixed.get(root) or Stored(bits[root])
        return self._plan

    def _by_group(self) -> dict[Node, list[Node]]:
        members: dict[Node, list[Node]] = {}
        for node, root in self._group.items():
            members.setdefault(root, []).append(node)
        return members

    def _proposed(self, members: Iterable[Node]) -> int:
        if self._whole is not None:
            return self._whole
        return min(self._rule(self._extent[node]) for node in members)

    def _rule(self, extent: tuple[float, float]) -> int:
        magnitude = max(abs(extent[0]), abs(extent[1]))
        return fraction_bits_for(magnitude, self._width)

    def _fixed_groups(self) -> dict[Node, Stored]:
        """Groups that adopt the format that TFLite prescribes for one of their members."""
        members, fixed = self._by_group(), dict[Node, Stored]()
        for op in self._graph.ops:
            if RULES[op.name].kind != "fixed":
                continue
            output = op.outputs[0]
            root, stored = self._group[output], _fixed_format(op, self._width)
            others = [node for node in members[root] if node != output]
            if fixed.get(root, stored) == stored and all(self._holds(stored, n) for n in others):
                fixed[root] = stored
            else:
                self._plan.converted[output] = stored
        return fixed

    def _holds(self, stored: Stored, node: Node) -> bool:
        """Whether the format reaches both ends of a node's range, within one step."""
        limit = 1 << (self._width - 1)
        low = math.ldexp(-limit - 1 - stored.zero_point, -stored.fraction_bits)
        high = math.ldexp(limit - stored.zero_point, -stored.fraction_bits)
        return low <= self._extent[node][0] and self._extent[node][1] <= high

    # Caps. Lowering a format can only lower others, so the loop terminates.

    def _lower(self, bits: dict[Node, int], fixed: frozenset[Node]) -> None:
        changed = True
        while changed:
            changed = False
            for op in self._graph.ops:
                inputs = [bits[self._group[self._node(op, p)]] for p in data_inputs(op)]
                if RULES[op.name].kind == "weighted":
                    self._plan.weights[op.index] = self._weights_bits(op, inputs[0])
                    inputs.append(self._plan.weights[op.index])
                caps: list[tuple[Node, int | None]] = [
                    (op.outputs[0], _finest(op, inputs, self._width))
                ]
                if op.name == "SOFTMAX":
                    caps.append((self._node(op, 0), _finest_of_softmax(op)))
                for node, cap in caps:
                    root = self._group[node]
                    if cap is not None and root not in fixed and bits[root] > cap:
                        bits[root], changed = cap, True

    def _weights_bits(self, op: Op, input_bits: int) -> int:
        weights = self._graph.tensors[op.inputs[1]].data
        assert weights is not None
        bits = self._rule(_extent(weights, op))
        if len(op.inputs) > 2 and op.inputs[2] >= 0:
            bias = self._graph.tensors[op.inputs[2]].data
            assert bias is not None
            low, high = _extent(bias, op)
            headroom = math.frexp(bias_limit(self._width))[1] - 1
            bits = min(bits, headroom - math.frexp(max(abs(low), abs(high)))[1] - input_bits)
        return bits


def _finest(op: Op, inputs: list[int], width: int) -> int | None:
    """Most fraction bits that the op's result can use; None: no limit."""
    cap = _finest_sum(op, inputs, width)
    bounded = {op.name, op.options.get("fused_activation_function")} & {"RELU6", "RELU_N1_TO_1"}
    if cap is not None and bounded:
        # The bounds are whole numbers: they need steps of 1, and coarse inputs a shift to the left.
        return max(cap, min(0, cap + _LARGEST_LEFT_SHIFT))
    return cap


def _finest_of_softmax(op: Op) -> int:
    """Most fraction bits of the input: TFLite aborts unless beta * scale * 2**26 is above one."""
    return 24 + math.frexp(float(op.options["beta"]))[1]


def _finest_sum(op: Op, inputs: list[int], width: int) -> int | None:
    name = op.name
    if RULES[name].kind == "weighted" or name == "MUL":
        return sum(inputs)
    if name in ("ADD", "SUB"):
        # TFLite shifts both operands left by 20 or 15 and needs a factor below one.
        return min(max(inputs), min(inputs) + (18 if width == 8 else 13))
    if name == "MEAN":
        return inputs[0] + width - 1
    return inputs[0] if RULES[name].kind == "free" else None


def _fixed_format(op: Op, width: int) -> Stored:
    return Stored(*RULES[op.name].fixed_int8) if width == 8 else Stored(15)


def _extent(values: Array, op: Op) -> tuple[float, float]:
    if not values.size:
        return 0.0, 0.0
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnsupportedModel(
            f"op {op.index} ({op.name}) has a constant that is infinite or not a number",
            hint="such a model cannot be quantized; check how it was trained",
        )
    return low, high


def _groups(
    graph: Graph, nodes: Iterable[Node], node_of: Callable[[Op, int], Node]
) -> Mapping[Node, Node]:
    """Map every node to the representative of those that must share its format."""
    parent: dict[Node, Node] = {node: node for node in nodes}

    def find(node: Node) -> Node:
        while parent[node] != node:
            node = parent[node]
        return node

    for op in graph.ops:
        if RULES[op.name].kind == "same":
            first = find(node_of(op, data_inputs(op)[0]))
            joined = [node_of(op, position) for position in data_inputs(op)[1:]]
            for node in (*joined, *op.outputs):
                parent[find(node)] = first
    return {node: find(node) for node in parent}
