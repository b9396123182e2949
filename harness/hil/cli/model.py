"""``hil model``: what a .tflite holds, and which variants hil made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption

if TYPE_CHECKING:
    from hil.records import Variant
    from hil.tflite.summary import ModelSummary, TensorSummary

SCHEMA = "hil.model.inspect/1"
VARIANTS_SCHEMA = "hil.model.variants/1"

app = typer.Typer()


@app.command("inspect")
def inspect(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor with its lifetime too.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the ops, tensors, quantization, MACs and sizes of MODEL.

    MACs are multiply-accumulates of one inference. "live" is what must be in RAM while an op runs.
    """
    from hil.tflite.model import Model
    from hil.tflite.summary import summarize

    summary = summarize(Model.read(model))
    if json:
        output.emit_json(SCHEMA, "ok", summary)
        return
    _show_head(summary)
    _show_ops(summary)
    _show_ends(summary)
    if tensors:
        _show_tensors(summary)


@app.command("variants")
def variants(
    parent: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL|SHA256]",
            help="Only variants of this float model: its file, or the beginning of its hash.",
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option("--scheme", metavar="NAME", help="Only this scheme."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 20,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """List the stored variants of float models, newest first.

    Agreement and SQNR are against the float model, on held-out samples.
    """
    from hil.tflite.model import Model

    sha256 = parent
    if parent is not None and (Path(parent).suffix == ".tflite" or Path(parent).exists()):
        sha256 = Model.read(Path(parent)).sha256
    with stores.opened(db, read_only=True) as store:
        found = store.variants.find(parent_sha256=sha256, scheme=scheme, limit=limit or None)
    if json:
        output.emit_json(VARIANTS_SCHEMA, "ok", {"variants": found})
        return
    if not found:
        output.note("no variants; `hil quantize` makes one")
        return
    _show_variants(found)


def _show_variants(found: list[Variant]) -> None:
    columns = [
        output.Column("sha256"),
        output.Column("float model"),
        output.Column("scheme"),
        output.Column("options"),
        output.Column("calibrated with"),
        output.Column("size", right=True),
        output.Column("same top-1", right=True),
        output.Column("SQNR", right=True),
        output.Column("made"),
    ]
    rows = []
    for v in found:
        ends = next((a for a in v.agreements if a.data == "held-out"), None)
        rows.append(
            (
                v.sha256[:12],
                v.parent_name,
                v.scheme,
                " ".join(str(value) for value in v.options.values() if value),
                f"{v.calibration_samples} of {v.calibration}",
                output.format_bytes(v.size_bytes),
                "-" if ends is None or ends.top1 is None else f"{ends.top1:.2%}",
                "-" if ends is None else f"{ends.sqnr_db:.1f} dB",
                v.created_at[:16].replace("T", " "),
            )
        )
    output.print_table(columns, rows)


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
