"""Flash and RAM: sizes from the ELF, high-water marks from the device."""

from __future__ import annotations

from hil.figures import FIGURES
from hil.records import ArenaUse, Firmware, Kind, Measurement, Trace

EXCEPTION_FRAME_BYTES = 104
"""Stack that one interrupt takes with FPU state: Armv7-M ARM (DDI 0403) section B1.5.7."""


def memory_figures(firmware: Firmware, trace: Trace) -> dict[str, Measurement]:
    """Return flash and RAM figures by name, all in bytes; those that are known.

    ``flash_bytes`` is the sum of ``code_bytes`` (engine), ``weights_bytes``, ``tables_bytes`` and
    ``runtime_bytes``; ``ram_bytes`` is ``arena_bytes`` + ``static_bytes`` + ``stack_bytes`` +
    ``heap_bytes``, the last two as high-water marks. Marks seen in emulation are ``modelled``.
    """
    flash, ram = firmware.flash_by_owner, firmware.ram_by_owner
    whole = sum(flash.values()) if "code" in flash else None
    sizes = [
        ("flash_bytes", whole, "all loaded sections of the ELF"),
        ("code_bytes", flash.get("code"), "the engine's code in the ELF"),
        ("weights_bytes", flash["weights"], "constant tensors in the ELF"),
        ("tables_bytes", flash["tables"], "the engine's tables in the ELF"),
        ("runtime_bytes", flash.get("runtime"), "start-up, port, protocol and C library"),
        ("arena_bytes", ram["arena"], "planned ahead from tensor lifetimes"),
        ("static_bytes", ram.get("static"), "data and bss without the arena"),
    ]
    figures = [_static(name, size, source) for name, size, source in sizes if size is not None]
    stack, heap = trace.memory.stack_bytes, trace.memory.heap_bytes
    if stack is not None and heap is not None:
        seen = trace.platform.time or "modelled"
        total = ram["arena"] + ram["static"] + stack + heap
        figures += [
            _seen("stack_bytes", stack, stack, seen, "painted stack, high-water mark"),
            _seen("heap_bytes", heap, 0, seen, "heap high-water mark"),
            _seen("ram_bytes", total, stack, seen, "arena + static + stack + heap"),
        ]
    return {figure.name: figure for figure in figures}


def arena_figures(use: ArenaUse) -> dict[str, Measurement]:
    """Return the figures of an arena that was found by running: its size and its parts.

    The firmware counted them in emulation, in an arena of the final size. ``scratch`` is a part
    of ``nonpersistent``.
    """
    counted = "counted by the firmware in the smallest arena"
    rows = [
        ("arena_persistent_bytes", use.persistent_bytes, f"kept while loaded; {counted}"),
        ("arena_nonpersistent_bytes", use.nonpersistent_bytes, f"tensors, scratch; {counted}"),
        ("arena_scratch_bytes", use.scratch_bytes, f"most of one op, in non-persistent; {counted}"),
    ]
    found = "the smallest arena in which the model allocates and runs, found by running it"
    return {
        "arena_bytes": _static("arena_bytes", use.arena_bytes, found),
        **{name: _seen(name, value, 0, "modelled", source) for name, value, source in rows},
    }


def _static(name: str, value: int, source: str) -> Measurement:
    return Measurement(name, float(value), FIGURES[name].unit, "static", 0.0, source=source)


def _seen(name: str, value: int, stack: int, kind: Kind, source: str) -> Measurement:
    """A figure that includes the stack: an interrupt outside of the run adds one frame."""
    margin = 100.0 * EXCEPTION_FRAME_BYTES / value if stack and value else 0.0
    if stack:
        source += f"; band: one exception frame of {EXCEPTION_FRAME_BYTES} bytes"
    return Measurement(name, float(value), FIGURES[name].unit, kind, margin, source=source)
