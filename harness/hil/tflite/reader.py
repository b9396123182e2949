"""Read a .tflite file into a :class:`~hil.tflite.graph.Graph`.

Files are untrusted input: every index, length, shape and size is checked here, and whatever a
damaged flatbuffer makes the decoder raise becomes a ``ModelError``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.errors import ModelError
from hil.tflite.decode import Decoder
from hil.tflite.graph import Graph
from hil.tflite.schema import IDENTIFIER
from hil.tflite.verify import Malformed

MAX_FILE_BYTES = 512 * 1024 * 1024
_DAMAGED = "the file is damaged or was cut short; export or download it again"
_NOT_TFLITE = "give a TensorFlow Lite flatbuffer (.tflite), as a converter writes it"
# What the flatbuffers runtime, struct and numpy raise on offsets that lead nowhere.
_DECODER_ERRORS = (
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    struct.error,
)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a model file.

    Raises:
        ModelError: the path is not a regular file, or the file is unreadable or too large.
    """
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder, not a model file", hint=_NOT_TFLITE)
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is not a regular file", hint=_NOT_TFLITE)
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise ModelError(
                f"{path} has {size:,} bytes, more than any model for a microcontroller",
                hint=f"the limit is {MAX_FILE_BYTES:,} bytes; is it the right file?",
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {path}", hint="check the path of the model") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ModelError(
            f"cannot read the model {path}: {reason}", hint="check the path and its permissions"
        ) from error


def parse_model(data: bytes, name: str, *, where: str = "") -> Graph:
    """Parse the bytes of a .tflite; ``name`` becomes the graph's name.

    ``where`` is what messages name, such as the file's path; empty: ``name``.
    Constants are read-only, and views into ``data`` unless they are stored sparse.

    Raises:
        ModelError: not a .tflite, damaged, or something this project does not represent.
    """
    data, where = bytes(data), where or name
    _check_identifier(data, where)
    try:
        return _graph(data, name)
    except Malformed as error:
        raise ModelError(f"{where}: {error}", hint=error.hint or _DAMAGED) from error
    except _DECODER_ERRORS as error:
        raise ModelError(
            f"{where}: not a readable .tflite: {str(error) or type(error).__name__}", hint=_DAMAGED
        ) from error


def _check_identifier(data: bytes, where: str) -> None:
    if not data:
        raise ModelError(f"{where}: the file is empty", hint=_NOT_TFLITE)
    if data[4:8] == IDENTIFIER:
        return
    if data.lstrip()[:1] in (b"{", b"["):
        what = "looks like JSON"
    elif data[:2] == b"PK":
        what = "is a zip archive (a Keras model, perhaps)"
    elif data[:4] == b"\x89HDF":
        what = "is an HDF5 file (a Keras model, perhaps)"
    else:
        what = f"lacks the identifier '{IDENTIFIER.decode()}' at byte 4"
    raise ModelError(f"{where}: not a .tflite: the file {what}", hint=_NOT_TFLITE)


def _graph(data: bytes, name: str) -> Graph:
    decoder = Decoder(data)
    others = [Decoder(data, number) for number in range(1, decoder.subgraphs)]
    bodies = tuple(_subgraph(one, one.name() or f"subgraph {n}") for n, one in enumerate(others, 1))
    graph = _subgraph(decoder, name, bodies)
    for check in _CHECKS:
        check(graph)
    return graph


def _subgraph(decoder: Decoder, name: str, subgraphs: tuple[Graph, ...] = ()) -> Graph:
    tensors = decoder.tensors()
    return Graph(
        name=name,
        tensors=tensors,
        ops=decoder.ops(tensors),
        inputs=decoder.graph_inputs(),
        outputs=decoder.graph_outputs(),
        description=decoder.description(),
        subgraphs=subgraphs,
    )


def _check_inputs(graph: Graph) -> None:
    for index in graph.inputs:
        if graph.tensors[index].is_constant:
            raise Malformed(f"the model's input '{graph.tensors[index].name}' is a constant")
    for kind, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if not indices:
            raise Malformed(f"the model has no {kind}")


def _check_execution_order(graph: Graph) -> None:
    """Every tensor is a constant, a variable, an input, or written once before it is read.

    Memory that a compiler gave to an accelerator's custom op is none of these.
    """
    known = set(graph.inputs)
    known |= {t.index for t in graph.tensors if t.is_constant or t.is_variable}
    for op in graph.ops:
        for index in op.inputs:
            if op.name.startswith("CUSTOM:"):
                known.add(index)
            if index >= 0 and index not in known:
                raise Malformed(f"op {op.index} ({op.name}) reads tensor {index} before it exists")
        for index in op.outputs:
            if index in known and not graph.tensors[index].is_variable:
                raise Malformed(f"op {op.index} ({op.name}) writes tensor {index} a second time")
            known.add(index)
    for index in graph.outputs:
        if index not in known:
            raise Malformed(f"no op writes the model's output {index}")


_CHECKS: tuple[Callable[[Graph], Any], ...] = (_check_inputs, _check_execution_order)
