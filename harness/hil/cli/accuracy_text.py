"""Prints evaluations: figures with intervals, the confusion matrix, a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hil.cli import output

if TYPE_CHECKING:
    from hil.records import Accuracy, Estimate, Evaluation

_CONFUSION_SHOWN_UP_TO = 20  # classes


def show(evaluation: Evaluation) -> None:
    """Print a complete evaluation."""
    found = evaluation.accuracy
    assert found is not None
    typer.echo(
        f"{evaluation.model_name} ({evaluation.model_dtype}) on {evaluation.profile_name} "
        f"[{output.machine(evaluation)}], engine {evaluation.engine}"
    )
    typer.echo(f"data: {evaluation.data_name}, {_count(evaluation)}; {evaluation.preparation}")
    name = "AUC" if found.metric == "auc" else "top-1"
    rows = [(f"{name}, device", found.main), (f"{name}, host reference", found.host)]
    rows += [("top-5, device", found.top5)] if found.top5 else []
    output.print_table(
        ["figure", ">value", ">95 % interval", ">right", "interval by"],
        [_figure_row(label, one) for label, one in rows],
    )
    if found.confusion and len(found.confusion) <= _CONFUSION_SHOWN_UP_TO:
        _show_confusion(found)
    typer.echo(_agreement(evaluation, found))
    for text in found.notes:
        typer.echo(f"note: {text}")
    typer.echo(f"{evaluation.status}: evaluation {evaluation.evaluation_id}")


def _count(evaluation: Evaluation) -> str:
    found = evaluation.accuracy
    assert found is not None
    part = ""
    if evaluation.options.get("limit") is not None:
        seed = evaluation.options.get("seed")
        part = " (the first of it)" if seed is None else f" (drawn by class, seed {seed})"
    items = "" if found.items == found.samples else f"{found.items:,} items in "
    return f"{items}{found.samples:,} samples{part}"


def _figure_row(label: str, one: Estimate) -> tuple[str, ...]:
    if one.count is None:
        shown, low, high = (f"{value:.4f}" for value in (one.value, one.low, one.high))
        return label, shown, f"{low} to {high}", f"{one.n:,} items", one.method
    shown, low, high = (f"{100 * value:.2f} %" for value in (one.value, one.low, one.high))
    return label, shown, f"{low} to {high}", f"{one.count:,} of {one.n:,}", one.method


def _show_confusion(found: Accuracy) -> None:
    columns = [f">{at}" for at in range(len(found.confusion))]
    output.print_table(
        [">class \\ decided", *columns],
        [(str(at), *(str(n) if n else "." for n in row)) for at, row in enumerate(found.confusion)],
    )


def _agreement(evaluation: Evaluation, found: Accuracy) -> str:
    reference = evaluation.provenance.get("reference", "the host's reference")
    result = "bit-equal to" if found.exact else "within tolerance of"
    text = f"outputs: {result} {reference} on {found.equal:,} of {found.samples:,} samples"
    if found.same_decision is not None:
        text += f", same decision on {found.same_decision:,}"
    if found.equal < found.samples:
        first = ", ".join(str(at) for at in found.differing[:5])
        text += f"; WRONG on sample {first}" + (", …" if len(found.differing) > 5 else "")
    return text


def show_list(found: list[Evaluation]) -> None:
    """Print one row per evaluation."""
    from datetime import datetime

    def row(one: Evaluation) -> tuple[str, ...]:
        figure = one.accuracy.main if one.accuracy else None
        cells = ("-", "-") if figure is None else _figure_row("", figure)[1:3]
        return (
            one.evaluation_id,
            f"{datetime.fromisoformat(one.started_at).astimezone():%Y-%m-%d %H:%M}",
            one.status,
            one.profile_name,
            f"{one.model_name} ({one.model_dtype})",
            one.engine,
            one.data_name,
            f"{one.done:,}/{one.samples:,}",
            "AUC" if one.metric == "auc" else "top-1",
            *cells,
        )

    left = ("evaluation", "when", "status", "profile", "model", "engine", "data")
    right = ("samples", "metric", "value", "95 % interval")
    output.print_table([*left, *(f">{title}" for title in right)], [row(one) for one in found])
