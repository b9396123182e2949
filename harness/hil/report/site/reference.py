"""What the last value of a series is compared with: a run of a baseline, else its own first run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.gate import baselines
from hil.records import RunRecord
from hil.report.site.series import SHOWN, Series
from hil.report.site.steps import Step, Value, scatters
from hil.report.site.trend_chart import Direction, step_text
from hil.store.history import PastFigure

if TYPE_CHECKING:
    from hil.store import Store

_ROUNDING = 1e-9  # of the value


@dataclass(frozen=True)
class Reference:
    """A run to compare with; ``name`` is how pages call it."""

    name: str
    run_id: str
    figures: Mapping[str, PastFigure]


@dataclass(frozen=True)
class Compared:
    """A value against the reference's: ``+3.0 %`` and which direction that is."""

    text: str
    direction: Direction
    ratio: float | None


@dataclass(frozen=True)
class Baseline:
    """A named baseline: its runs by what a series is of, without the model's bytes."""

    name: str
    runs: Mapping[tuple[str, str, str, str], tuple[RunRecord, ...]]


def load(store: Store, name: str) -> Baseline:
    """Return the stored or shipped baseline ``name``.

    Raises:
        UsageError: there is no such baseline.
        StoreError: it cannot be read.
    """
    by_kind: dict[tuple[str, str, str, str], tuple[RunRecord, ...]] = {}
    for member in baselines.find(store, name):
        run = member.run
        assert run.model is not None
        kind = (run.model.name, run.profile_name, run.engine, run.target)
        by_kind[kind] = (*by_kind.get(kind, ()), run)
    return Baseline(name, by_kind)


def reference(series: Series, baseline: Baseline | None) -> Reference | None:
    """Return what a series is compared with; None where the baseline has no such run.

    A baseline's run of the same model bytes is preferred to one of the same name.
    """
    if baseline is not None:
        runs = baseline.runs.get(series.kind, ())
        sha256 = series.last.model_sha256 if series.last else ""
        same = [run for run in runs if run.model is not None and run.model.sha256 == sha256]
        run = next(iter([*same, *runs]), None)
        return None if run is None else Reference(baseline.name, run.run_id, _figures(run))
    first = next((run for run in series.runs if run.status == "passed"), None)
    return None if first is None else Reference("first run", first.run_id, first.figures)


def compared(
    old: PastFigure | None, new: PastFigure, better: str, *, is_itself: bool = False
) -> Compared | None:
    """Compare a value with the reference's; None where that is not possible.

    Measured values that differ by less than both spreads together have no direction.
    """
    if old is None or is_itself or (old.kind, old.unit) != (new.kind, new.unit):
        return None
    difference = new.value - old.value
    if not abs(difference) > _ROUNDING * abs(old.value):
        return Compared("no change", "other", 1.0)
    change = difference / old.value if old.value else None
    noise = sum(abs(one.value) * (one.spread_pct or 0) / 100 for one in (old, new))
    noisy = scatters(Value(new.value, new.kind, new.unit)) and abs(difference) <= noise
    direction: Direction = "other"
    if better and not noisy:
        direction = "worse" if (difference > 0) == (better == "lower") else "better"
    text = step_text(Step(0, 0, old.value, new.value), new.unit)
    text += ", within the scatter" if noisy else ""
    return Compared(text, direction, None if change is None else 1 + change)


def _figures(run: RunRecord) -> dict[str, PastFigure]:
    return {
        name: PastFigure(f.value, f.unit, f.kind, f.uncertainty_pct, f.n, f.spread_pct)
        for name, f in run.measurements.items()
        if name in SHOWN
    }
