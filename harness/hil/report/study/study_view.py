"""A study's runs into what its page lays out: a panel for each board, a chart for each figure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hil.figures import find, headline
from hil.records import ErrorInfo, Kind, Measurement, RunRecord
from hil.report.study.chart import STYLES, ChartShape, Point, draw, mark, words
from hil.report.words.figures import used_kinds
from hil.report.words.format import band, band_ends, clock_text, plural, quantity, when
from hil.report.words.judge import ratio_text
from hil.report.words.naming import clock_hz

_X_TITLES = {"parameters": "Parameters of the model", "macs": "MACs of the model"}
_X_NOUNS = {"parameters": "parameters", "macs": "MACs"}


@dataclass(frozen=True)
class StudyText:
    """What the study says of itself; ``x`` is ``parameters`` or ``macs``."""

    title: str
    description: str
    x: str
    baseline: str
    path: str


@dataclass(frozen=True)
class StudyRun:
    """One member of the study and what came of it; ``run`` is None where nothing is stored.

    Lines join models of one ``family``: between others there is nothing to read off.
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
        """A figure of the run, None unless the run passed: a wrong answer's time is no result."""
        if self.run is None or self.status != "passed":
            return None
        return self.run.measurements.get(name)


@dataclass(frozen=True)
class StudyCell:
    """One figure in a table: value, band, ratio to the baseline; or why there is none."""

    text: str
    band: str
    ratio: str
    missing: str


@dataclass(frozen=True)
class StudyRow:
    """A model in a chart's table."""

    model: str
    size: str
    cells: tuple[StudyCell, ...]


@dataclass(frozen=True)
class StudyChart:
    """A figure on one board: the drawing and its numbers."""

    name: str
    title: str
    shape: ChartShape
    kinds: tuple[Kind, ...]
    rows: tuple[StudyRow, ...]


@dataclass(frozen=True)
class Series:
    """A line of all charts, with the marker of its legend."""

    label: str
    style: int
    mark: str


@dataclass(frozen=True)
class Panel:
    """One board."""

    anchor: str
    title: str
    facts: str
    notes: tuple[str, ...]
    series: tuple[Series, ...]
    charts: tuple[StudyChart, ...]


@dataclass(frozen=True)
class StudyLine:
    """A run in the list of all runs."""

    label: tuple[str, ...]
    status: str
    check: str
    run_id: str
    command: str


@dataclass(frozen=True)
class Problem:
    """A run that did not pass."""

    label: str
    message: str
    hint: str


@dataclass(frozen=True)
class StudyView:
    """A whole study."""

    title: str
    description: str
    generated: str
    summary: str
    baseline: str
    x_noun: str
    path: str
    problems: tuple[Problem, ...]
    panels: tuple[Panel, ...]
    lines: tuple[StudyLine, ...]
    kinds: tuple[tuple[Kind, str], ...]


@dataclass(frozen=True)
class Varying:
    """What tells series apart beside the scheme."""

    engine: bool
    optimize: bool


def study_view(text: StudyText, runs: Sequence[StudyRun]) -> StudyView:
    """Build the view; panels, series and models keep the order in which they first occur."""
    by_profile: dict[str, list[StudyRun]] = {}
    for run in runs:
        by_profile.setdefault(run.profile, []).append(run)
    varying = _varying(runs)
    return StudyView(
        title=text.title,
        description=text.description,
        generated=when(datetime.now(UTC).isoformat()),
        summary=_summary(runs, len(by_profile)),
        baseline=text.baseline,
        x_noun=_X_NOUNS[text.x],
        path=text.path,
        problems=tuple(
            Problem(_label(run, varying), error.message, error.hint)
            for run in runs
            for error in run.errors
        ),
        panels=tuple(
            _panel(text, members, varying, position)
            for position, members in enumerate(by_profile.values(), 1)
        ),
        lines=tuple(_line(run) for run in runs),
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


def _varying(runs: Sequence[StudyRun]) -> Varying:
    return Varying(len({run.engine for run in runs}) > 1, len({run.optimize for run in runs}) > 1)


def _label(run: StudyRun, varying: Varying) -> str:
    return f"{run.model}, {_series_label(run, varying)}, {run.profile}"


def _series_label(run: StudyRun, varying: Varying) -> str:
    parts = [run.scheme]
    parts += [run.engine] if varying.engine else []
    parts += [run.optimize] if varying.optimize else []
    return " ".join(parts)


def _panel(text: StudyText, runs: Sequence[StudyRun], varying: Varying, position: int) -> Panel:
    labels = list(dict.fromkeys(_series_label(run, varying) for run in runs))
    first = runs[0]
    records = [run.run for run in runs if run.run is not None]
    # Notes that every run of the board has: what stands in for it, what its clock rests on.
    shared = [
        n for n in (records[0].notes if records else ()) if all(n in r.notes for r in records)
    ]
    return Panel(
        anchor=f"board-{position}",
        title=first.profile_title,
        facts=_facts(first.profile, records),
        notes=tuple(shared),
        series=tuple(Series(label, i % STYLES + 1, mark(i)) for i, label in enumerate(labels)),
        charts=tuple(_chart(text, runs, labels, name, varying) for name in _charted()),
    )


def _charted() -> list[str]:
    """The figures that get a chart: sizes first."""
    return [one.name for one in sorted(headline(), key=lambda one: one.unit != "bytes")]


def _facts(profile: str, records: Sequence[RunRecord]) -> str:
    parts = [f"profile {profile}"]
    if records:
        parts += filter(None, [clock_text(clock_hz(records[0]))])
        machine = dict.fromkeys(f"{record.target} {record.machine}" for record in records)
        stand_in = "" if all(r.machine_exact for r in records) else ", standing in for the chip"
        parts.append(f"ran on {' and '.join(machine)}{stand_in}")
    return "; ".join(parts)


def _chart(
    text: StudyText, runs: Sequence[StudyRun], labels: Sequence[str], name: str, varying: Varying
) -> StudyChart:
    series: dict[str, list[Point]] = {label: [] for label in labels}
    kinds: dict[Kind, None] = {}
    unit = ""
    for run in runs:
        if (figure := run.figure(name)) is None:
            continue
        unit = figure.unit
        kinds[figure.kind] = None
        label = _series_label(run, varying)
        series[label].append(_point(run, figure, label, text.x))
    title = find(name).label
    return StudyChart(
        name=name,
        title=title,
        shape=draw(series, unit, title, _X_TITLES[text.x]),
        kinds=tuple(kinds),
        rows=_rows(text, runs, labels, name, varying),
    )


def _size(run: StudyRun, x: str) -> int:
    return run.macs if x == "macs" else run.parameters


def _point(run: StudyRun, figure: Measurement, label: str, x: str) -> Point:
    low, high = band_ends(figure)
    said = words(
        label, run.model, figure.value, figure.unit, band(figure.uncertainty_pct), figure.kind
    )
    return Point(_size(run, x), figure.value, max(0.0, low), high, said, run.family)


def _rows(
    text: StudyText, runs: Sequence[StudyRun], labels: Sequence[str], name: str, varying: Varying
) -> tuple[StudyRow, ...]:
    by_model: dict[str, dict[str, StudyRun]] = {}
    for run in runs:
        by_model.setdefault(run.model, {})[_series_label(run, varying)] = run
    rows = []
    for model, members in by_model.items():
        size = _size(next(iter(members.values())), text.x)
        cells = [_cell(text, members, label, name) for label in labels]
        rows.append((size, StudyRow(model, f"{size:,}", tuple(cells))))
    return tuple(row for _, row in sorted(rows, key=lambda pair: pair[0]))


def _cell(text: StudyText, members: dict[str, StudyRun], label: str, name: str) -> StudyCell:
    run = members.get(label)
    if run is None:
        return StudyCell("", "", "", "not in the study")
    figure = run.figure(name)
    if figure is None:
        return StudyCell("", "", "", run.status if run.status != "passed" else "no figure")
    base = _baseline(text, members, run)
    against = base.figure(name) if base is not None else None
    ratio = ""
    if against is not None and base is not run and against.value:
        ratio = ratio_text(figure.value / against.value)
    return StudyCell(quantity(figure.value, figure.unit), band(figure.uncertainty_pct), ratio, "")


def _baseline(text: StudyText, members: dict[str, StudyRun], run: StudyRun) -> StudyRun | None:
    """The run in the baseline's scheme, with the same engine and options."""
    return next(
        (
            other
            for other in members.values()
            if (other.scheme, other.engine, other.optimize)
            == (text.baseline, run.engine, run.optimize)
        ),
        None,
    )


def _line(run: StudyRun) -> StudyLine:
    check = run.run.check if run.run else None
    said = ""
    if check is not None:
        said = "bit-equal" if check.exact and check.passed else f"within {check.tolerance:g}"
        said = said if check.passed else "differs"
    label = (run.model, run.scheme, f"{run.engine} {run.optimize}", run.profile)
    command = shlex.join(run.command)
    return StudyLine(label, run.status, said, run.run.run_id if run.run else "", command)
