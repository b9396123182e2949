"""What takes flash and RAM, by owner, and bars of it against what the chip has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hil.records import Kind, Measurement, RunRecord
from hil.report.words.format import quantity

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
"""Label and meaning of each owner of memory."""


class Part(NamedTuple):
    """Bytes of one owner."""

    key: str
    bytes: int
    kind: Kind


@dataclass(frozen=True)
class Owner:
    """An owner as charts and tables show it: its letter, and the colour's name in the style."""

    key: str
    label: str
    meaning: str
    letter: str
    colour: str


@dataclass(frozen=True)
class Segment:
    """One owner's piece of a memory bar; ``x`` and ``width`` in per cent of the bar."""

    owner: Owner
    bytes: int
    kind: Kind
    x: float
    width: float


@dataclass(frozen=True)
class MemoryBar:
    """Flash or RAM against what the chip has. ``limit_x`` is where the chip's memory ends."""

    name: str
    segments: tuple[Segment, ...]
    used_bytes: int
    capacity_bytes: int
    free_bytes: int
    fits: bool
    verdict: str
    limit_x: float


def owners(keys: Iterable[str], known: Mapping[str, tuple[str, str]]) -> tuple[Owner, ...]:
    """Owners in this order, lettered; one that is not ``known`` goes by its key."""
    found = []
    for position, key in enumerate(keys):
        label, meaning = known.get(key, (key.replace("_", " "), ""))
        letter = chr(ord("A") + position % 26)
        found.append(Owner(key, label, meaning, letter, key if key in known else "other"))
    return tuple(found)


def flash_bar(run: RunRecord) -> MemoryBar | None:
    """Flash by owner against the profile's flash; None where neither is known."""
    return _bar("Flash", flash_parts(run), flash_capacity_bytes(run.profile))


def flash_parts(run: RunRecord) -> list[Part]:
    """Flash by owner; empty where the run's target does not know the whole."""
    if not _is_whole(run, "flash_bytes"):
        return []
    return _ordered(run.flash_by_owner, ("code", "weights", "tables", "runtime"))


def ram_bar(run: RunRecord) -> MemoryBar | None:
    """RAM by owner against the profile's main RAM; None where neither is known."""
    return _bar("RAM", ram_parts(run), main_ram_bytes(run.profile))


def ram_parts(run: RunRecord) -> list[Part]:
    """RAM by owner; empty where the run's target does not know the whole.

    Stack and heap count with their observed high-water marks; the rest of what is set aside for
    them are parts of their own, so that "free" is what a larger program could really take.
    """
    if not _is_whole(run, "ram_bytes"):
        return []
    sizes = dict(run.ram_by_owner)
    reserved = {name: sizes.pop(f"{name}_reserved", 0) for name in ("stack", "heap")}
    parts = _ordered(sizes, ("arena", "static"))
    for name, size in reserved.items():
        parts += _used_and_spare(name, size, run.measurements.get(f"{name}_bytes"))
    return parts


def _is_whole(run: RunRecord, total: str) -> bool:
    """Whether the sizes by owner are all there is; before a run has passed the ELF's are."""
    return run.status != "passed" or total in run.measurements


def _used_and_spare(name: str, reserved: int, seen: Measurement | None) -> list[Part]:
    """Parts of the stack or the heap; empty ones are left out."""
    if seen is None:
        return [Part(f"{name}_reserved", reserved, "static")] if reserved else []
    used = int(seen.value)
    parts = [Part(name, used, seen.kind), Part(f"{name}_spare", reserved - used, "static")]
    return [part for part in parts if part.bytes > 0]


def _ordered(sizes: Mapping[str, int], order: Iterable[str]) -> list[Part]:
    known = [key for key in order if key in sizes]
    return [Part(key, sizes[key], "static") for key in (*known, *sorted(set(sizes) - set(known)))]


def main_ram_bytes(profile: Mapping[str, Any]) -> int | None:
    """Size of the RAM that holds data, bss and stack, or None where the profile does not say."""
    mains = (int(ram["size_bytes"]) for ram in profile.get("ram") or () if ram.get("main"))
    return next(mains, None)


def flash_capacity_bytes(profile: Mapping[str, Any]) -> int | None:
    """Size of the profile's flash, or None where the profile does not say."""
    size = (profile.get("flash") or {}).get("size_bytes")
    return None if size is None else int(size)


def _bar(name: str, parts: list[Part], capacity: int | None) -> MemoryBar | None:
    if not parts or not capacity:
        return None
    taken = sum(part.bytes for part in parts)
    scale = max(capacity, taken)
    segments: list[Segment] = []
    start = 0
    for owner, part in zip(owners((part.key for part in parts), OWNERS), parts, strict=True):
        x, width = 100 * start / scale, 100 * part.bytes / scale
        segments.append(Segment(owner, part.bytes, part.kind, x, width))
        start += part.bytes
    fits = taken <= capacity
    rest = quantity(abs(capacity - taken), "bytes")
    return MemoryBar(
        name=name,
        segments=tuple(segments),
        used_bytes=sum(part.bytes for part in parts if not part.key.endswith("_spare")),
        capacity_bytes=capacity,
        free_bytes=max(0, capacity - taken),
        fits=fits,
        verdict=f"fits, {rest} to spare" if fits else f"does not fit: {rest} too much",
        limit_x=100 * capacity / scale,
    )
