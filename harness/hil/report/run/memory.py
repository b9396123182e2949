"""Memory for the report: what fits (bars by owner), and the arena over time (boxes).

All positions and lengths are per cent of the drawing's width or height, so that the drawing follows
the page's width while its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.records import Kind, Measurement, RunRecord
from hil.report.words.format import capacity as capacity_text
from hil.report.words.format import percent, quantity

OWNERS: dict[str, tuple[str, str]] = {
    "code": ("code", "the model's arithmetic: one routine per kind of layer"),
    "weights": ("weights", "what the model has learned"),
    "tables": ("tables", "constants prepared ahead for the arithmetic"),
    "runtime": ("runtime", "start-up, serial link and the measuring program"),
    "arena": ("arena", "work space for the values between layers"),
    "static": ("static", "fixed variables of the program"),
    "stack": ("stack, used", "highest level seen while running"),
    "heap": ("heap, used", "highest level seen while running"),
    "stack_spare": ("stack, spare", "set aside for the stack, never touched"),
    "stack_reserved": ("stack", "set aside for the stack"),
    "heap_spare": ("heap, spare", "set aside for the heap, never touched"),
    "heap_reserved": ("heap", "set aside for the heap"),
}


@dataclass(frozen=True)
class Segment:
    """One owner's piece of a memory bar; ``x`` and ``width`` in per cent of the bar."""

    key: str
    label: str
    meaning: str
    bytes: int
    text: str
    share: str
    x: float
    width: float
    kind: Kind
    letter: str


@dataclass(frozen=True)
class MemoryBar:
    """Flash or RAM against what the chip has. ``limit_x`` is where the chip's memory ends."""

    name: str
    segments: tuple[Segment, ...]
    used_bytes: int
    used_text: str
    capacity_text: str
    share: str
    free_bytes: int
    free_text: str
    free_share: str
    fits: bool
    verdict: str
    limit_x: float


def flash_bar(run: RunRecord) -> MemoryBar | None:
    """Flash by owner against the profile's flash; None where neither is known."""
    return _bar("Flash", flash_parts(run), flash_capacity_bytes(run.profile))


def flash_parts(run: RunRecord) -> list[tuple[str, int, Kind]]:
    """Flash by owner as (key, bytes, kind)."""
    order = ("code", "weights", "tables", "runtime")
    return [(key, size, "static") for key, size in _ordered(run.flash_by_owner, order)]


def ram_bar(run: RunRecord) -> MemoryBar | None:
    """RAM by owner against the profile's main RAM; None where neither is known."""
    return _bar("RAM", ram_parts(run), main_ram_bytes(run.profile))


def ram_parts(run: RunRecord) -> list[tuple[str, int, Kind]]:
    """RAM by owner as (key, bytes, kind).

    Stack and heap count with their observed high-water marks; the rest of what is set aside for
    them are parts of their own, so that "free" is what a larger program could really take.
    """
    sizes = dict(run.ram_by_owner)
    reserved = {name: sizes.pop(f"{name}_reserved", 0) for name in ("stack", "heap")}
    parts: list[tuple[str, int, Kind]] = [
        (key, size, "static") for key, size in _ordered(sizes, ("arena", "static"))
    ]
    for name, size in reserved.items():
        parts += _used_and_spare(name, size, run.measurements.get(f"{name}_bytes"))
    return parts


def _used_and_spare(
    name: str, reserved: int, seen: Measurement | None
) -> list[tuple[str, int, Kind]]:
    """Segments of the stack or the heap; empty ones are left out."""
    if seen is None:
        return [(f"{name}_reserved", reserved, "static")] if reserved else []
    used = int(seen.value)
    parts: list[tuple[str, int, Kind]] = [(name, used, seen.kind)] if used else []
    if reserved > used:
        parts.append((f"{name}_spare", reserved - used, "static"))
    return parts


def main_ram_bytes(profile: Mapping[str, Any]) -> int | None:
    """Size of the RAM that holds data, bss and stack, or None where the profile does not say."""
    for ram in profile.get("ram") or ():
        if ram.get("main"):
            return int(ram["size_bytes"])
    return None


def flash_capacity_bytes(profile: Mapping[str, Any]) -> int | None:
    """Size of the profile's flash, or None where the profile does not say."""
    return _get_int(profile, "flash", "size_bytes")


def _get_int(profile: Mapping[str, Any], *path: str) -> int | None:
    value: Any = profile
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return int(value)


def _ordered(sizes: Mapping[str, int], order: Iterable[str]) -> list[tuple[str, int]]:
    known = [key for key in order if key in sizes]
    return [(key, int(sizes[key])) for key in (*known, *sorted(set(sizes) - set(known)))]


def _bar(name: str, parts: list[tuple[str, int, Kind]], capacity: int | None) -> MemoryBar | None:
    used = sum(size for key, size, _ in parts if not key.endswith("_spare"))
    taken = sum(size for _, size, _ in parts)
    if not parts or not capacity:
        return None
    scale = max(capacity, taken)
    segments: list[Segment] = []
    start = 0
    for index, (key, size, kind) in enumerate(parts):
        label, meaning = OWNERS.get(key, (key.replace("_", " "), ""))
        segments.append(
            Segment(
                key=key if key in OWNERS else "other",
                label=label,
                meaning=meaning,
                bytes=size,
                text=quantity(size, "bytes"),
                share=percent(size / capacity),
                x=100 * start / scale,
                width=100 * size / scale,
                kind=kind,
                letter=chr(ord("A") + index),
            )
        )
        start += size
    free = capacity - taken
    fits = free >= 0
    return MemoryBar(
        name=name,
        segments=tuple(segments),
        used_bytes=used,
        used_text=quantity(used, "bytes"),
        capacity_text=capacity_text(capacity),
        share=percent(used / capacity),
        free_bytes=max(0, free),
        free_text=quantity(max(0, free), "bytes"),
        free_share=percent(max(0, free) / capacity),
        fits=fits,
        verdict=(
            f"fits, {quantity(free, 'bytes')} to spare"
            if fits
            else f"does not fit: {quantity(-free, 'bytes')} too much"
        ),
        limit_x=100 * capacity / scale,
    )
