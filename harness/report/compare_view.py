"""Runs side by side: the first is the baseline, every other is judged against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.errors import UsageError
from harness.records import Kind, OpMeasurement, RunRecord
from harness.report.format import MISSING, count, plural, tensor_name, when
from harness.report.judge import Judgement, judge, no_result, ratio_text
from harness.report.view import FIGURE_LABELS, Figure, RunView, figure, run_view, used_kinds


@dataclass(frozen=True)
class Cell:
    """One run's figure; ``judgement`` is None in the baseline's column."""

    figure: Figure | None
    judgement: Judgement | None


@dataclass(frozen=True)
class FigureRow:
    """One figure across all runs."""

    name: str
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class FactRow:
    """One fact (model, compiler ...) across all runs."""

    label: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True)
class OpCell:
    """One run's cycles of one op; ``width`` is per cent of the longest bar of all runs."""

    cycles: int | None
    text: str
    width: float
    ratio: str


@dataclass(frozen=True)
class OpLine:
    """One op across all runs."""

    index: int
    op: str
    name: str
    short_name: str
    cells: tuple[OpCell, ...]


@dataclass(frozen=True)
class CompareView:
    """A whole comparison."""

    title: str
    generated: str
    runs: tuple[RunView, ...]
    summary: str
    warnings: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    facts: tuple[FactRow, ...]
    ops: tuple[OpLine, ...]
    op_kinds: tuple[Kind, ...]
    ops_note: str
    shared_error: bool
    kinds: tuple[tuple[Kind, str], ...]


def compare_view(runs: Sequence[RunRecord], title: str | None = None) -> CompareView:
    """Build the view of a comparison.

    Raises:
        UsageError: fewer than two runs.
    """
    if len(runs) < 2:
        raise UsageError(
            "a comparison needs at least two runs", hint="`hil history` lists the runs there are"
        )
    views = tuple(run_view(run, position) for position, run in enumerate(runs, 1))
    lines, note = align_ops(runs)
    rows = figure_rows(runs)
    names = " / ".join(dict.fromkeys(view.title for view in views))
    return CompareView(
        title=title or f"Comparison: {names}",
        generated=when(datetime.now(UTC).isoformat()),
        runs=views,
        summary=_summary(rows, views),
        warnings=warnings(runs),
        figures=rows,
        facts=_fact_rows(runs),
        ops=lines,
        op_kinds=tuple(dict.fromkeys(op.kind for run in runs for op in run.ops)),
        ops_note=note,
        shared_error=_share_timing_model(runs),
        kinds=used_kinds(runs),
    )


def figure_rows(runs: Sequence[RunRecord]) -> tuple[FigureRow, ...]:
    """Every figure that any of the runs has, the known ones first."""
    present = dict.fromkeys(name for run in runs for name in run.measurements)
    names = [name for name in FIGURE_LABELS if name in present]
    names += [name for name in present if name not in FIGURE_LABELS]
    return tuple(_figure_row(name, runs) for name in names)


def _figure_row(name: str, runs: Sequence[RunRecord]) -> FigureRow:
    cells = []
    for position, run in enumerate(runs):
        measured = run.measurements.get(name)
        cells.append(
            Cell(
                figure(name, measured) if measured else None,
                _judge(runs[0], run, name) if position else None,
            )
        )
    label = next(cell.figure.label for cell in cells if cell.figure)
    return FigureRow(name, label, tuple(cells))


def _judge(first: RunRecord, other: RunRecord, name: str) -> Judgement | None:
    baseline, measured = first.measurements.get(name), other.measurements.get(name)
    if baseline is None or measured is None:
        return None
    if first.status != "passed" or other.status != "passed":
        return no_result(baseline, measured)
    return judge(baseline, measured)


def warnings(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """What the reader must know before believing any ratio, in sentences."""
    found = []
    if len({run.model.sha256 if run.model else "" for run in runs}) > 1:
        found.append("The runs are of different models: a ratio also compares the models.")
    if len({run.profile_name for run in runs}) > 1:
        found.append("The runs are for different chips.")
    for run in runs:
        if run.status != "passed":
            found.append(f"Run {run.run_id} did not pass ({run.status}): it is no result.")
    if len({run.machine_exact for run in runs}) > 1:
        found.append("Some of the runs used a stand-in machine, others the chip's own.")
    return tuple(found)


def _share_timing_model(runs: Sequence[RunRecord]) -> bool:
    figures = [run.measurements.get("cycles") for run in runs]
    return len({run.profile_name for run in runs}) == 1 and all(
        f is not None and f.kind == "modelled" and f.uncertainty_pct for f in figures
    )


def _summary(rows: Sequence[FigureRow], views: Sequence[RunView]) -> str:
    """One sentence about the second run's time, energy and memory; more runs speak by table."""
    if len(views) != 2:
        return f"{plural(len(views), 'run')} side by side; the first is the baseline."
    by_name = {row.name: row.cells[1].judgement for row in rows}
    parts = []
    for name, noun in (
        ("latency_us", "time"),
        ("energy_uj", "energy"),
        ("flash_bytes", "flash"),
        ("ram_bytes", "RAM"),
    ):
        if judgement := by_name.get(name):
            parts.append(_phrase(judgement, noun))
    if not parts:
        return "The runs have no figure in common."
    return "Against the baseline, the second run takes " + ", ".join(parts) + "."


def _phrase(judgement: Judgement, noun: str) -> str:
    if judgement.verdict == "same":
        return f"the same {noun}"
    ratio = f"{judgement.ratio_text} the {noun}" if judgement.ratio_text else noun
    return f"{ratio} ({judgement.words})"


_FACTS: tuple[tuple[str, Callable[[RunRecord], str]], ...] = (
    ("Status", lambda run: run.status),
    ("Model", lambda run: run.model.name if run.model else MISSING),
    ("Model, SHA-256", lambda run: run.model.sha256[:16] if run.model else MISSING),
    ("Arithmetic", lambda run: run.model.dtype if run.model else MISSING),
    ("MACs", lambda run: count(run.model.macs) if run.model else MISSING),
    ("Profile", lambda run: run.profile_name),
    ("Machine", lambda run: run.machine + ("" if run.machine_exact else " (stand-in)")),
    ("Engine", lambda run: f"{run.engine} {run.provenance.get('engine_version', '')}".strip()),
    ("Outputs", lambda run: _outputs(run)),
    ("Compiler", lambda run: str(run.provenance.get("compiler") or MISSING)),
    ("Compiler flags", lambda run: str(run.provenance.get("compiler_flags") or MISSING)),
    ("Optimization", lambda run: str(run.provenance.get("optimize") or MISSING)),
    ("Emulator", lambda run: str(run.provenance.get("emulator") or MISSING)),
    ("git commit", lambda run: str(run.provenance.get("hil_commit") or MISSING)),
    ("Started", lambda run: when(run.started_at)),
)


def _outputs(run: RunRecord) -> str:
    if run.check is None:
        return "not checked"
    if not run.check.passed:
        return "wrong"
    return "identical to the reference" if run.check.exact else "within the tolerance"


def _fact_rows(runs: Sequence[RunRecord]) -> tuple[FactRow, ...]:
    rows = []
    for label, read in _FACTS:
        values = tuple(read(run) for run in runs)
        rows.append(FactRow(label, values, len(set(values)) > 1))
    return tuple(rows)


def align_ops(runs: Sequence[RunRecord]) -> tuple[tuple[OpLine, ...], str]:
    """Put the ops of all runs into lines, or say why that makes no sense.

    By index where all runs carry out the same sequence of ops; by the output tensor's name where
    the model is the same but an engine has joined or split ops.
    """
    with_ops = [run for run in runs if run.ops]
    if not with_ops:
        return (), "No run has figures by op."
    note = "" if len(with_ops) == len(runs) else "Not every run has figures by op. "
    if len({tuple(op.op for op in run.ops) for run in with_ops}) == 1:
        return _lines(runs, [(op.index,) for op in with_ops[0].ops], lambda op: (op.index,)), note
    if len({run.model.sha256 if run.model else "" for run in with_ops}) == 1:
        keys = dict.fromkeys((op.name,) for run in with_ops for op in run.ops)
        note += "The runs carry out different ops; they are matched by the tensor they make."
        return _lines(runs, list(keys), lambda op: (op.name,)), note
    return (), "The models have different ops, so there is nothing to line up op by op."


def _lines(
    runs: Sequence[RunRecord],
    keys: Sequence[tuple[object, ...]],
    key_of: Callable[[OpMeasurement], tuple[object, ...]],
) -> tuple[OpLine, ...]:
    tables = [{key_of(op): op for op in run.ops} for run in runs]
    longest = max(op.cycles for run in runs for op in run.ops) or 1
    lines = []
    for key in keys:
        found = [table.get(key) for table in tables]
        first = next(op for op in found if op is not None)
        cells = tuple(_op_cell(op, found[0], longest) for op in found)
        lines.append(OpLine(first.index, first.op, first.name, tensor_name(first.name), cells))
    return tuple(lines)


def _op_cell(op: OpMeasurement | None, baseline: OpMeasurement | None, longest: int) -> OpCell:
    if op is None:
        return OpCell(None, MISSING, 0.0, "")
    ratio = op.cycles / baseline.cycles if baseline is not None and baseline.cycles else None
    shown = ratio_text(ratio) if op is not baseline else ""
    return OpCell(op.cycles, count(op.cycles), 100 * op.cycles / longest, shown)
