"""Affine schemes by ai-edge-quantizer: int8, int8-per-tensor, int16x8 and dynamic.

The library quantizes; the rest is done here:

- Ranges come from :mod:`hil.quantization.ranges`, so every scheme and method is calibrated alike,
  and models without a SignatureDef, which its own calibrator refuses, are quantized as well.
- Tensors are known to it by name, and names in a .tflite need not be unique: they are numbered
  for it and get their names back afterwards.
- Ops that it has no rule for although TensorFlow Lite has integer kernels: SQUEEZE and EXPAND_DIMS
  become RESHAPE before; an elementwise op that stayed float between a DEQUANTIZE and a QUANTIZE is
  taken into integers after (:mod:`hil.quantization.islands`).
- A model that still computes in float is an error that names the ops.

The result depends on nothing but the arguments and the library's version.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import numpy as np

from hil.errors import MissingTool, UnsupportedModel
from hil.quantization import islands
from hil.quantization.ranges import Ranges
from hil.tflite.graph import Graph, Op
from hil.tflite.reader import parse_model
from hil.tflite.reference import quiet_native_stderr
from hil.tflite.writer import write_model

PACKAGE = "ai-edge-quantizer"
#: Ops whose weights have one scale. TensorFlow Lite 2.14 takes the first scale of a per-channel
#: FULLY_CONNECTED for all channels unless activations are int8.
_PER_TENSOR: Mapping[str, tuple[str, ...]] = {
    "int8": (),
    "int8-per-tensor": ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
    "int16x8": ("FULLY_CONNECTED",),
    "dynamic": ("FULLY_CONNECTED",),
}
_NUMBERED = re.compile(r"^t(\d+)(\D.*)?$", re.DOTALL)
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def version() -> str:
    """Return the library and its version.

    Raises:
        MissingTool: it is not installed.
    """
    try:
        return f"{PACKAGE} {metadata.version(PACKAGE)}"
    except metadata.PackageNotFoundError as error:
        raise MissingTool(
            f"{PACKAGE}, which makes int8, int16x8 and dynamic variants, is not installed",
            hint="pip install 'hil[quantize]'; q8 and q16 need nothing",
        ) from error


def quantize_affine(graph: Graph, scheme: str, ranges: Ranges | None, *, float_io: bool) -> bytes:
    """Return the .tflite of the variant.

    Args:
        graph: the float32 model.
        scheme: ``int8``, ``int8-per-tensor``, ``int16x8`` or ``dynamic``.
        ranges: of the model's float activations; None for ``dynamic``.
        float_io: leave the model's inputs and outputs float32, with a QUANTIZE after the inputs
            and a DEQUANTIZE before the outputs.

    Raises:
        MissingTool: the library is not installed.
        UnsupportedModel: the library refuses the model, or some op would stay in float.
    """
    version()
    names = [tensor.name for tensor in graph.tensors]
    content = write_model(islands.reshapes_only(_numbered(graph)))
    try:
        with _silence():
            made = _run(content, scheme, _qsvs(ranges))
    except Exception as error:  # the library raises ValueError, KeyError, RuntimeError and more
        raise UnsupportedModel(
            f"{PACKAGE} cannot make {scheme} of {graph.name}: {_first_line(error)}",
            hint="`hil model inspect` shows the ops; q8 and q16 are hil's own and may do",
        ) from error
    variant = islands.into_integers(parse_model(made, graph.name))
    _check(variant, scheme)
    variant = _named(variant, names)
    return write_model(islands.float_ends(variant) if float_io else variant)


def _run(content: bytes, scheme: str, qsvs: dict[str, Any] | None) -> bytes:
    from ai_edge_litert.tools import flatbuffer_utils
    from ai_edge_quantizer import quantizer

    # The library needs a list of signatures; an empty one is enough.
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    model.signatureDefs = []
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    made = quantizer.Quantizer(content, _recipe(scheme)).quantize(
        qsvs, enable_progress_bar=False, enable_progress_report=False
    )
    assert made.quantized_model is not None
    return bytes(made.quantized_model)


def _recipe(scheme: str) -> Any:
    """The library's rules: one for all ops, then exceptions."""
    from ai_edge_quantizer import qtyping, recipe_manager

    names = qtyping.TFLOperationName
    rules: Any = recipe_manager.RecipeManager()  # type: ignore[no-untyped-call]
    tensorwise = qtyping.QuantGranularity.TENSORWISE
    if scheme == "dynamic":
        rules.add_dynamic_config(".*", names.ALL_SUPPORTED, 8)
        for op in _PER_TENSOR[scheme]:
            rules.add_dynamic_config(".*", names(op), 8, granularity=tensorwise)
        return rules.get_quantization_recipe()
    bits = 16 if scheme == "int16x8" else 8
    rules.add_static_config(".*", names.ALL_SUPPORTED, bits, 8)
    for op in _PER_TENSOR[scheme]:
        rules.add_static_config(".*", names(op), bits, 8, weight_granularity=tensorwise)
    return rules.get_quantization_recipe()


def _qsvs(ranges: Ranges | None) -> dict[str, Any] | None:
    """Ranges as the library's "quantization statistic values", by the numbered names."""
    if ranges is None:
        return None
    return {
        f"t{index}": {"min": np.array([r.low], np.float32), "max": np.array([r.high], np.float32)}
        for index, r in ranges.tensors.items()
    }


def _numbered(graph: Graph) -> Graph:
    """The graph with every tensor's number for its name."""
    tensors = [dataclasses.replace(t, name=f"t{t.index}") for t in graph.tensors]
    return dataclasses.replace(graph, tensors=tuple(tensors))


def _named(graph: Graph, names: list[str]) -> Graph:
    """The graph with the names back; what the library added is named after its origin."""
    tensors = []
    for tensor in graph.tensors:
        match = _NUMBERED.match(tensor.name)
        if match and int(match[1]) < len(names):
            tensor = dataclasses.replace(tensor, name=names[int(match[1])] + (match[2] or ""))
        tensors.append(tensor)
    return dataclasses.replace(graph, tensors=tuple(tensors))


def _check(graph: Graph, scheme: str) -> None:
    """No op of a static scheme may compute in float; a dynamic one needs some int8 weights."""
    if scheme == "dynamic":
        if graph.dtype != "hybrid":
            raise UnsupportedModel(
                f"{graph.name} has no weights that dynamic quantization applies to",
                hint="it quantizes the weights of convolutions and fully connected layers",
            )
        return
    left = [op for op in graph.ops if _is_float(graph, op)]
    # What matters are the ops that compute; there may be none, in a model that only moves data.
    left = [op for op in left if op.name not in _CONVERSIONS] or left
    if left:
        ops = ", ".join(f"{op.name} ({op.index})" for op in left)
        raise UnsupportedModel(
            f"these ops would stay in float in {scheme}: {ops}",
            hint="the quantizer has no rule for them; --scheme dynamic keeps activations in float",
        )


def _is_float(graph: Graph, op: Op) -> bool:
    tensors = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
    return any(t.dtype == "float32" for t in tensors)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Discard the library's prints, warnings and native log lines."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        quiet_native_stderr(),
    ):
        warnings.simplefilter("ignore")
        yield


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
