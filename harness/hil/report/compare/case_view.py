"""A comparison: runs in columns, the first as the baseline, every other judged against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.records import Kind, Measurement, RunRecord
from hil.report.compare.accuracy import (
    AccuracyLine,
    AgreementLine,
    accuracy_lines,
    agreement_line,
)
from hil.report.compare.choose import Case
from hil.report.compare.memory import MemoryTable, memory_tables
from hil.report.compare.model_error import (
    NOT_A_MEASUREMENT,
    ModelError,
    missing_note,
    model_errors,
    pair_sentence,
)
from hil.report.compare.ops import KindLine, OpLine, align_ops, op_kinds
from hil.report.compare.published import PublishedView, published_view
from hil.report.compare.verdict import outputs_text, share_timing_model, verdict
from hil.report.run.evidence import Evidence
from hil.report.words.figures import figure_names
from hil.report.words.format import MISSING, count, plural, when
from hil.report.words.judge import Judgement, judge, judge_neutrally, no_result
from hil.report.words.naming import engine_title, family, model_name, names
from hil.report.words.sentence import Sentence
from hil.verdict.kinship import is_model_and_board, is_virtual, scheme, shares_error

_COLUMNS = 4  # of runs in one table


@dataclass(frozen=True)
class ColumnView:
    """A run, what it is called in its case, and where it comes from."""

    run: RunRecord
    name: str
    is_baseline: bool
    origin: str

    @property
    def title(self) -> str:
        """Model and profile."""
        return f"{model_name(self.run)} on {self.run.profile_name}"


@dataclass(frozen=True)
class Cell:
    """One run's figure; ``judgement`` is None in the baseline's column."""

    figure: Measurement | None
    judgement: Judgement | None


@dataclass(frozen=True)
class FigureRow:
    """One figure across all runs."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class FactRow:
    """One fact (model, compiler ...) across all runs; one value where all have the same."""

    label: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True)
class JudgedRun:
    """A run's verdict against the baseline of its case."""

    run_id: str
    headline: Sentence


@dataclass(frozen=True)
class CaseView:
    """A whole case."""

    anchor: str
    title: str
    model_name: str
    profile_name: str
    why: str
    columns: tuple[ColumnView, ...]
    verdicts: tuple[JudgedRun, ...]
    warnings: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    outputs: tuple[str, ...]
    accuracy: tuple[AccuracyLine, ...]
    agreement: AgreementLine | None
    facts: tuple[FactRow, ...]
    ops: tuple[OpLine, ...]
    op_groups: tuple[KindLine, ...]
    op_kinds: tuple[Kind, ...]
    ops_note: str
    shared_error: bool
    model_errors: tuple[ModelError, ...]
    memory: tuple[MemoryTable, ...]
    published: PublishedView | None

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Columns that one table holds, so that it fits on paper; the first is in each of them."""
        others = range(1, len(self.columns))
        step = _COLUMNS - 1
        found = [(0, *others[start : start + step]) for start in range(0, len(others), step)]
        return tuple(found) or ((0,),)

    @property
    def is_comparison(self) -> bool:
        """Whether there is more than one run."""
        return len(self.columns) > 1


def case_view(case: Case, position: int = 1, known: Evidence | None = None) -> CaseView:
    """Lay out a case; ``position`` keeps the anchors of several apart."""
    runs = case.runs
    known = known or Evidence()
    called = names(runs)
    lines, note = align_ops(runs)
    subject = runs.index(case.subjects[0]) if case.subjects else len(runs) - 1
    return CaseView(
        anchor=f"case-{position}",
        title=case.title,
        model_name=model_name(runs[-1]),
        profile_name=runs[-1].profile_name,
        why=case.why,
        columns=tuple(
            ColumnView(column.run, name, case.has_baseline and place == 0, column.origin)
            for place, (column, name) in enumerate(zip(case.columns, called, strict=True))
        ),
        verdicts=tuple(
            JudgedRun(
                run.run_id,
                pair_sentence(runs[0], run, outputs_text(runs[0], run))
                or verdict(runs[0], run, known),
            )
            for run in case.subjects
        ),
        warnings=warnings(runs),
        figures=figure_rows(runs),
        outputs=tuple(_checked(run) for run in runs),
        accuracy=accuracy_lines(runs, known),
        agreement=agreement_line(runs, known),
        facts=fact_rows(runs),
        ops=lines,
        op_groups=op_kinds(runs) if lines else (),
        op_kinds=tuple(dict.fromkeys(op.kind for run in runs for op in run.ops)),
        ops_note=note,
        shared_error=len(runs) > 1 and share_timing_model(runs),
        model_errors=model_errors(runs),
        memory=memory_tables(runs),
        published=published_view(case.published, runs[subject], called[subject], known),
    )


def figure_rows(runs: Sequence[RunRecord]) -> tuple[FigureRow, ...]:
    """Every figure that any of the runs has, the known ones first."""
    return tuple(
        FigureRow(
            name,
            tuple(
                Cell(run.measurements.get(name), _judge(runs[0], run, name) if position else None)
                for position, run in enumerate(runs)
            ),
        )
        for name in figure_names(runs)
    )


def _judge(first: RunRecord, other: RunRecord, name: str) -> Judgement | None:
    baseline, measured = first.measurements.get(name), other.measurements.get(name)
    if baseline is None or measured is None:
        return None
    if first.status != "passed" or other.status != "passed":
        return no_result(baseline, measured)
    if is_model_and_board(first, other):
        return judge_neutrally(baseline, measured)
    return judge(baseline, measured, common_error=shares_error(first, other, name))


def warnings(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """What the reader must know about the ratios, in sentences."""
    found = []
    if len({run.model.sha256 if run.model else "" for run in runs}) > 1:
        if len({family(run) for run in runs}) > 1:
            found.append("The runs are of different models: a ratio also compares the models.")
        else:
            found.append(
                "The runs are of variants of one model: a ratio also compares the quantization."
            )
    if len({run.profile_name for run in runs}) > 1:
        found.append("The runs are for different chips.")
    for run in runs:
        if run.status != "passed":
            found.append(f"Run {run.run_id} did not pass ({run.status}): it is not a result.")
    found += [
        f"Run {run.run_id} is of {run.machine}, a {NOT_A_MEASUREMENT}."
        for run in runs
        if is_virtual(run)
    ]
    if note := missing_note(runs):
        found.append(note)
    if len({run.machine_exact for run in runs}) > 1:
        found.append("Some of the runs used a stand-in machine, others the chip's own.")
    return tuple(found)


_FACTS: tuple[tuple[str, Callable[[RunRecord], str]], ...] = (
    ("Status", lambda run: run.status),
    ("Outputs", lambda run: outputs_fact(run)),
    ("Engine", lambda run: engine_fact(run)),
    ("Model", lambda run: run.model.name if run.model else MISSING),
    ("Model, SHA-256", lambda run: run.model.sha256[:16] if run.model else MISSING),
    ("Scheme", lambda run: scheme(run) or "as given"),
    ("Arithmetic", lambda run: run.model.dtype if run.model else MISSING),
    ("MACs", lambda run: count(run.model.macs) if run.model else MISSING),
    ("Profile", lambda run: run.profile_name),
    ("Machine", lambda run: run.machine + ("" if run.machine_exact else " (stand-in)")),
    ("Compiler", lambda run: str(run.provenance.get("compiler") or MISSING)),
    ("Compiler flags", lambda run: str(run.provenance.get("compiler_flags") or MISSING)),
    ("Optimization", lambda run: str(run.provenance.get("optimize") or MISSING)),
    ("Target tool", lambda run: str(run.provenance.get("target_tool") or MISSING)),
    ("Inputs, SHA-256", lambda run: str(run.provenance.get("inputs_sha256") or MISSING)[:16]),
    ("git commit", lambda run: str(run.provenance.get("hil_commit") or MISSING)),
    ("Started", lambda run: when(run.started_at)),
    ("Run", lambda run: run.run_id),
)


def engine_fact(run: RunRecord) -> str:
    """An engine's title, its name here and its version, such as ``Fast Kernels (fast 1.2)``."""
    version = str(run.provenance.get("engine_version") or "")
    own = f"{run.engine} {version}".strip()
    title = engine_title(run)
    return own if title == run.engine else f"{title} ({own})"


def outputs_fact(run: RunRecord) -> str:
    """How the outputs of a run compare with the reference's."""
    if run.check is None:
        return "not checked"
    if not run.check.passed:
        return "wrong"
    return "identical to the reference" if run.check.exact else "within the tolerance"


def _checked(run: RunRecord) -> str:
    """The same with the number of inputs that were tried."""
    inputs = f", on {plural(run.check.inputs, 'input')}" if run.check else ""
    return outputs_fact(run) + inputs


def fact_rows(runs: Sequence[RunRecord]) -> tuple[FactRow, ...]:
    """What was compared: facts that differ have one value a run, the others one."""
    rows = []
    for label, read in _FACTS:
        values = tuple(read(run) for run in runs)
        differs = len(set(values)) > 1
        rows.append(FactRow(label, values if differs else values[:1], differs))
    return tuple(rows)
