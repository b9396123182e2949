"""A study's page: a panel for each board, a chart for each figure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.figures import find, headline
from hil.records import ErrorInfo, Kind, Measurement, RunRecord
from hil.report.study.chart import Chart, Line, Point, draw
from hil.report.words.figures import used_kinds, value_text
from hil.report.words.format import band, clock_text, plural
from hil.report.words.naming import clock_hz
from hil.report.words.stamp import made_at
from hil.verdict.decide import band_ends

LabelOf = Callable[["StudyRun"], str]


@dataclass(frozen=True)
class StudyText:
    """The study's own description; ``x`` is ``parameters`` or ``macs``."""

    title: str
    description: str
    x: str
    baseline: str
    path: str

    @property
    def x_noun(self) -> str:
        """What the horizontal axis counts."""
        return "MACs" if self.x == "macs" else "parameters"


@dataclass(frozen=True)
class StudyRun:
    """One member of the study and its result; ``run`` is None where nothing is stored.

    Lines join models of one ``family``: models of two families differ in more than their size.
    """

    model: str
    parameters: int
    macs: int
    family: str
    scheme: str
    engine: str
    profile: str
    profile_title: str
    optimize: str
    status: str
    errors: tuple[ErrorInfo, ...]
    run: RunRecord | None
    command: tuple[str, ...]

    def figure(self, name: str) -> Measurement | None:
        """A figure of the run; None unless the run passed: without that it is not a result."""
        if self.run is None or self.status != "passed":
            return None
        return self.run.measurements.get(name)

    @property
    def outputs(self) -> str:
        """How the outputs compare with the reference's."""
        check = self.run.check if self.run else None
        if check is None:
            return ""
        if not check.passed:
            return "differs"
        return "bit-equal" if check.exact else f"within {check.tolerance:g}"

    @property
    def shell_command(self) -> str:
        """The command that repeats the run."""
        return shlex.join(self.command)


@dataclass(frozen=True)
class StudyCell:
    """One figure in a table and its ratio to the baseline; or why there is none."""

    figure: Measurement | None = None
    ratio: float | None = None
    missing: str = ""


@dataclass(frozen=True)
class StudyRow:
    """A model in a chart's table; ``size`` is its place on the horizontal axis."""

    model: str
    size: int
    cells: tuple[StudyCell, ...]


@dataclass(frozen=True)
class StudyChart:
    """A figure on one board: the drawing and its numbers."""

    name: str
    shape: Chart
    kinds: tuple[Kind, ...]
    rows: tuple[StudyRow, ...]


@dataclass(frozen=True)
class Panel:
    """One board; ``series`` are the lines of its charts, for the legend."""

    anchor: str
    title: str
    facts: str
    notes: tuple[str, ...]
    series: tuple[Line, ...]
    charts: tuple[StudyChart, ...]


@dataclass(frozen=True)
class StudyView:
    """A whole study; ``problems`` are errors of runs that did not pass, with the run's label."""

    text: StudyText
    generated: str
    summary: str
    problems: tuple[tuple[str, ErrorInfo], ...]
    panels: tuple[Panel, ...]
    runs: tuple[StudyRun, ...]
    kinds: tuple[tuple[Kind, str], ...]

    @property
    def title(self) -> str:
        """The title of the page."""
        return self.text.title


def study_view(text: StudyText, runs: Sequence[StudyRun]) -> StudyView:
    """Build the view; panels, series and models keep the order in which they first occur."""
    by_profile: dict[str, list[StudyRun]] = {}
    for run in runs:
        by_profile.setdefault(run.profile, []).append(run)
    label_of = _label_of(runs)
    return StudyView(
        text=text,
        generated=made_at(),
        summary=_summary(runs, len(by_profile)),
        problems=tuple(
            (f"{run.model}, {label_of(run)}, {run.profile}", error)
            for run in runs
            for error in run.errors
        ),
        panels=tuple(
            _panel(text, members, label_of, position)
            for position, members in enumerate(by_profile.values(), 1)
        ),
        runs=tuple(runs),
        kinds=used_kinds([run.run for run in runs if run.run is not None]),
    )


def _summary(runs: Sequence[StudyRun], boards: int) -> str:
    passed = sum(run.status == "passed" for run in runs)
    models = plural(len({run.model for run in runs}), "model")
    types = plural(len({run.scheme for run in runs}), "data type")
    verdict = (
        "all passed" if passed == len(runs) else f"{passed} passed, {len(runs) - passed} did not"
    )
    return (
        f"{plural(len(runs), 'run')} of {models} in {types} "
        f"on {plural(boards, 'board')}: {verdict}. A run passes when its outputs are those of the "
        "reference: bit for bit for integers, within a stated tolerance for floats."
    )


def _label_of(runs: Sequence[StudyRun]) -> LabelOf:
    """What names a series: the scheme, and engine and optimization where they vary."""
    engines = len({run.engine for run in runs}) > 1
    levels = len({run.optimize for run in runs}) > 1
    return lambda run: " ".join([run.scheme, *[run.engine] * engines, *[run.optimize] * levels])


def _panel(text: StudyText, runs: Sequence[StudyRun], label_of: LabelOf, position: int) -> Panel:
    labels = list(dict.fromkeys(label_of(run) for run in runs))
    records = [run.run for run in runs if run.run is not None]
    notes = records[0].notes if records else ()
    shown = sorted(headline(), key=lambda one: one.unit != "bytes")
    charts = tuple(_chart(text, runs, labels, label_of, one.name) for one in shown)
    return Panel(
        anchor=f"board-{position}",
        title=runs[0].profile_title,
        facts=_facts(runs[0].profile, records),
        notes=tuple(note for note in notes if all(note in record.notes for record in records)),
        series=charts[0].shape.lines,
        charts=charts,
    )


def _facts(profile: str, records: Sequence[RunRecord]) -> str:
    parts = [f"profile {profile}"]
    if records:
        parts += filter(None, [clock_text(clock_hz(records[0]))])
        machine = dict.fromkeys(f"{record.target} {record.machine}" for record in records)
        stand_in = "" if all(r.machine_exact for r in records) else ", a stand-in for the chip"
        parts.append(f"ran on {' and '.join(machine)}{stand_in}")
    return "; ".join(parts)


def _chart(
    text: StudyText, runs: Sequence[StudyRun], labels: Sequence[str], label_of: LabelOf, name: str
) -> StudyChart:
    found = [(run, figure) for run in runs if (figure := run.figure(name)) is not None]
    series: dict[str, list[Point]] = {label: [] for label in labels}
    for run, figure in found:
        series[label_of(run)].append(_point(run, figure, label_of(run), text.x))
    unit = found[0][1].unit if found else ""
    return StudyChart(
        name=name,
        shape=draw(series, unit, find(name).label, f"{text.x_noun} of the model"),
        kinds=tuple(dict.fromkeys(figure.kind for _, figure in found)),
        rows=_rows(text, runs, labels, label_of, name),
    )


def _size(run: StudyRun, x: str) -> int:
    return run.macs if x == "macs" else run.parameters


def _point(run: StudyRun, figure: Measurement, label: str, x: str) -> Point:
    low, high = band_ends(figure)
    value = f"{value_text(figure)} {band(figure.uncertainty_pct)} ({figure.kind})"
    words = f"{label}, {run.model}: {value}"
    return Point(_size(run, x), figure.value, max(0.0, low), high, words, run.family)


def _rows(
    text: StudyText, runs: Sequence[StudyRun], labels: Sequence[str], label_of: LabelOf, name: str
) -> tuple[StudyRow, ...]:
    by_model: dict[str, dict[str, StudyRun]] = {}
    for run in runs:
        by_model.setdefault(run.model, {})[label_of(run)] = run
    rows = []
    for model, members in by_model.items():
        cells = tuple(_cell(text, members, label, name) for label in labels)
        rows.append(StudyRow(model, _size(next(iter(members.values())), text.x), cells))
    return tuple(sorted(rows, key=lambda row: row.size))


def _cell(text: StudyText, members: dict[str, StudyRun], label: str, name: str) -> StudyCell:
    run = members.get(label)
    if run is None:
        return StudyCell(missing="not in the study")
    figure = run.figure(name)
    if figure is None:
        return StudyCell(missing=run.status if run.status != "passed" else "not measured")
    base = _baseline(text, members, run)
    against = base.figure(name) if base is not None and base is not run else None
    return StudyCell(figure, figure.value / against.value if against and against.value else None)


def _baseline(text: StudyText, members: dict[str, StudyRun], run: StudyRun) -> StudyRun | None:
    """The run in the baseline's scheme, with the same engine and options."""
    wanted = (text.baseline, run.engine, run.optimize)
    same = (one for one in members.values() if (one.scheme, one.engine, one.optimize) == wanted)
    return next(same, None)
