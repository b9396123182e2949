"""What ``hil calibrate`` shows: the plan with a board, and what was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hil.cli import output

if TYPE_CHECKING:
    from hil.calibrate import Outcome
    from hil.calibrate.steps import Plan
    from hil.records import RunRecord

SCHEMA = "hil.calibrate/1"
_MISSING = "to run"


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Show which stored runs are used and which runs are missing."""
    board, emulated = plan.missing
    if as_json:
        steps = [
            {
                "model": step.model,
                "model_sha256": step.model_sha256,
                "engine": step.engine,
                "optimize": step.optimize,
                "board_run": _id(step.board_run),
                "emulated_run": _id(step.emulated_run),
            }
            for step in plan.steps
        ]
        data = {"dry_run": True, "steps": steps, "messages": plan.messages}
        output.emit_json(SCHEMA, "ok", data)
        return
    rows = [
        (step.title, _id(step.board_run) or _MISSING, _id(step.emulated_run) or _MISSING)
        for step in plan.steps
    ]
    output.print_table(["firmware", "run on the board", "emulated run"], rows)
    for message in plan.messages:
        output.note(f"note: {message}")
    typer.echo(f"to run: {board} on the board, {emulated} in emulation; nothing was run or written")


def _id(run: RunRecord | None) -> str | None:
    return run.run_id if run is not None else None


def show(
    outcome: Outcome,
    path: Path | None,
    *,
    exported: Path | None,
    made: Sequence[str],
    as_json: bool,
) -> None:
    """Show what was fitted and where it was written; ``path`` None: nowhere."""
    if as_json:
        data: dict[str, Any] = {
            "path": path,
            "exported": exported,
            "runs": made,
            "calibration": outcome.calibration,
            "messages": outcome.messages,
            "band_before_pct": outcome.band_before_pct,
        }
        output.emit_json(SCHEMA, "ok", data)
        return
    _show_fit(outcome)
    if outcome.calibration.virtual:
        typer.echo("note: made with a virtual board: not a measurement")
    for message in outcome.messages:
        typer.echo(f"note: {message}")
    if exported is not None:
        typer.echo(f"measurements: {exported}")
    typer.echo(f"written: {path}" if path is not None else "nothing was written (--dry-run)")


def _show_fit(outcome: Outcome) -> None:
    found = outcome.calibration
    output.print_table(
        [
            "firmware",
            ">virtual board" if found.virtual else ">measured",
            ">modelled",
            ">off",
            ">power",
            "used",
        ],
        [
            (
                row.model,
                _number(row.measured_cycles),
                _number(row.modelled_cycles),
                "-" if row.residual_pct is None else f"{row.residual_pct:+.2f} %",
                "-" if row.power_mw is None else f"{row.power_mw:.4g} mW",
                row.why or "yes",
            )
            for row in found.rows
        ],
    )
    if found.flash is not None:
        typer.echo(
            f"prefetch hides {100 * found.flash.prefetch_hidden:.1f} % of sequential flash waits "
            f"(standard error {100 * found.flash.standard_error:.1f} %)"
        )
    if found.cycles is not None:
        before = outcome.band_before_pct
        was = f", was ±{before:.3g} %" if before is not None else ""
        typer.echo(f"band of cycles: ±{found.cycles.uncertainty_pct:.3g} %{was}")
    if found.power is not None:
        typer.echo(
            f"active power: {found.power.active_mw:.4g} mW at {found.power.volts:g} V "
            f"±{found.power.uncertainty_pct:.3g} %"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else output.format_number(round(value))
