"""Which runs belong side by side, and which of them is the baseline.

Runs of one model (or of variants of one model) on one profile make a case. Its baseline is what the
caller names; else the fastest run of a baseline engine (one whose role is to be compared with) of
that model on that profile, of those in the report, then of stored baselines, stored runs and
baselines shipped with hil; else, for variants, a run of the float model that they were made of;
else the first run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.gate import baselines
from hil.published import PublishedResult
from hil.published import matching as published_rows
from hil.records import RunRecord
from hil.report.words.format import clock_text
from hil.report.words.naming import (
    chip_name,
    clock_hz,
    engine_title,
    family,
    is_baseline_engine,
    model_name,
)
from hil.store.latest import Filter, latest
from hil.verdict.kinship import arithmetic, scheme

if TYPE_CHECKING:
    from hil.store import Store


_PARENT = "the float model that the variants were made of"


@dataclass(frozen=True)
class Column:
    """A run in a case; ``origin`` is where one that was added comes from."""

    run: RunRecord
    origin: str = ""


@dataclass(frozen=True)
class Case:
    """Runs side by side; the first column is the baseline where ``has_baseline``.

    ``is_asked_for`` where the user named that baseline.
    """

    columns: tuple[Column, ...]
    has_baseline: bool
    why: str
    published: tuple[PublishedResult, ...] = ()
    is_asked_for: bool = False

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """The runs of all columns."""
        return tuple(column.run for column in self.columns)

    @property
    def subjects(self) -> tuple[RunRecord, ...]:
        """Runs to be judged: all but the baseline, baseline engines only where nothing else is."""
        if not self.has_baseline:
            return ()
        others = self.runs[1:]
        return tuple(run for run in others if not is_baseline_engine(run)) or others

    @property
    def title(self) -> str:
        """``kws_int8 on STM32L475VG``; ``at 48 MHz`` too where that is not the profile's own."""
        run = self.runs[-1]
        clock = f" at {clock_text(clock_hz(run))}" if "@" in run.profile_name else ""
        return f"{model_name(run)} on {chip_name(run)}{clock}"


@dataclass(frozen=True)
class Asked:
    """A baseline that the user named: ``name`` as given, and the run or runs it means."""

    name: str
    runs: tuple[RunRecord, ...] = field(default=())


def find_baseline(store: Store, name: str) -> Asked | None:
    """Return the stored or shipped baseline of that name, or None where there is none.

    Raises:
        StoreError: it cannot be read.
    """
    found = baselines.members(store, name=name)
    if not found:
        return None
    return Asked(name, tuple(baselines.load(store, name, found[0].origin).values()))


def compared(runs: Sequence[RunRecord]) -> Case:
    """One case of runs that the caller put together, the first as the baseline.

    Raises:
        UsageError: fewer than two runs.
    """
    if len(runs) < 2:
        raise UsageError(
            "a comparison needs at least two runs", hint="`hil history` lists the runs there are"
        )
    why = "The first run is the baseline."
    return Case(tuple(Column(run) for run in runs), True, why, _published(runs))


def cases(
    runs: Sequence[RunRecord], store: Store | None = None, asked: Asked | None = None
) -> tuple[Case, ...]:
    """Sort runs into cases, in the order of first appearance, each with its baseline.

    A run with nothing to compare it with is a case of one column. ``store`` None looks for
    baselines only among the shipped ones.

    Raises:
        UsageError: the baseline asked for is of no model of the runs.
        StoreError: a baseline or the published results cannot be read.
    """
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        key = (family(run) or run.run_id, run.profile_name)
        groups.setdefault(key, []).append(run)
    if asked is not None:
        known = {family(run) for run in asked.runs}
        if not any(family(run) in known for run in runs):
            raise UsageError(
                f"the baseline '{asked.name}' has no run of a model in this report",
                hint="`hil compare` compares runs of different models",
            )
    return tuple(_case(group, store, asked) for group in groups.values())


def _case(group: Sequence[RunRecord], store: Store | None, asked: Asked | None) -> Case:
    published = _published(group)
    named = _as_asked(group, asked)
    chosen = (
        named or _engine_here(group) or _engine_elsewhere(group, store) or _parent(group, store)
    )
    if chosen is None and len(group) > 1:
        here = any(is_baseline_engine(run) for run in group)
        why = "The first run is the baseline: no run of a baseline engine of this model on this "
        why += "profile passed." if here else "profile is here or in a stored baseline."
        chosen = ([Column(group[0])], why)
    if chosen is None:
        why = "There is nothing to compare with: no other run and no baseline of this model."
        return Case((Column(group[0]),), False, why, published)
    columns, why = chosen
    there = {column.run.run_id for column in columns}
    rest = tuple(Column(run) for run in group if run.run_id not in there)
    if not rest and len(columns) < 2:
        return Case(tuple(columns), False, why, published)
    return Case((*columns[:1], *rest, *columns[1:]), True, why, published, named is not None)


def _as_asked(group: Sequence[RunRecord], asked: Asked | None) -> tuple[list[Column], str] | None:
    """The run of the named baseline that is nearest: same model and profile, then any profile."""
    if asked is None:
        return None
    hashes = {run.model.sha256 for run in group if run.model}
    families = {family(run) for run in group}
    profile = group[0].profile_name
    fitting = [run for run in asked.runs if family(run) in families]
    if not fitting:
        return None

    def distance(run: RunRecord) -> tuple[bool, bool, float]:
        other_model = run.model is None or run.model.sha256 not in hashes
        return run.profile_name != profile, other_model, _latency(run)

    best = min(fitting, key=distance)
    why = f"{engine_title(best)} is the baseline, as asked for by '{asked.name}'."
    if best.profile_name != profile:
        why += f" '{asked.name}' has no run on {profile}, so one on another chip is used."
    here = best.run_id in {run.run_id for run in group}
    return [Column(best, "" if here else f"baseline '{asked.name}'")], why


def _engine_here(group: Sequence[RunRecord]) -> tuple[list[Column], str] | None:
    """The fastest run of a baseline engine among the runs themselves."""
    found = sorted((run for run in group if _counts(run)), key=_latency)
    if not found or len(group) < 2:
        return None
    which = "the fastest run of a baseline engine" if len(found) > 1 else "a run"
    return [Column(found[0])], f"{engine_title(found[0])} is the baseline: {which} in this report."


def _engine_elsewhere(
    group: Sequence[RunRecord], store: Store | None
) -> tuple[list[Column], str] | None:
    """Runs of baseline engines that match, one of each: stored ones before shipped ones."""
    if any(is_baseline_engine(run) for run in group):
        return None
    found: dict[str, Column] = {}
    for run in {run.model.sha256: run for run in group if run.model}.values():
        for column in _candidates(run, store):
            found.setdefault(engine_title(column.run), column)
    if not found:
        return None
    ordered = sorted(found.values(), key=lambda column: _latency(column.run))
    origin = ordered[0].origin
    which = "its newest stored run" if origin == "stored run" else f"the {origin},"
    why = f"{engine_title(ordered[0].run)} is the baseline: {which} of this model on this profile"
    why += ", the fastest of those that match." if len(ordered) > 1 else "."
    return ordered, why


def _parent(group: Sequence[RunRecord], store: Store | None) -> tuple[list[Column], str] | None:
    """For variants the run of their float model: in the report, else the newest stored one.

    One of the variants' engine comes first; the other variants of a parent are no baseline.
    """
    variants = [run for run in group if scheme(run)]
    if not variants:
        return None
    parent, engines = family(variants[0]), {run.engine for run in variants}
    here = [run for run in group if not scheme(run) and run.status == "passed"]
    if here:
        best = min(here, key=lambda run: run.engine not in engines)
        return [Column(best)], f"{arithmetic(best)} is the baseline: {_PARENT}."
    if store is None:
        return None
    which = Filter(model=parent, profile=group[0].profile_name, status="passed")
    found = [run for run in latest(store, which) if run.engine in engines]
    if not found:
        return None
    best = found[0]
    why = f"{arithmetic(best)} is the baseline: the newest stored run of {_PARENT}."
    return [Column(best, "stored run")], why


def _candidates(run: RunRecord, store: Store | None) -> list[Column]:
    """Runs of baseline engines of the same model and profile, those of the same target first."""
    assert run.model is not None
    matching = [m for m in baselines.matching(store, run) if _counts(m.run)]
    matching.sort(key=lambda m: (m.origin == "shipped", m.run.target != run.target))
    columns = [
        Column(m.run, f"baseline '{m.name}'" + ", shipped with hil" * (m.origin == "shipped"))
        for m in matching
    ]
    stored = sum(m.origin == "stored" for m in matching)
    return [*columns[:stored], *_stored_runs(run, store), *columns[stored:]]


def _stored_runs(run: RunRecord, store: Store | None) -> list[Column]:
    """The newest passed run of each baseline engine of the same model on the same profile."""
    if store is None or run.model is None:
        return []
    which = Filter(model=run.model.sha256, profile=run.profile_name, status="passed")
    found = [other for other in latest(store, which) if is_baseline_engine(other)]
    found.sort(key=lambda other: other.target != run.target)
    return [Column(other, "stored run") for other in found]


def _counts(run: RunRecord) -> bool:
    return is_baseline_engine(run) and run.status == "passed"


def _latency(run: RunRecord) -> float:
    figure = run.measurements.get("latency_us")
    return figure.value if figure else float("inf")


def _published(runs: Sequence[RunRecord]) -> tuple[PublishedResult, ...]:
    """Published rows that belong to any of the runs, the fastest first."""
    rows = dict.fromkeys(row for run in runs for row in published_rows(run))
    return tuple(sorted(rows, key=lambda row: row.latency_ms or float("inf")))
