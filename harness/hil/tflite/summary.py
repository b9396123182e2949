"""A model before it runs: sizes, multiply-accumulates and memory of each op."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hil.tflite.graph import Graph, Op, Tensor
from hil.tflite.model import Model


@dataclass(frozen=True)
class OpMemory:
    """Memory of an op, in bytes.

    ``activation_bytes`` is what must be in RAM while it runs: its inputs and outputs that are not
    constants. ``live_bytes`` adds the tensors that only wait for a later op.
    """

    weights_bytes: int
    activation_bytes: int
    live_bytes: int


@dataclass(frozen=True)
class ModelSummary:
    """A model with the lifetimes of its tensors and the memory of its ops.

    ``lifetimes`` has (first op, last op) of each tensor (``Graph.lifetime``), None for a constant
    and for a tensor that no op uses.
    """

    model: Model
    lifetimes: tuple[tuple[int, int] | None, ...]
    memory: tuple[OpMemory, ...]

    @property
    def graph(self) -> Graph:
        """The model's graph."""
        return self.model.graph

    @cached_property
    def weights_bytes(self) -> int:
        """Bytes of all constants that ops read; those that several ops share count once."""
        used = {index for op in self.graph.ops for index in op.inputs if index >= 0}
        tensors = [self.graph.tensors[index] for index in used]
        return sum(tensor.nbytes for tensor in tensors if tensor.is_constant)

    @property
    def peak_live_bytes(self) -> int:
        """The largest ``live_bytes``: no arena without in-place ops is smaller."""
        return max((memory.live_bytes for memory in self.memory), default=0)

    @property
    def largest_activations(self) -> list[int]:
        """Indices of the three ops with the largest ``activation_bytes``, largest first."""
        indices = range(len(self.memory))
        return sorted(indices, key=lambda i: (-self.memory[i].activation_bytes, i))[:3]

    def to_dict(self) -> dict[str, Any]:
        """Return the data of the schema ``hil.model.inspect/1``."""
        graph = self.graph
        return {
            "name": graph.name,
            "sha256": self.model.sha256,
            "size_bytes": self.model.size_bytes,
            "description": graph.description,
            "arithmetic": graph.dtype,
            "macs": graph.macs,
            "weights_bytes": self.weights_bytes,
            "peak_live_bytes": self.peak_live_bytes,
            "largest_activations": self.largest_activations,
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "ops": [self._op(op) for op in graph.ops],
            "tensors": [self._tensor(tensor) for tensor in graph.tensors],
        }

    def _op(self, op: Op) -> dict[str, Any]:
        output = self.graph.tensors[op.outputs[0]]
        return {
            "index": op.index,
            "op": op.name,
            "version": op.version,
            "name": output.name,
            "inputs": op.inputs,
            "outputs": op.outputs,
            "shape": output.shape,
            "dtype": output.dtype,
            "macs": op.macs,
            **vars(self.memory[op.index]),
            "options": op.options,
        }

    def _tensor(self, tensor: Tensor) -> dict[str, Any]:
        q = tensor.quantization
        first, last = self.lifetimes[tensor.index] or (None, None)
        return {
            "index": tensor.index,
            "name": tensor.name,
            "shape": tensor.shape,
            "dtype": tensor.dtype,
            "nbytes": tensor.nbytes,
            "constant": tensor.is_constant,
            "scale": [float(scale) for scale in q.scale] if q else [],
            "zero_point": [int(zero_point) for zero_point in q.zero_point] if q else [],
            "axis": q.axis if q and q.per_channel else None,
            "first_op": first,
            "last_op": last,
        }


def summarize(model: Model) -> ModelSummary:
    """Summarize a model."""
    graph = model.graph
    lifetimes = tuple(_lifetime(graph, tensor) for tensor in graph.tensors)
    return ModelSummary(model, lifetimes, tuple(_memory(graph, op, lifetimes) for op in graph.ops))


def _lifetime(graph: Graph, tensor: Tensor) -> tuple[int, int] | None:
    first, last = graph.lifetime(tensor.index)
    return None if tensor.is_constant or first > last else (first, last)


def _memory(graph: Graph, op: Op, lifetimes: tuple[tuple[int, int] | None, ...]) -> OpMemory:
    touched = [graph.tensors[i] for i in {*op.inputs, *op.outputs} if i >= 0]
    weights = sum(tensor.nbytes for tensor in touched if tensor.is_constant)
    live = sum(
        tensor.nbytes
        for tensor, lifetime in zip(graph.tensors, lifetimes, strict=True)
        if lifetime is not None and lifetime[0] <= op.index <= lifetime[1]
    )
    return OpMemory(weights, sum(tensor.nbytes for tensor in touched) - weights, live)
