"""What a .tflite carries beside its graph: signatures, metadata, and files packed behind it.

TensorFlow Lite Metadata appends a zip archive to the flatbuffer; it has the labels of the classes.
Source: tensorflow/compiler/mlir/lite/schema/schema.fbs (SignatureDef, Metadata) and the description
of associated files in TensorFlow Lite Metadata's documentation.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from hil.tflite import schema

_MAX_FILE_BYTES = 1 << 20
_MAX_FILES = 100


@dataclass(frozen=True)
class Signature:
    """A named entry point: the names of its inputs and outputs, and the subgraph that it runs."""

    key: str
    subgraph: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Extras:
    """Signatures, the names of metadata entries, and packed files with their sizes in bytes.

    ``labels`` are the lines of the first packed text file whose name has "label" in it.
    """

    signatures: tuple[Signature, ...]
    metadata: tuple[str, ...]
    files: tuple[tuple[str, int], ...]
    labels: tuple[str, ...]


def extras(content: bytes) -> Extras:
    """Return what a model carries beside its graph; ``content`` was parsed before."""
    model = schema.root(content)
    signatures = [_signature(model.SignatureDefs(i)) for i in range(model.SignatureDefsLength())]
    metadata = [_text(model.Metadata(i).Name()) for i in range(model.MetadataLength())]
    files, labels = _packed(content)
    return Extras(tuple(signatures), tuple(metadata), files, labels)


def _signature(stored: object) -> Signature:
    names = {
        field: tuple(
            _text(getattr(stored, field)(i).Name())
            for i in range(getattr(stored, f"{field}Length")())
        )
        for field in ("Inputs", "Outputs")
    }
    key, subgraph = stored.SignatureKey(), stored.SubgraphIndex()  # type: ignore[attr-defined]
    return Signature(_text(key), int(subgraph), names["Inputs"], names["Outputs"])


def _packed(content: bytes) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Files of the archive behind the model, and the labels; none where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = archive.infolist()[:_MAX_FILES]
            files = tuple((one.filename, one.file_size) for one in found)
            for one in found:
                if "label" in one.filename.lower() and one.file_size <= _MAX_FILE_BYTES:
                    with archive.open(one) as packed:
                        text = packed.read(_MAX_FILE_BYTES).decode("utf-8", "replace")
                    return files, tuple(text.splitlines())
            return files, ()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        return (), ()


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "replace") if raw else ""
