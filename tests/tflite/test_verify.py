"""The structure of a file is verified as a whole, by a schema that is the one of `tflite`."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import flatbuffers
import pytest
import tflite
from hil.errors import ModelError
from hil.tflite.layout import TABLES
from hil.tflite.reader import parse_model
from hil.tflite.verify import Malformed, verify

from tests.tflite.samples import DIGITS, REPOSITORY, conv_model

WIDTHS = {"Bool": 1, "Int8": 1, "Uint8": 1, "Int16": 2, "Uint16": 2, "Int32": 4, "Uint32": 4}
WIDTHS |= {"Float32": 4, "Int64": 8, "Uint64": 8, "Float64": 8}
UNIONS = {"ArraySegments": "SparseIndexVector", "ArrayIndices": "SparseIndexVector"}
UNIONS |= {"Details": "QuantizationDetails"}
ACCESSOR = re.compile(
    r"    def (\w+)\(self(?:, j)?\):\n(.*?)(?=\n    # |\n    def |\ndef |\Z)", re.S
)


def kinds_in(source: str) -> tuple[str, ...]:
    """The fields of a table, read from the accessors that flatc generated."""
    (count,) = map(int, re.findall(r"builder\.StartObject\((\d+)\)", source))
    slots = ["-"] * count
    for name, body in ACCESSOR.findall(source):
        offset = re.search(r"self\._tab\.Offset\((\d+)\)", body)
        if offset and not name.endswith(("AsNumpy", "Length", "IsNone")):
            slots[(int(offset[1]) - 4) // 2] = kind_in(name, body)
    return tuple(slots)


def kind_in(name: str, body: str) -> str:
    vector = "[" if "Vector(" in body else ""
    if "Union(" in body:
        return "?" + UNIONS.get(name, name)
    if table := re.search(r"obj = (\w+)\(\)", body):
        return vector + table[1]
    if "String(" in body:
        return vector + "str"
    (flags,) = re.findall(r"number_types\.(\w+)Flags, ", body)
    return vector + str(WIDTHS[flags])


def test_the_layout_is_that_of_the_generated_classes() -> None:
    folder = Path(tflite.__file__).parent
    sources = {path.stem: path.read_text() for path in folder.glob("*.py")}
    tables = {name: kinds_in(text) for name, text in sources.items() if "StartObject" in text}
    assert {name: kinds for name, kinds in tables.items() if kinds} == TABLES
    assert len(tables) > 150


@pytest.mark.parametrize("path", sorted((REPOSITORY / "examples").rglob("*.tflite")), ids=str)
def test_models_of_converters_are_whole(path: Path) -> None:
    verify(path.read_bytes())


def with_metadata() -> bytes:
    """The bytes of a model with metadata and a signature, which hil does not read."""
    model = tflite.Model.GetRootAs((DIGITS / "digits_int8.tflite").read_bytes())
    assert model.MetadataLength() > 0
    assert model.SignatureDefsLength() > 0
    return bytes(model._tab.Bytes)


def places() -> dict[str, int]:
    """Where the offsets of parts lie that only other readers follow."""
    model = tflite.Model.GetRootAs(with_metadata())
    metadata, signature = model.Metadata(0), model.SignatureDefs(0)
    found = {
        "metadata": model._tab.Pos + model._tab.Offset(16),
        "name of metadata": metadata._tab.Pos + metadata._tab.Offset(4),
        "signatures": model._tab.Pos + model._tab.Offset(18),
        "inputs of a signature": signature._tab.Pos + signature._tab.Offset(4),
        "key of a signature": signature._tab.Pos + signature._tab.Offset(8),
    }
    tensor = signature.Inputs(0)
    return found | {"name in a signature": tensor._tab.Pos + tensor._tab.Offset(4)}


@pytest.mark.parametrize("part", list(places()))
@pytest.mark.parametrize("offset", [0x7FFFFFFF, 0xFFFFFFF0, None])
def test_an_offset_that_hil_does_not_follow_is_verified(part: str, offset: int | None) -> None:
    """TensorFlow Lite follows it, and ended the process with SIGSEGV."""
    data, place = bytearray(with_metadata()), places()[part]
    struct.pack_into("<I", data, place, len(data) - place if offset is None else offset)
    with pytest.raises(ModelError, match=r"bytes, the file has") as caught:
        parse_model(bytes(data), "bad")
    assert "damaged" in caught.value.hint


def test_a_text_without_its_zero() -> None:
    data = bytearray(with_metadata())
    place = places()["name of metadata"]
    start = place + struct.unpack_from("<I", data, place)[0]
    (count,) = struct.unpack_from("<I", data, start)
    data[start + 4 + count] = 65
    with pytest.raises(Malformed, match="does not end with a zero"):
        verify(bytes(data))


@pytest.mark.parametrize("length", [0, 2, 7, 0xFFFE])
def test_a_vtable_of_an_impossible_size(length: int) -> None:
    data = bytearray(conv_model())
    (root,) = struct.unpack_from("<I", data, 0)
    (back,) = struct.unpack_from("<i", data, root)
    struct.pack_into("<H", data, root - back, length)
    with pytest.raises(Malformed, match="vtable of Model"):
        verify(bytes(data))


def test_tables_that_share_what_they_refer_to_cost_no_more() -> None:
    """200,000 entries that all lead to one table; each table is verified once."""
    data = vector_of_buffers(200_000)
    verify(data)
    with pytest.raises(Malformed, match="more than 1,000,000 tables"):
        verify(vector_of_buffers(1_000_001))


def vector_of_buffers(count: int) -> bytes:
    builder = flatbuffers.Builder(4 * count + 64)
    tflite.BufferStart(builder)
    shared = tflite.BufferEnd(builder)
    tflite.ModelStartBuffersVector(builder, count)
    for _ in range(count):
        builder.PrependUOffsetTRelative(shared)
    buffers = builder.EndVector()
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())
