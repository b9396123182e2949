"""Bands of a core's timing model, from comparisons with silicon.

The comparisons are data, one file a core (``reports/validation/<core>.json``), written by
``hil validate --write``. ``docs/validation.md`` says how the bands are made.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from hil.errors import UsageError
from hil.measure.band import Band
from hil.measure.cycles.cores import TimingTable
from hil.resources import data_dir

SCHEMA = "hil.validation/1"
CodeKind = Literal["integer", "float", "general"]
KINDS: tuple[CodeKind, ...] = ("integer", "float", "general")

WIDE_PCT = 40.0
"""Half band without any comparison with silicon: between one clock a cache hides and one it does
not, and between the documented and the guessed pairing of instructions, cores differ by that."""

ENOUGH_PROGRAMS = 4
"""Programs held back that a kind of code needs for a band of its own."""

FEW_PROGRAMS_FACTOR = 2.0
"""How much wider a band is that rests on fewer programs than that."""

NOT_VALIDATED = "not validated on silicon"


@dataclass(frozen=True)
class Compared:
    """One program: how far the prediction was off, and which half it is in."""

    error_pct: float
    kind: CodeKind
    held_back: bool


def band(core: TimingTable, kind: CodeKind) -> Band:
    """Return the band of ``kind`` of code on ``core``.

    Twice the mean absolute error of the programs held back from fitting. Where a kind has too few
    of its own, all kinds but floating point are used together.

    Raises:
        UsageError: the file of the core's comparisons is damaged.
    """
    return derive_band(_compared(core.validated_as), kind)


def derive_band(programs: Iterable[Compared], kind: CodeKind) -> Band:
    """Return the band of ``kind`` that comparisons with silicon support."""
    held = [p for p in programs if p.held_back]
    own = [abs(p.error_pct) for p in held if p.kind == kind]
    others = [abs(p.error_pct) for p in held if "float" not in (p.kind, kind)]
    errors = own if len(own) >= ENOUGH_PROGRAMS or not others else others
    if not errors:
        text = "FP arithmetic " if kind == "float" else ""
        return Band(WIDE_PCT, text + NOT_VALIDATED)
    mean = statistics.fmean(errors)
    if len(errors) >= ENOUGH_PROGRAMS:
        return Band(round(2 * mean, 1), f"mean error {mean:.1f} % of {len(errors)} programs")
    wide = min(WIDE_PCT, FEW_PROGRAMS_FACTOR * max(2 * mean, WIDE_PCT / 4))
    return Band(round(wide, 1), f"mean error {mean:.1f} % of only {len(errors)} program(s)")


def summary(core: TimingTable, kind: CodeKind = "integer") -> str:
    """Return in a line what the core's model was compared with, and the band of ``kind``."""
    data = _read(core.validated_as)
    counted = [p for p in data["programs"] if not p["left_out"]] if data else []
    if not data or not counted:
        return NOT_VALIDATED
    chips = sorted({p["chip"].partition(" (")[0] for p in counted})
    held = data["means"]["held-back"]
    own, fp = band(core, kind), band(core, "float")
    return (
        f"compared with {len(counted)} program{'s' * (len(counted) > 1)} on {', '.join(chips)}: "
        f"mean error {held['mean_pct']:.1f} %, worst {held['worst_pct']:.1f} % of the "
        f"{held['programs']} held back from fitting; {kind} code ±{own.pct:g} %"
        + (f", {fp.words}" if NOT_VALIDATED in fp.words else f", FP arithmetic ±{fp.pct:g} %")
    )


def _compared(name: str) -> tuple[Compared, ...]:
    data = _read(name)
    if data is None:
        return ()
    return tuple(
        Compared(p["error_pct"], p["kind"], p["split"] == "held-back")
        for p in data["programs"]
        if not p["left_out"]
    )


def _read(name: str) -> dict[str, Any] | None:
    path = data_dir("reports") / "validation" / f"{name}.json"
    return _load(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=16)
def _load(path: Path, _changed_ns: int) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r}, expected {SCHEMA!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not a validation table: {error}",
            hint="restore it, or write it again with `hil validate --set DIR --write`",
        ) from error
    return data
