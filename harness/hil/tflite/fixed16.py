"""The host's reference for models with int16 weights (q16), for which TFLite has no kernel.

CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED with int16 activations and weights are computed here
(:mod:`hil.tflite.fixed16_ops`); every other op by TFLite's own reference kernels, as a model of
one op. docs/fixed-point.md defines the arithmetic:

- Scales of input, weights and output are powers of two, one each; zero points are 0; the bias, if
  there is one, is int64 with the input's times the weights' scale.
- acc = sum of x * w over the window (padding counts 0) + bias, exact.
- k = n_x + n_w - n_y fraction bits too many: (acc + 2**(k-1)) >> k for k > 0 (ties towards plus
  infinity), else acc << -k; then clamped to the fused activation's range within int16.

Errors name the op that does not follow this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from hil.errors import InputError
from hil.records import Array
from hil.tflite.fixed16_ops import lowered
from hil.tflite.graph import Graph, Op
from hil.tflite.interpreter import Lease
from hil.tflite.model import Model
from hil.tflite.reference import Reference, check_inputs

REVISION = 1  # counts changes of what is computed

Step = Callable[[Mapping[int, Array]], Sequence[Array]]


def is_needed(graph: Graph) -> bool:
    """Whether an op of the graph needs this reference."""
    return any(graph.has_int16_weights(op) for op in graph.ops)


class Fixed16Reference:
    """An interpreter for one model with int16 weights; the interface is ``HostReference``'s.

    All tensors are kept: :meth:`tensor` needs no ``keep_all``.

    Raises:
        UnsupportedModel: an op with int16 weights whose scales, dtypes or options are not as above.
        ModelError: TFLite refuses one of the other ops.
        ReferenceFailed: TFLite crashed on one of the other ops.
        MissingTool: no TFLite interpreter is installed.
    """

    def __init__(self, graph: Graph, lease: Lease | None = None) -> None:
        self._graph, self._lease = graph, lease
        self._steps: list[tuple[Op, Step]] = []
        self._others: list[Reference] = []
        for op in graph.ops:
            step = lowered(op, graph) if graph.has_int16_weights(op) else self._by_tflite(op)
            self._steps.append((op, step))
        self._constants = {t.index: t.data for t in graph.tensors if t.data is not None}
        self._values: dict[int, Array] = {}

    @property
    def version(self) -> str:
        """What computes, such as ``hil q16 reference 1 with tflite-runtime 2.14.0 BUILTIN_REF``."""
        others = f" with {self._others[0].version}" if self._others else ""
        return f"hil q16 reference {REVISION}{others}"

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Run one inference; arrays in the order, shapes and dtypes of the model's inputs.

        Returns copies of the outputs, in the model's order.

        Raises:
            InputError: number, shape or dtype of the inputs differ from the model's.
        """
        check_inputs(self._graph.input_tensors, inputs)
        given = zip(self._graph.inputs, inputs, strict=True)
        values = {**self._constants, **{index: array.copy() for index, array in given}}
        for op, step in self._steps:
            values.update(zip(op.outputs, step(values), strict=True))
        self._values = values
        return tuple(values[index].copy() for index in self._graph.outputs)

    def tensor(self, index: int) -> Array:
        """Return a copy of any tensor of the model, as the last :meth:`run` left it.

        Raises:
            InputError: the model has no such tensor, or it has no data.
        """
        if index not in self._values:
            raise InputError(
                f"tensor {index} has no data",
                hint="run the model first; `hil model inspect` shows its tensors",
            )
        return self._values[index].copy()

    def _by_tflite(self, op: Op) -> Step:
        """Return a step that runs the op as a model of its own in TFLite's reference kernels."""
        model, sources = _model_of(op, self._graph)
        self._lease = self._lease or Lease()  # one worker for all of them
        reference = Reference(Model.of_graph(model), lease=self._lease)
        self._others.append(reference)
        return lambda values: reference.run([values[index] for index in sources])


def _model_of(op: Op, graph: Graph) -> tuple[Graph, tuple[int, ...]]:
    """Return a graph of just ``op``, and the tensors of ``graph`` that are its inputs."""
    used = list(dict.fromkeys(i for i in (*op.inputs, *op.outputs) if i >= 0))
    number = {index: position for position, index in enumerate(used)}
    number[-1] = -1
    tensors = tuple(
        dataclasses.replace(graph.tensors[index], index=number[index]) for index in used
    )
    sources = tuple(
        dict.fromkeys(i for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant)
    )
    alone = dataclasses.replace(
        op,
        index=0,
        inputs=tuple(number[i] for i in op.inputs),
        outputs=tuple(number[i] for i in op.outputs),
    )
    model = dataclasses.replace(
        graph,
        tensors=tensors,
        ops=(alone,),
        inputs=tuple(number[i] for i in sources),
        outputs=alone.outputs,
    )
    return model, sources
