"""TFLite's own reference kernels on the host, to compare the device's outputs with.

The optimised kernels (XNNPACK) of the host round differently; only ``BUILTIN_REF`` is meant to be
matched bit for bit. LiteRT's, where tflite-runtime does not exist, are held to the same arithmetic
(``hil.tflite.litert``).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from hil.errors import InputError, MissingTool, ModelError
from hil.records import Array
from hil.tflite.graph import Tensor
from hil.tflite.keep import with_all_outputs
from hil.tflite.model import Model
from hil.tflite.schema import root

LITERT = "ai-edge-litert"


class Reference:
    """An interpreter with reference kernels for one model.

    ``keep_all`` gives every tensor memory of its own (TFLite else reuses it), for :meth:`tensor`.

    Raises:
        ModelError: TFLite rejects the model; its message is included.
        MissingTool: no TFLite interpreter is installed.
    """

    def __init__(self, model: Model, threads: int = 1, *, keep_all: bool = False) -> None:
        content = model.content
        self._keep_all, self._expected = keep_all, model.graph.input_tensors
        module, self._package = _interpreter_module()
        if self._package == LITERT:
            from hil.tflite.litert import with_tflite_arithmetic

            content = with_tflite_arithmetic(model)
        n_outputs: int | None = None
        if keep_all:
            n_outputs = root(content).Subgraphs(0).OutputsLength()
            content = with_all_outputs(content)
        try:
            with quiet_native_stderr():
                self._interpreter: Any = module.Interpreter(
                    model_content=content,
                    num_threads=threads,
                    experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF,
                    experimental_preserve_all_tensors=keep_all,
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, TypeError) as error:
            raise ModelError(
                f"TensorFlow Lite refuses the model: {_first_lines(error)}",
                hint="the file is damaged, or made by a newer converter than "
                f"{self._package} {metadata.version(self._package)} knows",
            ) from error
        self._inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
        self._outputs: list[dict[str, Any]] = self._interpreter.get_output_details()[:n_outputs]
        self._known = {details["index"] for details in self._interpreter.get_tensor_details()}

    @property
    def version(self) -> str:
        """Package, version and kernels, such as ``tflite-runtime 2.14.0 BUILTIN_REF``."""
        return f"{self._package} {metadata.version(self._package)} BUILTIN_REF"

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Run one inference; arrays in the order, shapes and dtypes of the model's inputs.

        Returns copies of the outputs, in the model's order.

        Raises:
            InputError: number, shape or dtype of the inputs differ from the model's.
            ModelError: a kernel refuses to run.
        """
        check_inputs(self._expected, inputs)
        try:
            for details, array in zip(self._inputs, inputs, strict=True):
                self._interpreter.set_tensor(details["index"], array)
            self._interpreter.invoke()
            return tuple(self._interpreter.get_tensor(d["index"]) for d in self._outputs)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"TensorFlow Lite cannot run the model: {_first_lines(error)}",
                hint="an op or option of the model is not supported by its reference kernels",
            ) from error

    def tensor(self, index: int) -> Array:
        """Return a copy of any tensor of the model, as the last :meth:`run` left it.

        ``index`` is the tensor's in the file.

        Raises:
            InputError: the model has no such tensor, or it has no data.
            RuntimeError: this reference was made without ``keep_all``.
        """
        if not self._keep_all:
            raise RuntimeError("Reference(..., keep_all=True) is needed to read tensors")
        if index not in self._known:  # the interpreter would read past its tensors
            raise InputError(
                f"the model has no tensor {index}", hint="`hil model inspect` shows its tensors"
            )
        try:
            array: Array = self._interpreter.get_tensor(index)
        except ValueError as error:
            raise InputError(
                f"tensor {index} has no data: {_first_lines(error)}",
                hint="run the model first; a tensor that no op writes has no data",
            ) from error
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


def _interpreter_module() -> tuple[Any, str]:
    try:
        from tflite_runtime import interpreter
    except ImportError:
        pass
    else:
        return interpreter, "tflite-runtime"
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError as error:
        raise MissingTool(
            "no TensorFlow Lite interpreter is installed",
            hint="pip install tflite-runtime (Python 3.11) or ai-edge-litert (3.12 and newer)",
        ) from error
    return litert, LITERT


def _first_lines(error: BaseException) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__


@contextlib.contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Send what native code writes to file descriptor 2 to nowhere.

    TFLite announces its delegates there while an interpreter is made, past Python. What Python
    itself writes to ``sys.stderr`` meanwhile from other threads is lost too, so the block is kept
    short. Errors still arrive as exceptions.
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
