"""Which objects of a CMake tree are what a finished build made, by their hashes.

Ninja decides by time stamps what to compile again. What an interrupted build, a full disk or a
power loss left behind can have newer time stamps than its source, so before a build every object
is removed that the record of the last finished build does not list, with its hash and the hash of
the generated source it was compiled from.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path

from hil import files

_RECORD = "objects.json"
_SUFFIXES = (".obj", ".o")
_ELF_HEADER_BYTES = {1: 52, 2: 64}  # by EI_CLASS: 32 and 64 bits (System V ABI, chapter 4)


def discard_unknown(tree: Path, generated: Mapping[str, str]) -> None:
    """Remove the objects of ``tree`` that no finished build recorded, and what was linked of them.

    ``generated`` are the sources to be compiled, by name below ``tree/generated``.

    Raises:
        OSError: the tree cannot be written.
    """
    known = _read(tree)
    wanted = _listed(tree, generated)
    for name, path in _objects(tree).items():
        expected = known.get(name)
        if expected is None or expected != [_hash(path), wanted.get(name, "")]:
            path.unlink()
    for path in (tree / "build").glob("*.a"):
        if not path.is_symlink():  # CMake links an engine's own library here
            path.unlink()
    (tree / "build" / "firmware.elf").unlink(missing_ok=True)
    (tree / _RECORD).unlink(missing_ok=True)


def record(tree: Path, generated: Mapping[str, str]) -> None:
    """Record the complete objects of ``tree``, once Ninja has ended by itself.

    Raises:
        OSError: the tree cannot be written.
    """
    sources = _listed(tree, generated)
    entries = {
        name: [_hash(path), sources.get(name, "")]
        for name, path in _objects(tree).items()
        if is_complete(path)
    }
    files.write_json(tree / _RECORD, entries)


def is_complete(elf: Path) -> bool:
    """Whether a little-endian ELF file has its whole section header table, which comes last."""
    size = elf.stat().st_size
    with elf.open("rb") as stream:
        header = stream.read(max(_ELF_HEADER_BYTES.values()))
    if header[:4] != b"\x7fELF" or len(header) < _ELF_HEADER_BYTES.get(header[4], 1 << 16):
        return False
    layout, offset, counts = ("<I", 32, 46) if header[4] == 1 else ("<Q", 40, 58)
    (table,) = struct.unpack_from(layout, header, offset)
    entry_bytes, entries = struct.unpack_from("<HH", header, counts)
    return bool(entries) and 0 < table <= table + entry_bytes * entries <= size


def _read(tree: Path) -> dict[str, list[str]]:
    try:
        entries = json.loads((tree / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _objects(tree: Path) -> dict[str, Path]:
    """The objects of the firmware's own targets, by their paths in the build folder."""
    build = tree / "build"
    return {
        path.relative_to(build).as_posix(): path
        for path in sorted(build.glob("CMakeFiles/*.dir/**/*"))
        if path.suffix in _SUFFIXES
    }


def _listed(tree: Path, generated: Mapping[str, str]) -> dict[str, str]:
    """Hashes of the generated sources, with all generated headers, by the path of their object."""
    headers = [(name, text.encode()) for name, text in generated.items() if name.endswith(".h")]
    hashes = {
        f"generated/{name}": files.digest([*sorted(headers), (name, text.encode())])
        for name, text in generated.items()
    }
    return {
        name: hashes[source]
        for name in _objects(tree)
        if (source := "/".join(Path(name).with_suffix("").parts[-2:])) in hashes
    }


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
