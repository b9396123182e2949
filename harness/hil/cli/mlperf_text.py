"""Results of `hil mlperf` as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hil.mlperf.result import MlperfResult


def show(result: MlperfResult, folder: Path) -> None:
    """Print windows, figures and what keeps the result out of a submission."""
    from hil import mlperf_tasks

    title = mlperf_tasks.find(result.task).title
    typer.echo(
        f"{result.task} ({title}), {result.mode} on {result.system} [{result.target} "
        f"{result.machine}]"
    )
    for number, window in enumerate(result.windows if result.mode != "accuracy" else (), start=1):
        elapsed = (window.elapsed_us or 0) / 1e6
        energy = f", {window.energy_uj:.3f} uJ/inference" if window.energy_uj is not None else ""
        typer.echo(
            f"window {number}: {window.inferences:,} inferences in {elapsed:.3f} s, "
            f"{window.inferences / elapsed:.3f} inferences/s{energy}  ({window.file})"
        )
    for name, figure in result.figures.items():
        typer.echo(f"{_LABELS[name]}: {_value(name, figure.value)} ({figure.kind})")
    for reason in result.obstacles:
        typer.echo(f"does not count in a submission: {reason}")
    for note in result.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"files: {folder}")


_LABELS = {
    "throughput": "median throughput",
    "latency_us": "median latency",
    "energy_uj": "median energy",
    "power_mw": "power",
    "top1": "top-1 accuracy",
    "auc": "AUC",
}


def _value(name: str, value: float) -> str:
    units = {
        "throughput": f"{value:,.3f} inferences/s",
        "latency_us": f"{value / 1000:,.3f} ms",
        "energy_uj": f"{value:,.3f} uJ/inference",
        "power_mw": f"{value:,.3f} mW",
        "top1": f"{value:.2%}",
        "auc": f"{value:.3f}",
    }
    return units[name]
