"""What the profilers of all emulators are asked for.

The meaning of each key, and what is counted, is in the profilers' sources, which are in
``firmware_stubs/emulation``.
"""

from __future__ import annotations

from pathlib import Path

from hil.devices import Flash
from hil.records import MemoryRegion

_REPLACEMENT = {"lru": 0, "fifo": 1, "random": 2}


def window_settings(firmware_elf: Path, windows: int) -> dict[str, int]:
    """What is needed to profile the first ``windows`` inferences of a firmware, by op.

    Addresses come from the ELF's symbols; what ``symbol_address`` raises for a missing one passes
    through.
    """
    from hil.firmware.elf import symbol_address

    return {
        "begin": symbol_address(firmware_elf, "hil_infer_window_begin"),
        "end": symbol_address(firmware_elf, "hil_infer_window_end"),
        "sled": symbol_address(firmware_elf, "hil_mark_sled"),
        "slots": symbol_address(firmware_elf, "hil_mark_slots"),  # an absolute symbol
        "windows": windows,
    }


def cache_settings(flash: Flash, where: MemoryRegion) -> dict[str, int]:
    """What is needed to simulate the caches of ``flash``, which the emulator has at ``where``."""
    return {
        "flash": where.origin,
        "flash_size": where.size,
        "read": flash.line_bytes,
        "line": flash.tag_bytes,
        "icache": flash.icache_bytes,
        "iways": flash.icache_ways,
        "dcache": flash.dcache_bytes,
        "dways": flash.dcache_ways,
        "unified": int(flash.unified),
        "whole": int(flash.cache_fill == "line"),
        "replace": _REPLACEMENT[flash.replacement],
    }
