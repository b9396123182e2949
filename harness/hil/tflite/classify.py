"""The arithmetic of a model in a word."""

from __future__ import annotations

from hil.tflite.graph import Graph, Op

_ARITHMETIC = {"int8", "uint8", "int16", "float16", "float32", "float64"}
_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "CAST"}
_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def arithmetic(graph: Graph) -> str:
    """Return ``int8``, ``int16``, ``int16x8``, ``uint8``, ``float32``, ``hybrid`` or ``mixed``.

    Decided by the activations of the ops that compute; conversions at the model's edges do not
    count. ``hybrid`` means float activations with integer weights (dynamic-range quantization) or
    with weights that a DEQUANTIZE unpacks; ``int16x8`` int16 activations, ``int16`` the same with
    int16 weights. ``mixed`` is everything else, such as int8 and float32 ops in one model.
    """
    if any(_is_hybrid(graph, op) for op in graph.ops):
        return "hybrid"
    computing = [op for op in graph.ops if op.name not in _CONVERSIONS] or list(graph.ops)
    kinds = {kind for op in computing for kind in _activations(graph, op)}
    if kinds == {"int16"}:
        return "int16" if any(has_int16_weights(graph, op) for op in graph.ops) else "int16x8"
    if len(kinds) == 1:
        (kind,) = kinds
        return kind if kind in ("int8", "uint8", "float32") else "mixed"
    return "mixed"


def _activations(graph: Graph, op: Op) -> set[str]:
    tensors = [graph.tensors[index] for index in (*op.inputs, *op.outputs) if index >= 0]
    return {t.dtype for t in tensors if not t.is_constant} & _ARITHMETIC


def has_int16_weights(graph: Graph, op: Op) -> bool:
    """Whether an op has weights, and they are int16: TFLite has no kernel for it."""
    return op.name in _WEIGHTED and graph.tensors[op.inputs[1]].dtype == "int16"


def _is_hybrid(graph: Graph, op: Op) -> bool:
    inputs = [graph.tensors[index] for index in op.inputs if index >= 0]
    if op.name == "DEQUANTIZE":
        return any(t.is_constant for t in inputs)
    if op.name in _CONVERSIONS or "float32" not in _activations(graph, op):
        return False
    return any(t.is_constant and t.dtype in ("int8", "uint8") for t in inputs)
