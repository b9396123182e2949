"""The store's history as series: one for each model, profile, engine and target, with its steps."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hil.figures import FIGURES, Figure, headline
from hil.report.site.steps import Step, Value, steps
from hil.store.history import PastAccuracy, PastFigure, PastRun

ACCURACY = Figure("accuracy", "Accuracy", "share", better="higher", level="headline")
SHOWN = tuple(figure.name for figure in headline())
"""The figures that the site shows the history of, beside accuracy."""


class Kind(NamedTuple):
    """What must be equal for runs to be of one series."""

    model: str
    profile: str
    engine: str
    target: str


class Question(NamedTuple):
    """What accuracies must share to be of one history."""

    data: str
    metric: str
    samples: int
    target: str


@dataclass(frozen=True)
class Change:
    """A step of one figure; ``worse`` is None for a figure of which neither direction is better."""

    figure: Figure
    kind: str
    unit: str
    step: Step

    @property
    def worse(self) -> bool | None:
        """Whether the step is a regression."""
        if not self.figure.better:
            return None
        return (self.step.new > self.step.old) == (self.figure.better == "lower")


@dataclass(frozen=True)
class Event:
    """What happened between two runs: figures changed, or the later run failed.

    ``before`` is the last run of the old level, ``after`` the first of the new one.
    """

    kind: Kind
    before: PastRun
    after: PastRun
    changes: tuple[Change, ...]

    @property
    def failed(self) -> bool:
        """Whether the later run failed, and the earlier one had passed."""
        return not self.changes

    @property
    def is_regression(self) -> bool:
        """Whether anything got worse."""
        return self.failed or any(change.worse for change in self.changes)


@dataclass(frozen=True)
class Series:
    """The runs of one kind, the oldest first, and the accuracies measured of it.

    Accuracies of a target without runs, such as the host, are with another target's runs.
    """

    kind: Kind
    runs: tuple[PastRun, ...]
    accuracies: tuple[PastAccuracy, ...] = ()

    @property
    def last(self) -> PastRun | None:
        """The newest run, passed or failed."""
        return self.runs[-1] if self.runs else None

    @cached_property
    def figures(self) -> tuple[str, ...]:
        """The figures that any run has, in the registry's order."""
        there = {name for run in self.runs if run.status == "passed" for name in run.figures}
        return tuple(name for name in SHOWN if name in there)

    def values(self, name: str) -> list[PastFigure | None]:
        """The figure of each run; None for runs that failed, which have no result."""
        return [run.figures.get(name) if run.status == "passed" else None for run in self.runs]

    @cached_property
    def steps(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps of each figure, the oldest first."""
        return {
            name: tuple(steps([as_value(figure) for figure in self.values(name)]))
            for name in self.figures
        }

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Steps of figures, by the runs between which they are, of accuracy, and failures.

        The oldest first.
        """
        found: dict[tuple[int, int], list[Change]] = {}
        for name, some in self.steps.items():
            values = self.values(name)
            for step in some:
                figure = values[step.after]
                assert figure is not None
                change = Change(FIGURES[name], figure.kind, figure.unit, step)
                found.setdefault((step.after, step.before), []).append(change)
        for position, (earlier, later) in enumerate(itertools.pairwise(self.runs), 1):
            if (earlier.status, later.status) == ("passed", "failed"):
                found[position, position - 1] = []
        events = [
            Event(self.kind, self.runs[before], self.runs[after], tuple(changes))
            for (after, before), changes in found.items()
        ]
        events += [event for some in self.questions.values() for event in self._judged(some)]
        return tuple(sorted(events, key=lambda one: (one.after.started_us, one.after.run_id)))

    def _judged(self, some: Sequence[PastAccuracy]) -> Iterator[Event]:
        """The steps of one accuracy; its evaluations take the place of runs."""
        for step in accuracy_steps(some):
            change = Change(ACCURACY, "", "share", step)
            before, after = (_as_run(some[position]) for position in (step.before, step.after))
            yield Event(self.kind, before, after, (change,))

    @cached_property
    def questions(self) -> Mapping[Question, tuple[PastAccuracy, ...]]:
        """The accuracies by what was asked, the question that was asked last first."""
        found: dict[Question, list[PastAccuracy]] = {}
        for one in self.accuracies:
            key = Question(one.data_name, one.metric, one.samples, one.target)
            found.setdefault(key, []).append(one)
        newest = sorted(found.items(), key=lambda item: (-item[1][-1].started_us, item[0]))
        return {key: tuple(some) for key, some in newest}


@dataclass(frozen=True)
class Trend:
    """All series of a model on a profile, by engine and target."""

    model: str
    profile: str
    series: tuple[Series, ...]


def as_value(figure: PastFigure | None) -> Value | None:
    """Return a figure as the search for steps takes it."""
    return None if figure is None else Value(figure.value, figure.kind, figure.unit)


def accuracy_figure(one: PastAccuracy) -> PastFigure:
    """Return an accuracy as a figure, to compare it with another one."""
    return PastFigure(one.accuracy, "share", "", None, one.samples, None)


def accuracy_steps(some: Sequence[PastAccuracy]) -> list[Step]:
    """Return the steps of accuracies that answer one question: each change is one."""
    return steps([Value(one.accuracy, "", "share") for one in some])


def trends(runs: Iterable[PastRun], accuracies: Iterable[PastAccuracy]) -> list[Trend]:
    """Group what ``hil.store.history`` returned, by model and profile."""
    by_kind: dict[Kind, tuple[list[PastRun], list[PastAccuracy]]] = {}
    for run in runs:
        by_kind.setdefault(_kind(run), ([], []))[0].append(run)
    of_engine: dict[tuple[str, ...], Kind] = {}
    for kind in by_kind:
        of_engine.setdefault(kind[:3], kind)
    for one in accuracies:
        own = _kind(one)
        shown_with = own if own in by_kind else of_engine.get(own[:3], own)
        by_kind.setdefault(shown_with, ([], []))[1].append(one)
    series = [
        Series(kind, tuple(some), tuple(judged))
        for kind, (some, judged) in sorted(by_kind.items(), key=operator.itemgetter(0))
    ]
    pages = itertools.groupby(series, key=lambda one: one.kind[:2])
    return [Trend(model, profile, tuple(group)) for (model, profile), group in pages]


def newest_first(events: Iterable[Event]) -> list[Event]:
    """Sort events of several series by time, the newest first."""
    return sorted(
        events,
        key=lambda event: (-event.after.started_us, event.kind, event.after.run_id),
    )


def all_events(found: Sequence[Trend]) -> list[Event]:
    """Return the events of all series, the newest first."""
    return newest_first(event for trend in found for one in trend.series for event in one.events)


def _kind(one: PastRun | PastAccuracy) -> Kind:
    return Kind(one.model_name, one.profile_name, one.engine, one.target)


def _as_run(one: PastAccuracy) -> PastRun:
    kind = _kind(one)
    head = (one.evaluation_id, one.status, one.started_us, kind.model, one.model_sha256)
    return PastRun(*head, kind.profile, kind.engine, kind.target, "", "", "", {})
