"""A model before it runs: sizes, multiply-accumulates and memory of each op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.tflite.graph import Graph, Op, Tensor
from hil.tflite.model import Model


@dataclass(frozen=True)
class TensorSummary:
    """A tensor. ``scale`` and ``zero_point`` are empty where it is not quantized, and have one
    entry per slice along ``axis`` where quantization is per channel. ``first_op`` and
    ``last_op`` are the ops between which it must be kept (None for a constant, and where no op
    touches it); see ``Graph.lifetime``.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    constant: bool
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None
    first_op: int | None
    last_op: int | None

    @property
    def quantization(self) -> str:
        """As text: ``scale 0.0039, zero point -128``, ``16 scales along axis 0`` or ``none``."""
        if not self.scale:
            return "none"
        if self.axis is not None:
            return f"{len(self.scale)} scales along axis {self.axis}"
        return f"scale {self.scale[0]:.7g}, zero point {self.zero_point[0]}"


@dataclass(frozen=True)
class OpSummary:
    """An op; ``name`` is its first output. ``activation_bytes`` is what must be in RAM while it
    runs at the least: its inputs and outputs that are not constants. ``live_bytes`` adds the
    tensors that only wait for a later op.
    """

    index: int
    op: str
    version: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str
    macs: int
    weights_bytes: int
    activation_bytes: int
    live_bytes: int
    options: Mapping[str, Any]


@dataclass(frozen=True)
class ModelSummary:
    """A whole model. ``weights_bytes`` counts every constant once, also when ops share it.

    ``peak_live_bytes`` is the largest ``live_bytes``: no arena without in-place ops is smaller.
    ``largest_activations`` are the op indices with the largest ``activation_bytes``, largest first.
    """

    name: str
    sha256: str
    size_bytes: int
    description: str
    arithmetic: str
    macs: int
    weights_bytes: int
    peak_live_bytes: int
    largest_activations: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    ops: tuple[OpSummary, ...]
    tensors: tuple[TensorSummary, ...]


def summarize(model: Model, largest: int = 3) -> ModelSummary:
    """Summarize a model, naming its ``largest`` ops by the activations that they touch."""
    graph = model.graph
    tensors = tuple(_tensor(graph, tensor) for tensor in graph.tensors)
    ops = tuple(_op(graph, op, tensors) for op in graph.ops)
    by_size = sorted(ops, key=lambda op: (-op.activation_bytes, op.index))
    used = {index for op in graph.ops for index in op.inputs if index >= 0}
    return ModelSummary(
        name=graph.name,
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        description=graph.description,
        arithmetic=graph.dtype,
        macs=graph.macs,
        weights_bytes=sum(graph.tensors[i].nbytes for i in used if graph.tensors[i].is_constant),
        peak_live_bytes=max((op.live_bytes for op in ops), default=0),
        largest_activations=tuple(op.index for op in by_size[:largest]),
        inputs=graph.inputs,
        outputs=graph.outputs,
        ops=ops,
        tensors=tensors,
    )


def _tensor(graph: Graph, tensor: Tensor) -> TensorSummary:
    quantization = tensor.quantization
    first, last = graph.lifetime(tensor.index)
    in_ram = not tensor.is_constant and first <= last
    return TensorSummary(
        index=tensor.index,
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        nbytes=tensor.nbytes,
        constant=tensor.is_constant,
        scale=tuple(float(s) for s in quantization.scale) if quantization else (),
        zero_point=tuple(int(z) for z in quantization.zero_point) if quantization else (),
        axis=quantization.axis if quantization and quantization.per_channel else None,
        first_op=first if in_ram else None,
        last_op=last if in_ram else None,
    )


def _op(graph: Graph, op: Op, tensors: tuple[TensorSummary, ...]) -> OpSummary:
    touched = {index for index in (*op.inputs, *op.outputs) if index >= 0}
    live = [
        t.nbytes
        for t in tensors
        if t.first_op is not None and t.last_op is not None and t.first_op <= op.index <= t.last_op
    ]
    output = graph.tensors[op.outputs[0]]
    return OpSummary(
        index=op.index,
        op=op.name,
        version=op.version,
        name=output.name,
        inputs=op.inputs,
        outputs=op.outputs,
        shape=output.shape,
        dtype=output.dtype,
        macs=op.macs,
        weights_bytes=sum(tensors[i].nbytes for i in touched if tensors[i].constant),
        activation_bytes=sum(tensors[i].nbytes for i in touched if not tensors[i].constant),
        live_bytes=sum(live),
        options=op.options,
    )
