"""``hil model inspect``: what a .tflite holds, before anything is built from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import output
from harness.cli.options import JsonOption

if TYPE_CHECKING:
    from harness.tflite.summary import ModelSummary, TensorSummary

SCHEMA = "hil.model.inspect/1"

app = typer.Typer(no_args_is_help=True, help="Look into models.")


@app.callback()
def _group() -> None:
    """Look into models."""  # a callback keeps `inspect` a sub-command while it is the only one


@app.command("inspect")
def inspect(
    model: Annotated[Path, typer.Argument(help="The .tflite file.", show_default=False)],
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor with its lifetime too.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the ops, tensors, quantization, MACs and sizes of MODEL.

    MACs are multiply-accumulates of one inference. "live" is what must be in RAM while an op runs.
    """
    from harness.tflite.reader import read_model
    from harness.tflite.summary import summarize

    summary = summarize(read_model(model))
    if json:
        output.emit_json(SCHEMA, "ok", summary)
        return
    _show_head(summary)
    _show_ops(summary)
    _show_ends(summary)
    if tensors:
        _show_tensors(summary)


def _show_head(summary: ModelSummary) -> None:
    typer.echo(
        f"{summary.name}: {summary.arithmetic}, {len(summary.ops)} ops, {summary.macs:,} MACs, "
        f"weights {output.format_bytes(summary.weights_bytes)}, "
        f"file {output.format_bytes(summary.size_bytes)}"
    )
    typer.echo(f"sha256 {summary.sha256}")
    if summary.description:
        typer.echo(f"description: {summary.description}")
    largest = [
        f"op {op.index} {op.op} {output.format_bytes(op.activation_bytes)}"
        for op in (summary.ops[index] for index in summary.largest_activations)
    ]
    typer.echo(
        f"activations: at most {output.format_bytes(summary.peak_live_bytes)} live at once; "
        f"largest inputs and outputs: {', '.join(largest) or 'none'}\n"
    )


def _show_ops(summary: ModelSummary) -> None:
    columns = [
        output.Column("#", right=True),
        output.Column("op"),
        output.Column("output"),
        output.Column("shape"),
        output.Column("dtype"),
        output.Column("MACs", right=True),
        output.Column("weights", right=True),
        output.Column("live", right=True),
    ]
    rows = [
        (
            str(op.index),
            op.op,
            _short(op.name),
            _shape(op.shape),
            op.dtype,
            f"{op.macs:,}",
            output.format_bytes(op.weights_bytes),
            output.format_bytes(op.live_bytes),
        )
        for op in summary.ops
    ]
    output.print_table(columns, rows)
    typer.echo()


def _show_ends(summary: ModelSummary) -> None:
    columns = [
        output.Column(""),
        output.Column("name"),
        output.Column("shape"),
        output.Column("dtype"),
        output.Column("bytes", right=True),
        output.Column("quantization"),
    ]
    ends = [("input", index) for index in summary.inputs]
    ends += [("output", index) for index in summary.outputs]
    rows = [(kind, *_tensor_cells(summary.tensors[index])) for kind, index in ends]
    output.print_table(columns, rows)


def _show_tensors(summary: ModelSummary) -> None:
    columns = [
        output.Column("tensor", right=True),
        output.Column("name"),
        output.Column("shape"),
        output.Column("dtype"),
        output.Column("bytes", right=True),
        output.Column("quantization"),
        output.Column("alive"),
    ]
    rows = [
        (str(t.index), *_tensor_cells(t), _lifetime(t, len(summary.ops))) for t in summary.tensors
    ]
    typer.echo()
    output.print_table(columns, rows)


def _tensor_cells(tensor: TensorSummary) -> tuple[str, str, str, str, str]:
    shape = _shape(tensor.shape)
    return _short(tensor.name), shape, tensor.dtype, f"{tensor.nbytes:,}", tensor.quantization


def _lifetime(tensor: TensorSummary, n_ops: int) -> str:
    if tensor.constant:
        return "constant"
    if tensor.first_op is None or tensor.last_op is None:
        return "unused"
    first = "start" if tensor.first_op < 0 else str(tensor.first_op)
    last = "end" if tensor.last_op >= n_ops else str(tensor.last_op)
    return f"{first} to {last}"


def _short(name: str) -> str:
    """The first of the names that a converter joins for fused ops; JSON has them all."""
    first, *others = name.split(";")
    return f"{first} (+{len(others)})" if others else first


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(dim) for dim in shape) or "scalar"
