"""Checks what the types of a run's record allow and no run can have.

Files of baselines come from elsewhere, and their SHA-256 only says that nobody changed them after
somebody computed it. What passes here can be stored, compared and shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from hil import figures
from hil.records import Measurement, RunRecord

_MOST = 1e15  # of a value in its unit: cycles of days, a petabyte, 31 years of microseconds
_MOST_OPS = 1_000_000
_LONGEST_ID = 64  # of the database's columns
_LONGEST_NAME = 255
_HASH = re.compile("[0-9a-f]{64}")


def fault(run: RunRecord) -> str:
    """Return the first implausible value of a run with its place and the reason, or ''."""
    return next(_faults(run), "")


def _faults(run: RunRecord) -> Iterator[str]:
    yield from _of_names(run)
    yield from _of_times(run)
    yield from _of_profile(run.profile)
    for name, figure in run.measurements.items():
        yield from _of_figure(f"measurements.{name}", figure)
    yield from _of_counts(run)


def is_time(text: Any) -> bool:
    """Whether ``text`` is an ISO 8601 date and time."""
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).year >= 1970
    except ValueError:
        return False


def _of_names(run: RunRecord) -> Iterator[str]:
    names = {"profile_name": run.profile_name, "target": run.target, "engine": run.engine}
    if run.model is not None:
        names["model.name"] = run.model.name
        if not _HASH.fullmatch(run.model.sha256):
            yield f"model.sha256: '{run.model.sha256[:80]}' is not a SHA-256"
    for place, name in names.items():
        if not name or len(name) > _LONGEST_NAME:
            yield f"{place}: a name has 1 to {_LONGEST_NAME} characters, this one {len(name):,}"
    if not run.run_id or len(run.run_id) > _LONGEST_ID:
        yield f"run_id: it has 1 to {_LONGEST_ID} characters, this one {len(run.run_id):,}"


def _of_times(run: RunRecord) -> Iterator[str]:
    for place, text in (("started_at", run.started_at), ("finished_at", run.finished_at)):
        if text is not None and not is_time(text):
            yield f"{place}: '{text[:80]}' is not a date and time (ISO 8601)"


def _of_profile(profile: Mapping[str, Any]) -> Iterator[str]:
    """What reports and comparisons read of the profile's snapshot; it may lack all of it."""
    for table in ("chip", "clock", "flash"):
        if not isinstance(profile.get(table, {}), Mapping):
            yield f"profile.{table}: it is not a table"
            return
    rams = profile.get("ram", [])
    if not isinstance(rams, list) or not all(isinstance(one, Mapping) for one in rams):
        yield "profile.ram: it is not a list of tables"
        return
    numbers = {
        "clock.hz": profile.get("clock", {}).get("hz", 1),
        "flash.size_bytes": profile.get("flash", {}).get("size_bytes", 1),
        **{f"ram.{i}.size_bytes": one.get("size_bytes", 1) for i, one in enumerate(rams)},
    }
    for place, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
            yield f"profile.{place}: {_shown(value)} is not a positive number"
    part = profile.get("chip", {}).get("part", "")
    if not isinstance(part, str):
        yield f"profile.chip.part: {_shown(part)} is not text"


def _of_figure(place: str, figure: Measurement) -> Iterator[str]:
    known = figures.FIGURES.get(figure.name)
    least = 0.0 if known else -_MOST
    for value in (figure.value, *figure.samples):
        # NaN is a value that is not known.
        if not (math.isnan(value) or least <= value <= _MOST):
            yield f"{place}: {_shown(value)} {figure.unit} is beyond what a run can have"
    if known is not None and figures.unit(figure.unit) != figures.unit(known.unit):
        yield f"{place}: its unit is '{figure.unit[:80]}', not {known.unit}"
    if not 0 <= figure.n <= _MOST:
        yield f"{place}.n: {_shown(figure.n)} is not a number of observations"
    for name in ("uncertainty_pct", "spread_pct"):
        share = getattr(figure, name)
        if share is not None and not (math.isnan(share) or 0 <= share <= _MOST):
            yield f"{place}.{name}: {_shown(share)} is not a percentage"


def _of_counts(run: RunRecord) -> Iterator[str]:
    """Cycles, sizes and numbers of operations: whole, not negative, not absurdly large."""
    places: list[tuple[str, Iterable[float]]] = [
        (f"ops.{i}", (op.index, op.macs, op.instructions or 0, op.cycles, op.latency_us))
        for i, op in enumerate(run.ops)
    ]
    places += [
        (f"functions.{i}", (one.instructions, one.cycles)) for i, one in enumerate(run.functions)
    ]
    if run.plan is not None:
        places.append(("plan.arena_bytes", (run.plan.arena_bytes,)))
        places += [
            (f"plan.placements.{i}", (one.offset, one.size))
            for i, one in enumerate(run.plan.placements)
        ]
    places += [
        ("flash_by_owner", run.flash_by_owner.values()),
        ("ram_by_owner", run.ram_by_owner.values()),
    ]
    if run.model is not None:
        places.append(("model", (run.model.size_bytes, run.model.macs, run.model.ops)))
    for place, values in places:
        for value in values:
            if not 0 <= value <= _MOST:
                yield f"{place}: {_shown(value)} is beyond what a run can have"
    yield from _of_op_numbers(run)


def _of_op_numbers(run: RunRecord) -> Iterator[str]:
    """Readers count from a buffer's first op to its last."""
    numbers = [(f"ops.{i}.index", op.index) for i, op in enumerate(run.ops)]
    if run.plan is not None:
        numbers.append(("plan.peak_op", run.plan.peak_op))
        for i, one in enumerate(run.plan.placements):
            numbers.append((f"plan.placements.{i}.first_op", one.first_op))
            numbers.append((f"plan.placements.{i}.last_op", one.last_op))
    for place, number in numbers:
        if not -1 <= number <= _MOST_OPS:
            yield f"{place}: {_shown(number)} is not the number of an op"


def _shown(value: Any) -> str:
    text = f"{value:,.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
