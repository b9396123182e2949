"""One stored run as the templates show it: sentences, figures, chart geometry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hil.figures import headline as headline_figures
from hil.records import Kind, Measurement, RunRecord
from hil.report.run.accuracy import AccuracyView, accuracy_view
from hil.report.run.arena import ArenaView, arena_view
from hil.report.run.evidence import Evidence
from hil.report.run.headline import headline
from hil.report.run.memory import (
    MemoryBar,
    flash_bar,
    flash_capacity_bytes,
    main_ram_bytes,
    ram_bar,
)
from hil.report.run.ops import FunctionRow, OpRow, function_rows, op_rows, op_summary
from hil.report.run.power import PowerView, power_view
from hil.report.run.provenance import ProvenanceGroup, provenance_groups
from hil.report.words.figures import figure_names
from hil.report.words.format import capacity as capacity_text
from hil.report.words.format import count, percent, plural, quantity
from hil.report.words.naming import engine_title
from hil.report.words.sentence import Sentence
from hil.verdict.kinship import arithmetic, scheme

Detail = Literal["full", "compared", "brief"]


@dataclass(frozen=True)
class Card:
    """One of the headline figures, None where it was not measured.

    ``fill`` is per cent of what the chip has.
    """

    name: str
    figure: Measurement | None
    note: str = ""
    fill: float | None = None


@dataclass(frozen=True)
class CheckView:
    """How the outputs were checked."""

    passed: bool
    verdict: str
    short: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunView:
    """One run, ready for the templates.

    ``detail`` is ``full``, ``compared`` (without the tables that its comparison has) or ``brief``
    (the run is there to be compared with). ``arena_as`` is an earlier run with the same memory
    plan, which is drawn once for both.
    """

    record: RunRecord
    anchor: str
    detail: Detail
    title: str
    short_id: str
    status_word: str
    status_text: str
    model_name: str
    engine: str
    scheme: str
    headline: Sentence
    cards: tuple[Card, ...]
    figures: tuple[Measurement, ...]
    model_facts: tuple[tuple[str, str], ...]
    ops: tuple[OpRow, ...]
    op_summary: str
    arena: ArenaView | None
    power: PowerView | None
    bars: tuple[MemoryBar, ...]
    functions: tuple[FunctionRow, ...]
    cycle_kind: Kind
    check: CheckView | None
    accuracy: AccuracyView | None
    machine_note: str
    notes: tuple[str, ...]
    provenance: tuple[ProvenanceGroup, ...]
    arena_as: RunView | None = None


def run_view(run: RunRecord, position: int, detail: Detail, known: Evidence) -> RunView:
    """Build the view of one run; ``position`` keeps anchors apart when a run is shown twice."""
    status_word, status_text = _STATUS[run.status]
    model = run.model.name if run.model else "unknown model"
    note, notes = _split_machine_note(run)
    ops = op_rows(run)
    return RunView(
        record=run,
        anchor=f"run-{position}",
        detail=detail,
        title=f"{model} on {run.profile_name}",
        short_id=run.run_id[-6:] if len(run.run_id) > 12 else run.run_id,
        status_word=status_word,
        status_text=status_text,
        model_name=model,
        engine=engine_title(run),
        scheme=arithmetic(run) if scheme(run) else "",
        headline=headline(run),
        cards=_cards(run),
        figures=tuple(run.measurements[name] for name in figure_names((run,))),
        model_facts=_model_facts(run),
        ops=ops,
        op_summary=op_summary(ops),
        arena=arena_view(run.plan, run.ops, run.model.ops if run.model else 0),
        power=power_view(run),
        bars=tuple(bar for bar in (flash_bar(run), ram_bar(run)) if bar),
        functions=function_rows(run),
        cycle_kind=_cycle_kind(run),
        check=_check(run),
        accuracy=accuracy_view(run, known),
        machine_note=note,
        notes=notes,
        provenance=provenance_groups(run.provenance),
    )


_STATUS = {
    "passed": ("passed", "The run finished and the outputs were checked."),
    "failed": ("failed", "The run did not succeed. Its figures, if any, are not a result."),
    "error": ("error", "The run could not be carried out on this host."),
    "interrupted": ("interrupted", "The run was stopped before it finished."),
    "running": ("unfinished", "The run had not finished when this report was made."),
}


def _cards(run: RunRecord) -> tuple[Card, ...]:
    capacities = {
        "flash_bytes": flash_capacity_bytes(run.profile),
        "ram_bytes": main_ram_bytes(run.profile),
    }
    cards = []
    for name in (one.name for one in headline_figures()):
        if measured := run.measurements.get(name):
            capacity = capacities.get(name)
            fill = 100 * measured.value / capacity if capacity else None
            cards.append(Card(name, measured, _card_note(measured, capacity), fill))
        elif run.status == "passed":
            cards.append(Card(name, None))
    return tuple(cards)


def _card_note(measured: Measurement, capacity: int | None) -> str:
    if capacity:
        return f"{percent(measured.value / capacity)} of {capacity_text(capacity)}"
    if measured.name == "latency_us" and measured.value > 0:
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


def _cycle_kind(run: RunRecord) -> Kind:
    if cycles := run.measurements.get("cycles"):
        return cycles.kind
    return run.ops[0].kind if run.ops else "modelled"


def _split_machine_note(run: RunRecord) -> tuple[str, tuple[str, ...]]:
    """Separate the note about a stand-in machine, which begins with its name, from the others."""
    notes = tuple(dict.fromkeys(run.notes))
    if run.machine_exact:
        return "", notes
    note = next((note for note in notes if note.startswith(run.machine)), "")
    return note, tuple(other for other in notes if other != note)


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
