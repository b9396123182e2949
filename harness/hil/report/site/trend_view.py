"""The page of a model on a profile: charts, steps and all values, for each engine and target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hil.figures import Figure, find
from hil.records import Kind as FigureKind
from hil.records import RunRecord
from hil.report.site import causes, wording
from hil.report.site.reference import Compared, Reference, compared
from hil.report.site.series import (
    ACCURACY,
    Change,
    Event,
    Kind,
    Question,
    Series,
    Trend,
    accuracy_figure,
    accuracy_steps,
    as_value,
)
from hil.report.site.steps import Step, Value, levels, scatters
from hil.report.site.trend_chart import Direction, Point, TrendChart, draw, value_text
from hil.report.site.wording import RunLink, link_to
from hil.report.words.format import band, plural
from hil.store.history import PastAccuracy, PastFigure, PastRun

MOST_ROWS = 500
"""Runs in the table of all values; older ones are only drawn."""
MOST_STEPS = 100
"""Events of a series in the table of steps, and steps in a chart: the newest ones."""
MOST_EXPLAINED = 20
"""Events of a series whose runs have pages and are searched for causes: the newest ones."""

#: Returns the runs of these ids, to find what changed between them.
Load = Callable[[Sequence[str]], Mapping[str, RunRecord]]


@dataclass(frozen=True)
class FigureChart:
    """The history of one figure, with its last value."""

    name: str
    title: str
    detail: str
    kind: str
    band: str
    last: str
    change: Compared | None
    points: int
    chart: TrendChart


@dataclass(frozen=True)
class EventRow:
    """A step or a failure, with what may have caused it."""

    anchor: str
    word: str
    direction: Direction
    before: RunLink
    after: RunLink
    changes: tuple[tuple[str, Direction], ...]
    parts: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class RunRow:
    """A run in the table of all values; a cell is (text, number to sort by)."""

    run: RunLink
    cells: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class Panel:
    """The history of one engine on one target."""

    anchor: str
    engine: str
    target: str
    summary: str
    charts: tuple[FigureChart, ...]
    events: tuple[EventRow, ...]
    more_events: int
    figures: tuple[Figure, ...]
    rows: tuple[RunRow, ...]
    runs: int


@dataclass(frozen=True)
class TrendView:
    """The whole page."""

    title: str
    generated: str
    model: str
    profile: str
    panels: tuple[Panel, ...]
    kinds: tuple[tuple[FigureKind, str], ...]


def trend_view(
    trend: Trend,
    references: Mapping[Kind, Reference | None],
    linked: frozenset[str],
    generated: str,
    load: Load,
) -> TrendView:
    """Lay out a page; runs in ``linked`` have pages of their own."""
    panels = tuple(
        _panel(position, series, references[series.kind], linked, load)
        for position, series in enumerate(trend.series, 1)
    )
    used = {chart.kind for panel in panels for chart in panel.charts}
    return TrendView(
        title=f"{trend.model} on {trend.profile}",
        generated=generated,
        model=trend.model,
        profile=trend.profile,
        panels=panels,
        kinds=tuple((kind, words) for kind, words in wording.KINDS if kind in used),
    )


def explained(series: Series) -> tuple[Event, ...]:
    """The events of a series whose runs are looked into."""
    return series.events[-MOST_EXPLAINED:]


def _panel(
    position: int,
    series: Series,
    reference: Reference | None,
    linked: frozenset[str],
    load: Load,
) -> Panel:
    charts = [_figure_chart(series, name, reference) for name in series.figures]
    charts += [_accuracy_chart(key, some) for key, some in series.questions.items()]
    newest = series.runs[: -MOST_ROWS - 1 : -1]
    return Panel(
        anchor=f"series-{position}",
        engine=series.kind.engine,
        target=series.kind.target,
        summary=_summary(series, reference),
        charts=tuple(charts),
        events=_event_rows(series, linked, load),
        more_events=max(0, len(series.events) - MOST_STEPS),
        figures=tuple(find(name) for name in series.figures),
        rows=tuple(_row(run, series.figures, linked) for run in newest),
        runs=len(series.runs),
    )


def _summary(series: Series, reference: Reference | None) -> str:
    if not series.runs:
        return "Accuracy only: no run is stored."
    first, last = series.runs[0], series.runs[-1]
    text = f"{plural(len(series.runs), 'run')}, {wording.days(first.started_us, last.started_us)}"
    failed = sum(run.status == "failed" for run in series.runs)
    text += f"; {failed} failed. " if failed else ". "
    if last.status == "failed":
        text += "The last run failed: the values are of the last one that passed. "
    if reference is None:
        return text + "The baseline has no run of this model, engine and target."
    if reference.name == "first run":
        return text + "Changes are against the first run that passed."
    return text + f"Changes are against the baseline '{reference.name}'."


def _figure_chart(series: Series, name: str, reference: Reference | None) -> FigureChart:
    values = series.values(name)
    last, run = _last(series, values)
    old = reference.figures.get(name) if reference else None
    comparable = old is not None and (old.kind, old.unit) == (last.kind, last.unit)
    noisy = scatters(Value(last.value, last.kind, last.unit))
    is_own = reference is not None and reference.name == "first run"
    return FigureChart(
        name=name,
        title=find(name).label,
        detail="",
        kind=last.kind,
        band=band(last.uncertainty_pct),
        last=value_text(last.value, last.unit),
        change=compared(
            old,
            last,
            find(name).better,
            is_itself=reference is not None and run.run_id == reference.run_id,
        ),
        points=sum(value is not None for value in values),
        chart=draw(
            [_point(*pair) for pair in zip(series.runs, values, strict=True)],
            last.unit,
            levels=levels([as_value(value) for value in values]) if noisy else (),
            steps=[
                (step, _direction(find(name), step)) for step in series.steps[name][-MOST_STEPS:]
            ],
            baseline=old.value if old is not None and comparable and not is_own else None,
        ),
    )


def _last(series: Series, values: Sequence[PastFigure | None]) -> tuple[PastFigure, PastRun]:
    for run, value in zip(reversed(series.runs), reversed(values), strict=True):
        if value is not None:
            return value, run
    raise AssertionError("a figure that is shown has a value")


def _point(run: PastRun, figure: PastFigure | None) -> Point:
    text = "failed" if run.status == "failed" else "not measured"
    if figure is not None:
        text = value_text(figure.value, figure.unit)
    name = wording.revision(run)
    words = f"{text}, {wording.when(run.started_us)} UTC" + (f", {name}" if name else "")
    value = None if figure is None else figure.value
    return Point(value, words, wording.day(run.started_us), wording.axis_revision(run))


def _accuracy_chart(question: Question, some: Sequence[PastAccuracy]) -> FigureChart:
    metric = "AUC" if question.metric == "auc" else "top-1"
    data = question.data.rstrip("/").rpartition("/")[2] or question.data
    points = [
        Point(
            one.accuracy,
            f"{_accuracy_text(one)}, {wording.when(one.started_us)} UTC",
            wording.day(one.started_us),
            "",
        )
        for one in some
    ]
    steps = [(step, _direction(ACCURACY, step)) for step in accuracy_steps(some)[-MOST_STEPS:]]
    first, last = (accuracy_figure(one) for one in (some[0], some[-1]))
    return FigureChart(
        name=ACCURACY.name,
        title=ACCURACY.label,
        detail=f"{metric} on {plural(question.samples, 'sample')} of {data}, "
        f"target {question.target}",
        kind="",
        band="",
        last=_accuracy_text(some[-1]),
        change=compared(first, last, ACCURACY.better, is_itself=len(some) == 1),
        points=len(some),
        chart=draw(points, "share", steps=steps),
    )


def _accuracy_text(one: PastAccuracy) -> str:
    text = f"{one.accuracy:.4f}" if one.metric == "auc" else value_text(one.accuracy, "share")
    return text if one.status == "passed" else f"{text} (failed)"


def _direction(figure: Figure, step: Step) -> Direction:
    return wording.direction(Change(figure, "", "", step).worse)


def _event_rows(series: Series, linked: frozenset[str], load: Load) -> tuple[EventRow, ...]:
    looked_into = explained(series)
    runs = load([run.run_id for event in looked_into for run in (event.before, event.after)])
    rows = []
    for event in reversed(series.events[-MOST_STEPS:]):
        parts: tuple[str, ...] = ()
        others: tuple[str, ...] = ()
        before, after = runs.get(event.before.run_id), runs.get(event.after.run_id)
        if before is not None and after is not None:
            found = (causes.parts(change, before, after) for change in event.changes)
            # Energy follows the time, so its parts are often the same.
            parts = tuple(dict.fromkeys(text for some in found for text in some))
            others = causes.other_differences(before, after)
        rows.append(
            EventRow(
                anchor=f"e{wording.event_id(event)}",
                word=wording.event_word(event),
                direction=wording.event_direction(event),
                before=link_to(event.before, linked),
                after=link_to(event.after, linked),
                changes=tuple(
                    (wording.change_long(change), wording.direction(change.worse))
                    for change in event.changes
                ),
                parts=parts,
                others=others,
            )
        )
    return tuple(rows)


def _row(run: PastRun, names: Sequence[str], linked: frozenset[str]) -> RunRow:
    cells: list[tuple[str, float | None]] = []
    for name in names:
        figure = run.figures.get(name) if run.status == "passed" else None
        cells.append(
            ("–", None) if figure is None else (value_text(figure.value, figure.unit), figure.value)
        )
    return RunRow(link_to(run, linked), tuple(cells))
