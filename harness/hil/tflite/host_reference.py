"""The host's reference of a model: which implementation computes the expected outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hil.records import Array
from hil.tflite.fixed16 import Fixed16Reference, is_needed
from hil.tflite.interpreter import Lease
from hil.tflite.model import Model
from hil.tflite.reference import Reference


class HostReference(Protocol):
    """Computes the expected outputs of a model on the host."""

    @property
    def version(self) -> str:
        """What computes, with its version; for reports."""

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Run one inference; copies of the outputs in the model's order."""

    def tensor(self, index: int) -> Array:
        """Return a copy of a tensor as the last run left it (made with ``keep_all=True``)."""


def reference_for(
    model: Model, *, keep_all: bool = False, lease: Lease | None = None
) -> HostReference:
    """Return a model's reference: TFLite's, or ours for int16 weights, which TFLite cannot run.

    ``keep_all`` keeps every tensor for ``tensor(index)``. ``lease`` is the worker that runs it.

    Raises:
        ModelError: the model cannot be run.
        ReferenceFailed: TFLite crashed on the model.
        UnsupportedModel: int16 weights with scales that our reference does not define.
        MissingTool: no TFLite interpreter is installed.
    """
    if is_needed(model.graph):
        return Fixed16Reference(model.graph, lease)
    return Reference(model, keep_all=keep_all, lease=lease)
