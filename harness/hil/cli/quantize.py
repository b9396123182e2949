"""``hil quantize``: a variant of a float model, and its quality."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import CalibrationOptions, DbOption, JsonOption, Scheme, grouped

if TYPE_CHECKING:
    from hil.errors import GateFailed
    from hil.quantization import Quantized
    from hil.records import Agreement, TensorRange, Variant, VariantRequest

SCHEMA = "hil.quantize/1"
_SHOWN = 10


@grouped
def quantize(
    model: Annotated[Path, typer.Argument(help="The float32 .tflite.")],
    scheme: Annotated[
        Scheme, typer.Option("--scheme", "-s", help="Data types and granularity of the variant.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the variant is written (default MODEL-SCHEME.tflite in this folder).",
        ),
    ] = None,
    calibration: CalibrationOptions = CalibrationOptions(),
    max_drop: Annotated[
        str | None,
        typer.Option(
            "--max-drop",
            metavar="PERCENT",
            help="Exit code 1 when the variant is worse than this on held-out samples, such as 2%: "
            "accuracy lost where they have labels, else top-1 disagreement with the float model.",
        ),
    ] = None,
    all_tensors: Annotated[
        bool, typer.Option("--all", help=f"Show all tensors, not the {_SHOWN} worst.")
    ] = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Quantize MODEL and compare the variant with it.

    Both run on the host's reference kernels, on the calibration samples and on held-out samples;
    the differences are shown by tensor and end to end. The variant and its quality are stored.
    Exit code 1: worse than --max-drop allows.
    """
    from hil import settings as configuration

    settings = configuration.load(db=db)
    limit = _share(max_drop)
    request = calibration.request(scheme)
    assert request is not None
    made, path = _make(model, request, out, settings.db, quiet=json)
    failure = _gate(made.variant, limit)
    if json:
        status = "failed" if failure else "ok"
        errors = [{"message": failure.message, "hint": failure.hint}] if failure else []
        output.emit_json(SCHEMA, status, _data(made.variant, path, limit), errors)
    else:
        _show(made.variant, path, all_tensors=all_tensors)
    if failure:
        raise failure


def _make(
    model: Path, request: VariantRequest, out: Path | None, db: str | None, *, quiet: bool
) -> tuple[Quantized, Path]:
    from hil import quantization as quantizing
    from hil.store import Store
    from hil.tflite.model import Model

    path = out or Path(quantizing.variant_name(model.stem, request.scheme) + ".tflite")
    _check_output(path, model)
    parent = Model.read(model)
    quantizing.check_parent(parent.graph)
    with Store.open(db) as store:
        with output.progress(model.name, quiet=quiet) as shown:
            made = quantizing.quantize(parent, request, shown.stage)
        output.write_file(path, made.model.content, "-o")
        store.variants.keep(made.variant)
    return made, path


def _share(text: str | None) -> float | None:
    """``2%`` as 0.02.

    Raises:
        UsageError: it is not a percentage from 0 to 100.
    """
    from hil.errors import UsageError

    if text is None:
        return None
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise UsageError(f"invalid --max-drop '{text}'", hint="write a percentage, such as 2%")
    return value / 100


def _check_output(path: Path, model: Path) -> None:
    """Reject a path that cannot be written before the work starts."""
    from hil.errors import UsageError

    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"the folder of {path} does not exist", hint=f"mkdir -p {folder}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="give a file name with -o")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder} cannot be written", hint="give another file with -o")
    if model.exists() and path.exists() and path.samefile(model):
        raise UsageError(f"{path} is the model itself", hint="give another file with -o")


def _gate(variant: Variant, limit: float | None) -> GateFailed | None:
    from hil.errors import GateFailed
    from hil.quantization import drop

    if limit is None:
        return None
    found, what = drop(variant)
    if found <= limit:
        return None
    return GateFailed(
        f"{variant.scheme} is {found:.2%} worse than the float model on held-out samples ({what}); "
        f"--max-drop allows {limit:.2%}",
        hint="try more or better samples, --method percentile:99.9, or a scheme with more bits",
    )


def _data(variant: Variant, path: Path, limit: float | None) -> dict[str, Any]:
    import dataclasses

    from hil.quantization import drop

    found, what = drop(variant)
    return {
        "path": str(path),
        **dataclasses.asdict(variant),
        "drop": found,
        "drop_of": what,
        "max_drop": limit,
    }


def _show(variant: Variant, path: Path, *, all_tensors: bool) -> None:
    _show_tensors(variant, len(variant.tensors) if all_tensors else _SHOWN)
    for agreement in variant.agreements:
        typer.echo(_agreement_line(agreement))
    options = [variant.options["method"], f"io {variant.options['io']}"]
    options += [variant.options["q_format"]] if variant.options["q_format"] else []
    typer.echo(
        f"{variant.scheme} ({', '.join(options)}) by {variant.library}, calibrated with "
        f"{variant.calibration_samples} samples of {variant.calibration}"
    )
    typer.echo(f"{path}: {output.format_bytes(variant.size_bytes)}, sha256 {variant.sha256[:12]}")


def _show_tensors(variant: Variant, count: int) -> None:
    columns = [
        ">tensor",
        "name",
        "kind",
        "dtype",
        ">SQNR",
        ">cosine",
        ">range seen",
        ">clipped",
        ">beyond",
    ]
    ranges = {r.index: r for r in variant.ranges}
    rows = [
        (
            str(t.index),
            _short(t.name),
            t.kind,
            t.dtype,
            "equal" if t.sqnr_db == math.inf else f"{t.sqnr_db:.1f} dB",
            f"{t.cosine:.5f}",
            *_range_cells(ranges.get(t.index)),
            _few(t.saturated),
        )
        for t in variant.tensors[:count]
    ]
    output.print_table(columns, rows)
    rest = len(variant.tensors) - len(rows)
    typer.echo(f"… {rest} more tensors are better (--all shows them)\n" if rest else "")


def _range_cells(found: TensorRange | None) -> tuple[str, str]:
    """The range seen in calibration, and the share of it that the method left out."""
    if found is None:
        return "", ""
    return f"{found.minimum:.4g} … {found.maximum:.4g}", _few(found.clipped)


def _few(share: float) -> str:
    """A share that is usually small; '' for 0."""
    if not share:
        return ""
    return "<0.01%" if share < 0.0001 else f"{share:.2%}"


def _agreement_line(agreement: Agreement) -> str:
    text = f"{agreement.data}: {agreement.samples} samples, "
    if agreement.top1 is not None:
        text += f"same top-1 class {agreement.top1:.2%}, "
    if agreement.accuracy is not None and agreement.parent_accuracy is not None:
        text += f"accuracy {agreement.accuracy:.2%} (float {agreement.parent_accuracy:.2%}), "
    sqnr = "outputs equal" if agreement.sqnr_db == math.inf else f"SQNR {agreement.sqnr_db:.1f} dB"
    return text + f"{sqnr}, cosine {agreement.cosine:.5f}"


def _short(name: str, width: int = 44) -> str:
    """The first of joined names, shortened at the front; JSON has all."""
    first, *others = name.split(";")
    first = f"…{first[1 - width :]}" if len(first) > width else first
    return f"{first} (+{len(others)})" if others else first
