"""TFLite's own reference kernels on the host, to compare the device's outputs with.

The optimised kernels (XNNPACK) of the host round differently; only ``BUILTIN_REF`` is meant to be
matched bit for bit. LiteRT's, where tflite-runtime does not exist, are held to the same arithmetic
(``hil.tflite.litert``).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata

import numpy as np

from hil.errors import InputError, MissingTool, ModelError
from hil.records import Array
from hil.tflite.axes import with_valid_axes
from hil.tflite.block_maps import with_block_maps
from hil.tflite.graph import Graph, Tensor
from hil.tflite.interpreter import Lease, Refused
from hil.tflite.keep import with_all_outputs
from hil.tflite.model import Model
from hil.tflite.schema import root

LITERT = "ai-edge-litert"
_INTERPRETERS = {
    "tflite_runtime.interpreter": "tflite-runtime",
    "ai_edge_litert.interpreter": LITERT,
}


# Ops that TensorFlow Lite 2.14 leaves out of the list of its reference kernels (register_ref.cc).
_NOT_IN_BUILTIN_REF = {"CEIL", "CUMSUM", "ELU", "ROUND"}


def kernels_of(graph: Graph) -> str:
    """Return the resolver of a model's reference, a member of TFLite's ``OpResolverType``.

    It is the one of the reference kernels, unless the model has an op that is not in it.
    """
    if any(op.name in _NOT_IN_BUILTIN_REF for op in graph.ops):
        return "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    return "BUILTIN_REF"


class Reference:
    """An interpreter with reference kernels for one model, in a process of its own.

    ``keep_all`` gives every tensor memory of its own (TFLite else reuses it), for :meth:`tensor`.
    ``lease`` is the worker to run it; models that share one run one after the other.

    Raises:
        ModelError: TFLite rejects the model; its message is included.
        ReferenceFailed: TFLite crashed on the model.
        MissingTool: no TFLite interpreter is installed.
    """

    def __init__(
        self,
        model: Model,
        threads: int = 1,
        *,
        keep_all: bool = False,
        lease: Lease | None = None,
    ) -> None:
        content = model.content
        self._keep_all, self._expected = keep_all, model.graph.input_tensors
        self._has_state = bool(model.graph.state_tensors)
        module, self._package = _interpreter_module()
        if self._package == LITERT:
            from hil.tflite.litert import with_tflite_arithmetic

            content = with_tflite_arithmetic(model)
        content = with_block_maps(with_valid_axes(content))
        n_outputs: int | None = None
        if keep_all:
            n_outputs = root(content).Subgraphs(0).OutputsLength()
            content = with_all_outputs(content)
        self._lease = lease or Lease()
        self._kernels = kernels_of(model.graph)
        try:
            self._model = self._lease.load(
                content,
                module=module,
                threads=threads,
                keep_all=keep_all,
                outputs=n_outputs,
                kernels=self._kernels,
            )
        except Refused as error:
            raise ModelError(
                f"TensorFlow Lite refuses the model: {error}",
                hint="the file is damaged, or made by a newer converter than "
                f"{self._package} {metadata.version(self._package)} knows",
            ) from error
        self._read: dict[int, Array] = {}  # tensors of the last run, with those read before

    @property
    def version(self) -> str:
        """Package, version and kernels, such as ``tflite-runtime 2.14.0 BUILTIN_REF``."""
        return f"{self._package} {metadata.version(self._package)} {self._kernels}"

    def run(self, inputs: Sequence[Array], *, continued: bool = False) -> tuple[Array, ...]:
        """Run one inference; arrays in the order, shapes and dtypes of the model's inputs.

        Variable tensors begin with their first values, unless ``continued``: then with those that
        the last run left. Returns copies of the outputs, in the model's order.

        Raises:
            InputError: number, shape or dtype of the inputs differ from the model's.
            ModelError: a kernel refuses to run.
            ReferenceFailed: a kernel crashed.
        """
        check_inputs(self._expected, inputs)
        try:
            # Who reads a tensor reads it after every run: it comes with the outputs.
            outputs, self._read = self._lease.worker.run(
                self._model, inputs, list(self._read), reset=self._has_state and not continued
            )
        except Refused as error:
            raise ModelError(
                f"TensorFlow Lite cannot run the model: {error}",
                hint="an op or option of the model is not supported by its reference kernels",
            ) from error
        return tuple(outputs)

    def tensor(self, index: int) -> Array:
        """Return a copy of any tensor of the model, as the last :meth:`run` left it.

        ``index`` is the tensor's in the file.

        Raises:
            InputError: the model has no such tensor, or it has no data.
            ReferenceFailed: TFLite crashed.
            RuntimeError: this reference was made without ``keep_all``.
        """
        if not self._keep_all:
            raise RuntimeError("Reference(..., keep_all=True) is needed to read tensors")
        if index not in self._read:
            self._read[index] = self._fetch(index)
        return self._read[index].copy()

    def _fetch(self, index: int) -> Array:
        try:
            array = self._lease.worker.tensor(self._model, index)
        except Refused as error:
            raise InputError(
                f"tensor {index} has no data: {error}",
                hint="run the model first; a tensor that no op writes has no data",
            ) from error
        if array is None:
            raise InputError(
                f"the model has no tensor {index}", hint="`hil model inspect` shows its tensors"
            )
        return array


def check_inputs(expected: Sequence[Tensor], inputs: Sequence[Array]) -> None:
    """Compare arrays with a model's inputs.

    Raises:
        InputError: their number, a shape or a dtype differ.
    """
    if len(inputs) != len(expected):
        raise InputError(
            f"the model has {len(expected)} inputs, {len(inputs)} were given",
            hint="give one array per input",
        )
    for tensor, array in zip(expected, inputs, strict=True):
        if array.shape != tensor.shape or array.dtype != np.dtype(tensor.dtype):
            raise InputError(
                f"input '{tensor.name}' must be {tensor.dtype} of shape {tensor.shape}, "
                f"not {array.dtype} of shape {array.shape}",
                hint="`hil model inspect` shows the model's inputs",
            )


def _interpreter_module() -> tuple[str, str]:
    """The module that has the interpreter, and the distribution that it is of."""
    for module, package in _INTERPRETERS.items():
        with contextlib.suppress(ImportError):
            if importlib.util.find_spec(module) is not None:
                return module, package
    raise MissingTool(
        "no TensorFlow Lite interpreter is installed",
        hint="pip install tflite-runtime (Python 3.11) or ai-edge-litert (3.12 and newer)",
    )


@contextlib.contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Send what native code writes to file descriptor 2 to nowhere.

    TFLite announces its delegates there, past Python, while a quantizer makes an interpreter. What
    Python itself writes to ``sys.stderr`` meanwhile from other threads is lost too, so the block is
    kept short. Errors still arrive as exceptions.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all: nothing to silence
        yield
        return
    try:
        with open(os.devnull, "wb") as devnull:
            os.dup2(devnull.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
