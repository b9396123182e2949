"""Give TensorFlow Lite a bias whose scales have an axis that it accepts.

Older converters copied the weights' ``quantized_dimension`` to the bias, which has one dimension.
TFLM does not look at it there; TensorFlow Lite's interpreter refuses such a file (seen in
tflite-runtime 2.14: "quantized_dimension must be in range"). With one dimension there is one axis.
"""

from __future__ import annotations

from collections.abc import Iterator

from hil.tflite import schema

_AXIS_SLOT = 16  # the seventh field of the table QuantizationParameters
_AXIS_BYTES = 4


def with_valid_axes(content: bytes) -> bytes:
    """Return the model with axis 0 in each tensor of one dimension; itself where that is so."""
    if not (places := list(_misplaced(content))):
        return content
    patched = bytearray(content)
    for place in places:
        patched[place : place + _AXIS_BYTES] = bytes(_AXIS_BYTES)
    return bytes(patched)


def _misplaced(content: bytes) -> Iterator[int]:
    """Places in the file of axes that a tensor of one dimension does not have."""
    model = schema.root(content)
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            stored = tensor.Quantization()
            if stored is not None and tensor.ShapeLength() == 1 and stored.QuantizedDimension():
                yield stored._tab.Pos + stored._tab.Offset(_AXIS_SLOT)
