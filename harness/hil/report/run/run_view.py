"""One stored run as the templates lay it out: words, formatted figures, chart geometry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hil.records import ErrorInfo, Kind, Measurement, RunRecord
from hil.report.run.arena import ArenaView, arena_view
from hil.report.run.headline import headline
from hil.report.run.memory import (
    MemoryBar,
    flash_bar,
    flash_capacity_bytes,
    main_ram_bytes,
    ram_bar,
)
from hil.report.run.ops import FunctionRow, OpRow, function_rows, op_rows, op_summary
from hil.report.run.provenance import ProvenanceGroup, provenance_groups
from hil.report.words.figures import Figure, figure, figures
from hil.report.words.format import capacity as capacity_text
from hil.report.words.format import count, percent, plural, quantity, when
from hil.report.words.naming import arithmetic, engine_title, scheme
from hil.report.words.sentence import Headline

Detail = Literal["full", "compared", "brief"]
_CARDS = ("latency_us", "energy_uj", "flash_bytes", "ram_bytes")


@dataclass(frozen=True)
class Card:
    """One of the four headline figures; ``fill`` is per cent of what the chip has."""

    figure: Figure
    note: str
    fill: float | None
    over: bool


@dataclass(frozen=True)
class CheckView:
    """How correctness was established, in words."""

    passed: bool
    verdict: str
    short: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunView:
    """One run, ready to be laid out.

    ``detail`` is ``full``, ``compared`` (without the tables that its comparison has) or ``brief``
    (the run is there to be compared with).
    """

    anchor: str
    detail: Detail
    run_id: str
    short_id: str
    title: str
    status: str
    status_word: str
    status_text: str
    model_name: str
    profile_name: str
    profile_title: str
    machine: str
    machine_exact: bool
    machine_note: str
    engine: str
    scheme: str
    started: str
    headline: Headline
    errors: tuple[ErrorInfo, ...]
    cards: tuple[Card, ...]
    figures: tuple[Figure, ...]
    model_facts: tuple[tuple[str, str], ...]
    ops: tuple[OpRow, ...]
    op_kind: Kind | None
    op_summary: str
    arena: ArenaView | None
    arena_as: str  # anchor of an earlier run with the same plan, which shows it for both
    arena_as_title: str
    bars: tuple[MemoryBar, ...]
    functions: tuple[FunctionRow, ...]
    function_kind: Kind | None
    check: CheckView | None
    notes: tuple[str, ...]
    provenance: tuple[ProvenanceGroup, ...]
    command: str

    @property
    def figure_by_name(self) -> Mapping[str, Figure]:
        """Figures by measurement name."""
        return {figure.name: figure for figure in self.figures}


def run_view(run: RunRecord, position: int = 1, detail: Detail = "full") -> RunView:
    """Build the view of one run; ``position`` keeps anchors apart when a run is shown twice."""
    word, text = _STATUS[run.status]
    model = run.model.name if run.model else "unknown model"
    note, notes = _split_machine_note(run)
    ops = op_rows(run)
    return RunView(
        anchor=f"run-{position}",
        detail=detail,
        run_id=run.run_id,
        short_id=run.run_id[-6:] if len(run.run_id) > 12 else run.run_id,
        title=f"{model} on {run.profile_name}",
        status=run.status,
        status_word=word,
        status_text=text,
        model_name=model,
        profile_name=run.profile_name,
        profile_title=str(run.profile.get("title") or run.profile_name),
        machine=f"{run.target}, {run.machine}",
        machine_exact=run.machine_exact,
        machine_note=note,
        engine=engine_title(run),
        scheme=arithmetic(run) if scheme(run) else "",
        started=when(run.started_at),
        headline=headline(run),
        errors=run.errors,
        cards=_cards(run),
        figures=figures(run),
        model_facts=_model_facts(run),
        ops=ops,
        op_kind=run.ops[0].kind if run.ops else None,
        op_summary=op_summary(ops),
        arena=arena_view(run.plan, run.ops, run.model.ops if run.model else 0),
        arena_as="",
        arena_as_title="",
        bars=tuple(bar for bar in (flash_bar(run), ram_bar(run)) if bar),
        functions=function_rows(run),
        function_kind=_cycle_kind(run),
        check=_check(run),
        notes=notes,
        provenance=provenance_groups(run.provenance),
        command=str(run.provenance.get("command") or ""),
    )


_STATUS = {
    "passed": ("passed", "The run finished and the outputs were checked."),
    "failed": ("failed", "The run did not succeed. Its figures, if any, are not a result."),
    "error": ("error", "Something stood in the way before the device could be judged."),
    "interrupted": ("interrupted", "The run was stopped before it finished."),
    "running": ("unfinished", "The run had not finished when this report was made."),
}


def _cards(run: RunRecord) -> tuple[Card, ...]:
    capacities = {
        "flash_bytes": flash_capacity_bytes(run.profile),
        "ram_bytes": main_ram_bytes(run.profile),
    }
    cards = []
    for name in _CARDS:
        measured = run.measurements.get(name)
        if measured is None:
            continue
        capacity = capacities.get(name)
        fill = 100 * measured.value / capacity if capacity else None
        cards.append(
            Card(
                figure=figure(name, measured),
                note=_card_note(name, measured, capacity),
                fill=min(fill, 100.0) if fill is not None else None,
                over=fill is not None and fill > 100,
            )
        )
    return tuple(cards)


def _card_note(name: str, measured: Measurement, capacity: int | None) -> str:
    if capacity:
        return f"{percent(measured.value / capacity)} of {capacity_text(capacity)}"
    if name == "latency_us" and measured.value > 0:
        return f"{quantity_per_second(1e6 / measured.value)} if nothing else runs"
    return ""


def quantity_per_second(rate: float) -> str:
    """``24.3 inferences a second``; slow ones are given per minute."""
    if rate < 1:
        return f"{rate * 60:.1f} inferences a minute"
    return f"{rate:.1f} inferences a second" if rate < 100 else f"{rate:,.0f} inferences a second"


def _model_facts(run: RunRecord) -> tuple[tuple[str, str], ...]:
    if run.model is None:
        return ()
    return (
        ("Model", run.model.name),
        ("Arithmetic", run.model.dtype),
        ("File", quantity(run.model.size_bytes, "bytes")),
        ("Size of the task", f"{count(run.model.macs)} MACs in {plural(run.model.ops, 'op')}"),
        ("Chip", str(run.profile.get("title") or run.profile_name)),
        ("Engine", engine_title(run)),
    )


def _split_machine_note(run: RunRecord) -> tuple[str, tuple[str, ...]]:
    """Take the note about a stand-in machine, which begins with its name, out of the notes."""
    notes = tuple(dict.fromkeys(run.notes))
    if run.machine_exact:
        return "", notes
    note = next((note for note in notes if note.startswith(run.machine)), "")
    return note, tuple(other for other in notes if other != note)


def _cycle_kind(run: RunRecord) -> Kind | None:
    if not run.functions:
        return None
    cycles = run.measurements.get("cycles")
    return cycles.kind if cycles else (run.ops[0].kind if run.ops else "modelled")


def _check(run: RunRecord) -> CheckView | None:
    check = run.check
    if check is None:
        return None
    inputs = plural(check.inputs, "input")
    if not check.passed:
        verdict, short = f"Wrong: outputs differ on {check.mismatches:,} of {inputs}.", "wrong"
    elif check.exact:
        verdict, short = f"Identical, bit for bit, on {inputs}.", "identical"
    else:
        verdict, short = f"Equal within the tolerance on {inputs}.", "within tolerance"
    tolerance = "none: every bit must agree" if check.exact else f"{check.tolerance:g} relative"
    return CheckView(
        passed=check.passed,
        verdict=verdict,
        short=short,
        rows=(
            ("Compared with", check.reference),
            ("Inputs tried", f"{check.inputs:,}"),
            ("Tolerance", tolerance),
            ("Largest difference", _largest_difference(run)),
            ("Inputs with a wrong output", f"{check.mismatches:,}"),
        ),
    )


def _largest_difference(run: RunRecord) -> str:
    assert run.check is not None
    check = run.check
    if not check.max_abs_diff:
        return "0"
    unit = " output steps" if run.model and re.match("u?int", run.model.dtype) else ""
    return f"{check.max_abs_diff:g}{unit} ({check.max_rel_diff:.2g} relative)"
