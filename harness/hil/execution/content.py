"""Tasks as bytes without the files that they use; these travel apart, each content once.

``Packing`` takes models and the files of input specifications out of a task, by the SHA-256 of
their bytes; ``unpack`` puts them back from a folder that has them under these names. The name of a
file, which results contain, is the same on every machine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import files
from hil.errors import InputError, MissingTool
from hil.records import InputSpec
from hil.tflite.model import Model

if TYPE_CHECKING:
    from hil.bench.pipeline import Request

_FOLDER = "content"


class Packing:
    """Packs tasks; ``contents`` has the files that they use, by the SHA-256 of their bytes."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self._read: dict[Path, str] = {}

    def pack(self, task: Any) -> bytes:
        """Return a task as bytes.

        Raises:
            InputError: a file cannot be read.
        """
        buffer = io.BytesIO()
        _Packer(buffer, self).dump(task)
        return buffer.getvalue()

    def add(self, content: bytes, sha256: str) -> None:
        """Add a content of this hash."""
        self.contents.setdefault(sha256, content)

    def add_file(self, spec: InputSpec) -> str:
        """Add the file of a specification, read once, and return its hash."""
        if spec.path not in self._read:
            content = _read(spec)
            self._read[spec.path] = hashlib.sha256(content).hexdigest()
            self.add(content, self._read[spec.path])
        return self._read[spec.path]


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, packing: Packing) -> None:
        super().__init__(file, protocol=5)
        self._packing = packing

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Model):
            self._packing.add(obj.content, obj.sha256)
            return "model", obj.sha256, obj.name, obj.path
        if isinstance(obj, InputSpec) and obj.is_file:
            return "input", self._packing.add_file(obj), obj.text
        return None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder
        self._models: dict[tuple[str, ...], Model] = {}

    def persistent_load(self, pid: Any) -> Any:
        kind, sha256, name, *rest = pid
        if kind == "input":
            _verified(self._folder, sha256)
            return InputSpec(name, file=str(self._folder / sha256))
        if pid not in self._models:
            self._models[pid] = Model.parse(_verified(self._folder, sha256), name, *rest)
        return self._models[pid]


def portable(request: Request) -> Request:
    """The request with its files as specifications, which travel with their content."""
    variant = request.variant
    if variant is not None:
        variant = dataclasses.replace(
            variant,
            calibration=InputSpec.of(variant.calibration),
            held_out=InputSpec.of(variant.held_out),
        )
    inputs = InputSpec.of(request.inputs) if request.inputs else None
    return dataclasses.replace(request, inputs=inputs, variant=variant)


def unpack(packed: bytes, folder: Path) -> Any:
    """Return a packed task; ``folder`` is that of ``keep``.

    Raises:
        MissingTool: a content is not there, or is damaged.
    """
    return _Unpacker(io.BytesIO(packed), folder).load()


def keep(cache: Path, contents: Mapping[str, bytes]) -> None:
    """Write contents below the cache folder, those that it lacks.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = folder_of(cache)
    folder.mkdir(parents=True, exist_ok=True)
    for sha256 in missing(cache, contents):
        files.write_bytes(folder / sha256, contents[sha256])


def missing(cache: Path, names: Iterable[str]) -> list[str]:
    """Return the names of contents that the cache folder lacks, or has damaged."""
    folder = folder_of(cache)
    return [sha256 for sha256 in names if _content(folder / sha256, sha256) is None]


def folder_of(cache: Path) -> Path:
    """Return the folder of contents in a cache folder."""
    return cache / _FOLDER


def _read(spec: InputSpec) -> bytes:
    try:
        return spec.path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read {spec}: {error.strerror}", hint="check the path of the samples"
        ) from error


def _verified(folder: Path, sha256: str) -> bytes:
    content = _content(folder / sha256, sha256)
    if content is None:
        raise MissingTool(
            f"the worker's copy of a file is gone or damaged ({folder / sha256})",
            hint="was its cache emptied? the same command sends it again",
        )
    return content


def _content(path: Path, sha256: str) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None
