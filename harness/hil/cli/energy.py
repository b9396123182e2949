"""The part of ``hil validate --energy`` on power: spread, data sheets, supplies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hil.cli import output

if TYPE_CHECKING:
    from hil.validation.energy import EnergyReport


def show_power(report: EnergyReport) -> None:
    """Show the spread of power by task, and the other bases of the power model."""
    typer.echo()
    _show_tasks(report)
    typer.echo()
    for line in report.lines:
        typer.echo(
            f"{line.profile}: the data sheet's line ({line.line}) gives {line.line_mw:.1f} mW, "
            f"published inferences draw {line.published_mw:.1f} mW ({line.ratio:.2f} times)"
        )
    for check in report.supplies:
        typer.echo(
            f"{check.board}: {check.rule}: from {check.from_volts:g} V, "
            f"{check.predicted_mw:.1f} mW are predicted at {check.to_volts:g} V, "
            f"{check.published_mw:.1f} mW are published ({check.error_pct:+.1f} %)"
        )


def _show_tasks(report: EnergyReport) -> None:
    tasks = sorted({task for board in report.boards for task in board.tasks})
    output.print_table(
        ["power by task, mW", "condition", *(f">{task}" for task in tasks)],
        [
            (
                board.board,
                board.condition,
                *(
                    f"{power.median_mw:.1f} ({power.min_mw:.1f} to {power.max_mw:.1f})"
                    if (power := board.tasks.get(task))
                    else "-"
                    for task in tasks
                ),
            )
            for board in report.boards
        ],
    )
