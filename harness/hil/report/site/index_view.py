"""The first page: last values of every series, changes since the baseline, newest steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.figures import Figure, find
from hil.records import Kind as FigureKind
from hil.report.site import wording
from hil.report.site.names import trend_page
from hil.report.site.reference import Compared, Reference, compared
from hil.report.site.series import (
    ACCURACY,
    SHOWN,
    Event,
    Kind,
    Series,
    Trend,
    accuracy_figure,
    all_events,
)
from hil.report.site.trend_chart import Direction, sparkline, value_text
from hil.report.site.wording import RunLink, link_to
from hil.report.words.format import plural

MOST_EVENTS = 8


@dataclass(frozen=True)
class Cell:
    """The last value of a figure, and its change since the baseline."""

    text: str
    sort: float
    kind: str
    change: Compared | None


@dataclass(frozen=True)
class Column:
    """A figure, and the kind of its values where all have the same."""

    figure: Figure
    kind: str


@dataclass(frozen=True)
class IndexRow:
    """A series: where its page is, and its last values by figure (None: not measured)."""

    model: str
    profile: str
    engine: str
    target: str
    page: str
    cells: tuple[Cell | None, ...]
    spark: str
    spark_direction: Direction
    runs: int
    last: RunLink | None
    compared_with: str


@dataclass(frozen=True)
class NewsRow:
    """A step or a failure, and where its page explains it."""

    title: str
    page: str
    anchor: str
    word: str
    direction: Direction
    text: str
    before: RunLink
    after: RunLink


@dataclass(frozen=True)
class IndexView:
    """The whole page. Engine and target have columns only where there are several."""

    title: str
    generated: str
    summary: str
    columns: tuple[Column, ...]
    engines: bool
    targets: bool
    rows: tuple[IndexRow, ...]
    news: tuple[NewsRow, ...]
    more_news: int
    kinds: tuple[tuple[FigureKind, str], ...]


def index_view(
    trends: Sequence[Trend],
    references: Mapping[Kind, Reference | None],
    linked: frozenset[str],
    title: str,
    generated: str,
) -> IndexView:
    """Lay out the first page."""
    series = [one for trend in trends for one in trend.series]
    names = [name for name in SHOWN if any(name in one.figures for one in series)]
    columns = [find(name) for name in names]
    if any(one.accuracies for one in series):
        columns.append(ACCURACY)
    rows = tuple(_row(one, columns, references[one.kind], linked) for one in series)
    events = all_events(trends)
    used = {cell.kind for row in rows for cell in row.cells if cell is not None}
    return IndexView(
        title=title,
        generated=generated,
        summary=_summary(series, references, events),
        columns=tuple(
            _column(figure, [row.cells[position] for row in rows])
            for position, figure in enumerate(columns)
        ),
        engines=len({one.kind.engine for one in series}) > 1,
        targets=len({one.kind.target for one in series}) > 1,
        rows=rows,
        news=tuple(_news(event, linked) for event in events[:MOST_EVENTS]),
        more_news=max(0, len(events) - MOST_EVENTS),
        kinds=tuple((kind, words) for kind, words in wording.KINDS if kind in used),
    )


def _column(figure: Figure, cells: Sequence[Cell | None]) -> Column:
    kinds = {cell.kind for cell in cells if cell is not None}
    return Column(figure, kinds.pop() if len(kinds) == 1 else "")


def _summary(
    series: Sequence[Series],
    references: Mapping[Kind, Reference | None],
    events: Sequence[Event],
) -> str:
    runs = [run for one in series for run in one.runs]
    models = len({one.kind.model for one in series})
    profiles = len({one.kind.profile for one in series})
    text = (
        f"{plural(len(runs), 'run')} of {plural(models, 'model')} on {plural(profiles, 'profile')}"
    )
    if runs:
        times = [run.started_us for run in runs]
        text += f", {wording.days(min(times), max(times))}"
    regressions = sum(event.is_regression for event in events)
    text += f". {plural(regressions, 'regression')} in that time. "
    named = {one.name for one in references.values() if one is not None} - {"first run"}
    if named:
        return text + f"Changes are against the baseline '{named.pop()}'."
    return text + "Changes are against the first run of each row."


def _row(
    series: Series, columns: Sequence[Figure], reference: Reference | None, linked: frozenset[str]
) -> IndexRow:
    cells = tuple(_cell(series, figure, reference) for figure in columns)
    leading = next(iter(series.figures), "")
    values = [None if one is None else one.value for one in series.values(leading)]
    last = next((cell for cell in cells if cell is not None), None)
    return IndexRow(
        *series.kind,
        page=trend_page(series.kind.model, series.kind.profile),
        cells=cells,
        spark=sparkline(values),
        spark_direction=last.change.direction if last and last.change else "other",
        runs=len(series.runs),
        last=link_to(series.last, linked) if series.last else None,
        compared_with=reference.name if reference else "",
    )


def _cell(series: Series, figure: Figure, reference: Reference | None) -> Cell | None:
    if figure is ACCURACY:
        return _accuracy(series)
    found = [
        (run, value)
        for run, value in zip(series.runs, series.values(figure.name), strict=True)
        if value is not None
    ]
    if not found:
        return None
    run, value = found[-1]
    change = None
    if reference is not None:
        is_itself = run.run_id == reference.run_id
        old = reference.figures.get(figure.name)
        change = compared(old, value, figure.better, is_itself=is_itself)
    return Cell(value_text(value.value, value.unit), value.value, value.kind, change)


def _accuracy(series: Series) -> Cell | None:
    """The accuracy that was asked last, against the first answer: baselines have none."""
    if not series.questions:
        return None
    question, some = next(iter(series.questions.items()))
    first, last = (accuracy_figure(one) for one in (some[0], some[-1]))
    text = f"{last.value:.4f}" if question.metric == "auc" else value_text(last.value, "share")
    change = compared(first, last, ACCURACY.better, is_itself=len(some) == 1)
    return Cell(text, last.value, "", change)


def _news(event: Event, linked: frozenset[str]) -> NewsRow:
    return NewsRow(
        title=f"{event.kind.model} on {event.kind.profile}",
        page=trend_page(event.kind.model, event.kind.profile),
        anchor=f"e{wording.event_id(event)}",
        word=wording.event_word(event),
        direction=wording.event_direction(event),
        text=wording.event_text(event),
        before=link_to(event.before, linked),
        after=link_to(event.after, linked),
    )
