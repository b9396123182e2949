"""What is kept between builds: whole firmwares, and CMake trees with compiled objects.

::

    CACHE/firmware/elf/KEY/    firmware.elf, firmware.map, firmware.json; complete or not there
    CACHE/firmware/trees/KEY/  one CMake tree per platform, flags and content of firmware_stubs

An entry of ``elf`` appears by one rename; its ``digest`` covers all its files and its key, and an
entry whose digest differs is built again. A tree is used under a file lock that lasts as long as
the last process of a build, also where hil itself was killed. Both keys cover the content of
everything that goes in, so nothing ever has to be invalidated, only swept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil import files
from hil.records import Firmware

_KEEP_ELFS = 256
_KEEP_TREES = 24


def load(cache: Path, key: str) -> Firmware | None:
    """Return the firmware stored under ``key``, or None where there is none or it is damaged."""
    folder = cache / "firmware" / "elf" / key
    try:
        stored = json.loads((folder / "firmware.json").read_text(encoding="utf-8"))
        if stored.pop("digest") != _digest(key, folder, stored):
            return None
        firmware = Firmware(elf=folder / "firmware.elf", cached=True, **stored)
        os.utime(folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return firmware


def is_whole(cache: Path, key: str) -> bool:
    """Whether the firmware stored under ``key`` is what was stored; its last use stays."""
    folder = cache / "firmware" / "elf" / key
    try:
        stored = json.loads((folder / "firmware.json").read_text(encoding="utf-8"))
        return bool(stored.pop("digest") == _digest(key, folder, stored))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def store(cache: Path, key: str, firmware: Firmware) -> Firmware:
    """Store a firmware and the linker's map beside it; return it at its new place.

    To be called under the lock of its tree, after :func:`load` found nothing: an existing entry
    is damaged.

    Raises:
        OSError: the cache cannot be written.
    """
    folder = cache / "firmware" / "elf"
    target = folder / key
    with files.replacing_folder(target) as new:
        shutil.copy(firmware.elf, new / "firmware.elf")
        shutil.copyfile(firmware.elf.with_suffix(".map"), new / "firmware.map")
        stored = _as_json(firmware)
        stored["digest"] = _digest(key, new, stored)
        (new / "firmware.json").write_text(json.dumps(stored), encoding="utf-8")
    files.sweep(folder, _KEEP_ELFS)
    return replace(firmware, elf=target / "firmware.elf")


def _digest(key: str, folder: Path, metadata: Mapping[str, Any]) -> str:
    """Hash of an entry's key, files and metadata.

    Raises:
        ValueError: the ELF is not the one that the metadata names.
    """
    elf = (folder / "firmware.elf").read_bytes()
    if hashlib.sha256(elf).hexdigest() != metadata.get("sha256"):
        raise ValueError("another ELF")
    return files.digest(
        [
            ("key", key.encode()),
            ("elf", metadata["sha256"].encode()),
            ("map", (folder / "firmware.map").read_bytes()),
            ("metadata", json.dumps(metadata, sort_keys=True).encode()),
        ]
    )


def _as_json(firmware: Firmware) -> dict[str, Any]:
    return {
        "sha256": firmware.sha256,
        "flash_by_owner": dict(firmware.flash_by_owner),
        "ram_by_owner": dict(firmware.ram_by_owner),
        "build_command": firmware.build_command,
        "compiler": firmware.compiler,
        "flags": firmware.flags,
    }


@contextlib.contextmanager
def locked_tree(cache: Path, key: str) -> Iterator[tuple[Path, int]]:
    """Give the CMake tree ``key`` to one build at a time, with the descriptor of its lock.

    Others wait until this block is left and every process that inherited the descriptor ended.

    Raises:
        OSError: the cache cannot be written.
    """
    trees = cache / "firmware" / "trees"
    tree = trees / key
    tree.mkdir(parents=True, exist_ok=True)
    with files.locked_with_children(trees / f"{key}.lock") as lock:
        tree.mkdir(exist_ok=True)
        os.utime(tree)
        yield tree, lock
    files.sweep(trees, _KEEP_TREES)
