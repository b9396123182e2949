"""``hil memory``: memory that a model needs, without building or running a firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.engines.tflm.host import HostArena
    from hil.tflite.model import Model

SCHEMA = "hil.memory/1"


def memory(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    engine: Annotated[
        Literal["aot", "tflm-host"],
        typer.Option(
            "--engine",
            help="aot's plan for the device, or TensorFlow Lite Micro's arena on this host.",
        ),
    ] = "aot",
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Check whether it can fit (aot); may be repeated.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the arena that MODEL needs, by parts.

    With tflm-host the figures are those of this host, whose pointers have 64 bits: on a device
    tensors have the same size, TFLM's own structures are smaller. `hil run` measures the arena on
    the device.
    """
    from hil.errors import UsageError
    from hil.tflite.model import Model

    if profile and engine != "aot":
        raise UsageError(
            "figures of this host do not apply to a device",
            hint="leave out --profile, or use --engine aot",
        )
    parsed = Model.read(model)
    if engine == "tflm-host":
        _tflm_host(parsed, as_json=json)
    else:
        _aot(parsed, profile or [], as_json=json)


def _tflm_host(model: Model, *, as_json: bool) -> None:
    from hil.engines.tflm import host as tflm_host

    found = tflm_host.arena(model)
    if as_json:
        parts = [
            {"name": p.name, "used_bytes": p.used_bytes, "count": p.count} for p in found.parts
        ]
        _emit(model, "tflm-host", found.version, tflm_host.WHERE, found.figures, parts=parts)
        return
    typer.echo(
        f"{model.name} ({model.graph.dtype}) in {tflm_host.PACKAGE} {found.version}: "
        f"{tflm_host.WHERE}, not of a device"
    )
    output.print_table(["part", ">bytes", "kind", "holds"], _host_rows(found))


def _host_rows(found: HostArena) -> list[tuple[str, str, str, str]]:
    rows = [
        ("arena", found.total_bytes, "all of it"),
        ("  non-persistent", found.nonpersistent_bytes, "activations and scratch, by lifetime"),
        ("  persistent", found.persistent_bytes, "what lives as long as the interpreter"),
    ]
    rows += [(f"    {p.name}", p.used_bytes, f"{p.count:,} of them") for p in found.parts]
    rest = found.persistent_bytes - sum(part.used_bytes for part in found.parts)
    if rest > 0:
        rows.append(("    everything else", rest, "not recorded by kind"))
    return [(name, f"{size:,}", "static", text) for name, size, text in rows]


def _aot(model: Model, names: list[str], *, as_json: bool) -> None:
    from hil import devices
    from hil.engines.registry import engine
    from hil.firmware.fit import why_unfit
    from hil.records import Measurement

    loaded = [devices.load(name) for name in names]
    sources = engine("aot").sources(model)
    sizes = {
        "arena_bytes": (sources.plan.arena_bytes, "planned ahead from tensor lifetimes"),
        "weights_bytes": (sources.weights_bytes, "constant tensors, in flash"),
        "tables_bytes": (sources.tables_bytes, "requantization and look-up tables, in flash"),
    }
    figures = {
        name: Measurement(name, size, "bytes", "static", 0.0, source=source)
        for name, (size, source) in sizes.items()
    }
    fits = {profile.name: why_unfit(sources, profile) for profile in loaded}
    if as_json:
        where = "the device, planned"
        _emit(model, "aot", sources.engine_version, where, figures, fits=fits)
        return
    typer.echo(f"{model.name} ({model.graph.dtype}) by engine aot, as planned for the device")
    output.print_figures(figures)
    peak = model.graph.ops[sources.plan.peak_op]
    typer.echo(f"the arena is fullest at op {peak.index}, {peak.name}")
    for name, reason in fits.items():
        typer.echo(f"{name}: " + (reason or "it can fit (code is known only after a build)"))


def _emit(model: Model, engine: str, version: str, where: str, figures: Any, **more: Any) -> None:
    data = {
        "model": {"name": model.name, "sha256": model.sha256, "dtype": model.graph.dtype},
        "engine": engine,
        "engine_version": version,
        "where": where,
        "figures": figures,
    }
    output.emit_json(SCHEMA, "ok", {**data, **more})
