"""What is kept between builds: whole firmwares, and CMake trees with compiled objects.

::

    CACHE/firmware/elf/KEY/    firmware.elf, firmware.map, firmware.json; complete or not there
    CACHE/firmware/trees/KEY/  one CMake tree per platform, flags and content of firmware_stubs

An entry of ``elf`` appears by one rename. A tree is used under a file lock. Both keys cover the
content of everything that goes in, so nothing ever has to be invalidated, only swept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil import files
from hil.records import Firmware

_KEEP_ELFS = 256
_KEEP_TREES = 24


def load(cache: Path, key: str) -> Firmware | None:
    """Return the firmware stored under ``key``, or None."""
    folder = cache / "firmware" / "elf" / key
    try:
        stored = json.loads((folder / "firmware.json").read_text(encoding="utf-8"))
        os.utime(folder)
        firmware = Firmware(elf=folder / "firmware.elf", cached=True, **stored)
        if hashlib.sha256(firmware.elf.read_bytes()).hexdigest() != firmware.sha256:
            return None
    except (OSError, ValueError, TypeError):
        return None
    return firmware


def store(cache: Path, key: str, firmware: Firmware, beside: Iterable[Path]) -> Firmware:
    """Store a firmware and the files that belong ``beside`` it; return it at its new place.

    To be called under the lock of its tree, after :func:`load` found nothing: an existing entry
    is damaged.

    Raises:
        OSError: the cache cannot be written.
    """
    folder = cache / "firmware" / "elf"
    target = folder / key
    with files.replacing_folder(target) as new:
        shutil.copy(firmware.elf, new / "firmware.elf")
        for path in beside:
            shutil.copyfile(path, new / path.name)
        (new / "firmware.json").write_text(json.dumps(_as_json(firmware)), encoding="utf-8")
    files.sweep(folder, _KEEP_ELFS)
    return replace(firmware, elf=target / "firmware.elf")


def _as_json(firmware: Firmware) -> Mapping[str, Any]:
    return {
        "sha256": firmware.sha256,
        "flash_by_owner": dict(firmware.flash_by_owner),
        "ram_by_owner": dict(firmware.ram_by_owner),
        "build_command": firmware.build_command,
        "compiler": firmware.compiler,
        "flags": firmware.flags,
    }


@contextlib.contextmanager
def locked_tree(cache: Path, key: str) -> Iterator[Path]:
    """Give the CMake tree ``key`` to one process at a time; others wait.

    Raises:
        OSError: the cache cannot be written.
    """
    trees = cache / "firmware" / "trees"
    tree = trees / key
    tree.mkdir(parents=True, exist_ok=True)
    with files.locked(trees / f"{key}.lock"):
        tree.mkdir(exist_ok=True)
        os.utime(tree)
        yield tree
    files.sweep(trees, _KEEP_TREES)
