"""``hil model``: the contents of a .tflite, and the stored variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption
from hil.errors import Gap, ModelError, UnsupportedModel

if TYPE_CHECKING:
    from hil.devices import Profile
    from hil.records import Variant
    from hil.tflite.extras import Extras
    from hil.tflite.graph import Quantization, Tensor
    from hil.tflite.model import Model
    from hil.tflite.summary import ModelSummary

SCHEMA = "hil.model.inspect/1"
_LABELS_SHOWN = 20
VARIANTS_SCHEMA = "hil.model.variants/1"

app = typer.Typer()


@app.command("inspect")
def inspect(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor with its lifetime too.")
    ] = False,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Say whether the model can fit this device; give it again for several.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the ops, tensors and sizes of MODEL, and what cannot run.

    MACs are multiply-accumulates of one inference. "live" is what must be in RAM while an op runs.
    The exit code is 0 also for a model that the engine aot cannot run.
    """
    from hil import devices
    from hil.tflite.extras import extras
    from hil.tflite.model import Model
    from hil.tflite.summary import summarize

    profiles = [devices.load(name) for name in dict.fromkeys(profile or ())]
    parsed = Model.read(model)
    summary, more = summarize(parsed), extras(parsed.content)
    verdict = runnable(parsed, profiles)
    if json:
        extra = {**vars(more), "state": _state(summary), "subgraphs": _subgraphs(summary)}
        output.emit_json(SCHEMA, "ok", {**summary.to_dict(), **extra, "runnable": verdict})
        return
    _show_head(summary)
    _show_ops(summary)
    _show_ends(summary)
    if tensors:
        _show_tensors(summary)
    _show_extras(summary, more)
    _show_verdict(summary, verdict)


@dataclass(frozen=True)
class Verdict:
    """Whether the engine aot runs a model: every gap, or the reason; and by profile, whether it can
    fit (None) or why not. ``folded`` are the ops whose results are constants of the program.
    """

    engine: str
    gaps: tuple[Gap, ...]
    reason: str
    fits: dict[str, str | None]
    folded: tuple[int, ...] = ()


def runnable(model: Model, profiles: Sequence[Profile]) -> Verdict:
    """Ask the engine aot, without building anything."""
    from hil.engines.registry import engine
    from hil.firmware.fit import why_unfit
    from hil.tflite.fold import foldable

    try:
        sources = engine("aot").sources(model)
    except UnsupportedModel as error:
        left = {gap.op for gap in error.gaps}
        folded = tuple(op.index for op in foldable(model.graph) if op.index not in left)
        return Verdict("aot", error.gaps, error.message, {}, folded)
    except ModelError as error:
        return Verdict("aot", (), error.message, {})
    fits = {one.name: why_unfit(sources, one) or None for one in profiles}
    return Verdict("aot", (), "", fits, sources.folded)


def _state(summary: ModelSummary) -> list[dict[str, object]]:
    """Tensors that keep their value from one inference to the next."""
    kept = [tensor for tensor in summary.graph.tensors if tensor.is_variable]
    return [{"index": t.index, "name": t.name, "nbytes": t.nbytes} for t in kept]


def _subgraphs(summary: ModelSummary) -> list[dict[str, object]]:
    """The subgraphs beside the one that runs."""
    return [
        {"name": graph.name, "ops": [op.name for op in graph.ops]}
        for graph in summary.graph.subgraphs
    ]


def _show_extras(summary: ModelSummary, more: Extras) -> None:
    lines = [
        f"signature '{one.key}': {', '.join(one.inputs)} -> {', '.join(one.outputs)}"
        + (f" (subgraph {one.subgraph})" if one.subgraph else "")
        for one in more.signatures
    ]
    lines += [
        f"state: tensor {index} ('{_short(str(name))}'), {nbytes:,} B"
        for index, name, nbytes in (one.values() for one in _state(summary))
    ]
    lines += [
        f"subgraph {number} '{graph.name}': {len(graph.ops)} ops"
        for number, graph in enumerate(summary.graph.subgraphs, start=1)
    ]
    if more.metadata:
        lines.append(f"metadata: {', '.join(more.metadata)}")
    lines += [f"packed file: {name}, {size:,} B" for name, size in more.files]
    if more.labels:
        shown = ", ".join(more.labels[:_LABELS_SHOWN])
        rest = len(more.labels) - _LABELS_SHOWN
        lines.append(f"labels: {shown}" + (f" and {rest} more" if rest > 0 else ""))
    if lines:
        typer.echo("\n" + "\n".join(lines))


def _show_verdict(summary: ModelSummary, verdict: Verdict) -> None:
    if verdict.folded:
        ops = [f"{index} {summary.graph.ops[index].name}" for index in verdict.folded]
        typer.echo(f"\nfolded into constants: ops {', '.join(ops)}")
    if verdict.gaps:
        typer.echo(f"\nthe engine {verdict.engine} cannot run these ops:")
        output.print_table(
            [">#", "op", "why", "supported"],
            [(str(gap.op), gap.name, gap.reason, gap.supported) for gap in verdict.gaps],
        )
    elif verdict.reason:
        typer.echo(f"\nthe engine {verdict.engine} cannot run it: {verdict.reason}")
    for name, reason in verdict.fits.items():
        typer.echo(f"{name}: {reason or 'can fit (code and static data are known after a build)'}")


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
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Number of variants to show; 0 shows all.")
    ] = 20,
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
        output.note("no variants match; run `hil quantize` first")
        return
    _show_variants(found)


def _show_variants(found: list[Variant]) -> None:
    columns = [
        "sha256",
        "float model",
        "scheme",
        "options",
        "calibrated with",
        ">size",
        ">same top-1",
        ">SQNR",
        "made",
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
    model, graph = summary.model, summary.graph
    typer.echo(
        f"{model.name}: {graph.dtype}, {len(graph.ops)} ops, {graph.macs:,} MACs, "
        f"weights {output.format_bytes(summary.weights_bytes)}, "
        f"file {output.format_bytes(model.size_bytes)}"
    )
    typer.echo(f"sha256 {model.sha256}")
    if graph.description:
        typer.echo(f"description: {graph.description}")
    largest = [
        f"op {i} {graph.ops[i].name} {output.format_bytes(summary.memory[i].activation_bytes)}"
        for i in summary.largest_activations
    ]
    typer.echo(
        f"activations: at most {output.format_bytes(summary.peak_live_bytes)} live at once; "
        f"largest inputs and outputs: {', '.join(largest) or 'none'}\n"
    )


def _show_ops(summary: ModelSummary) -> None:
    columns = [">#", "op", "output", "shape", "dtype", ">MACs", ">weights", ">live"]
    rows = []
    for op, memory in zip(summary.graph.ops, summary.memory, strict=True):
        name, shape, dtype, *_ = _tensor_cells(summary.graph.tensors[op.outputs[0]])
        sizes = (memory.weights_bytes, memory.live_bytes)
        cells = [str(op.index), op.name, name, shape, dtype, f"{op.macs:,}"]
        rows.append([*cells, *map(output.format_bytes, sizes)])
    output.print_table(columns, rows)
    typer.echo()


def _show_ends(summary: ModelSummary) -> None:
    columns = ["", "name", "shape", "dtype", ">bytes", "quantization"]
    rows = [("input", *_tensor_cells(tensor)) for tensor in summary.graph.input_tensors]
    rows += [("output", *_tensor_cells(tensor)) for tensor in summary.graph.output_tensors]
    output.print_table(columns, rows)


def _show_tensors(summary: ModelSummary) -> None:
    columns = [">tensor", "name", "shape", "dtype", ">bytes", "quantization", "alive"]
    rows = [
        (str(tensor.index), *_tensor_cells(tensor), _lifetime(summary, tensor))
        for tensor in summary.graph.tensors
    ]
    typer.echo()
    output.print_table(columns, rows)


def _tensor_cells(tensor: Tensor) -> tuple[str, str, str, str, str]:
    shape, quantization = _shape(tensor.shape), _quantization(tensor.quantization)
    return _short(tensor.name), shape, tensor.dtype, f"{tensor.nbytes:,}", quantization


def _quantization(quantization: Quantization | None) -> str:
    if quantization is None:
        return "none"
    if quantization.per_channel:
        return f"{quantization.scale.size} scales along axis {quantization.axis}"
    return f"scale {quantization.scale[0]:.7g}, zero point {quantization.zero_point[0]}"


def _lifetime(summary: ModelSummary, tensor: Tensor) -> str:
    if tensor.is_constant:
        return "constant"
    if (lifetime := summary.lifetimes[tensor.index]) is None:
        return "unused"
    first, last = lifetime
    end = "end" if last >= len(summary.graph.ops) else str(last)
    return f"{'start' if first < 0 else first} to {end}"


def _short(name: str) -> str:
    """The first of the names that a converter joins for fused ops; JSON has all."""
    first, *others = name.split(";")
    return f"{first} (+{len(others)})" if others else first


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(dim) for dim in shape) or "scalar"
