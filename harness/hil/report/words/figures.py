"""Measurements for reading: label, rounded and full text, repetitions, kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hil import figures as registry
from hil.records import Kind, Measurement, RunRecord
from hil.report.words.format import KIND_WORDS, exact, percent, quantity


def value_text(measured: Measurement) -> str:
    """A measurement's value, rounded for reading."""
    return quantity(measured.value, _shown_unit(measured))


def full_text(measured: Measurement) -> str:
    """A measurement's value, not rounded."""
    return exact(measured.value, _shown_unit(measured))


def _shown_unit(measured: Measurement) -> str:
    return "" if registry.unit(measured.unit).implied else measured.unit


def repeats_text(measured: Measurement) -> str:
    """``median of 5, spread 0.2 %``; empty for a single repetition."""
    if measured.n <= 1:
        return ""
    text = f"median of {measured.n:,}"
    if measured.spread_pct is not None:
        spread = percent(measured.spread_pct / 100)
        text += f", spread {spread}" if measured.spread_pct else ", all equal"
    return text


def figure_names(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """Names of the figures that any of the runs has, the known ones first."""
    return tuple(registry.in_order(name for run in runs for name in run.measurements))


def used_kinds(
    runs: Sequence[RunRecord], more: Iterable[Kind] = ()
) -> tuple[tuple[Kind, str], ...]:
    """Return the kinds of figures that occur in the runs, each with its meaning."""
    used: set[Kind] = {f.kind for run in runs for f in run.measurements.values()} | set(more)
    used |= {op.kind for run in runs for op in run.ops}
    if any(run.plan or run.flash_by_owner or run.ram_by_owner for run in runs):
        used.add("static")
    order: tuple[Kind, ...] = ("measured", "modelled", "static", "published")
    return tuple((kind, KIND_WORDS[kind]) for kind in order if kind in used)
