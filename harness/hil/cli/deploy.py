"""``hil deploy``: a model's firmware onto a board, where it is left running."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output
from hil.cli.board_options import BoardOptions
from hil.cli.options import (
    CalibrationOptions,
    JsonOption,
    ProfileOption,
    QuantizeOption,
    TargetOptions,
    grouped,
)
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.bench.deploy import Deployed
    from hil.targets.interface import Start

_SHOWN = 12  # digits of a build id


@grouped
def deploy(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    board: BoardOptions = BoardOptions(),
    profile: ProfileOption = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="NAME", help="Inference engine, such as 'aot'."),
    ] = None,
    optimize: Annotated[
        Literal["-O2", "-O3", "-Os"] | None,
        typer.Option("--optimize", help="Optimization of the kernels."),
    ] = None,
    mlperf: Annotated[
        str | None,
        typer.Option(
            "--mlperf",
            metavar="TASK",
            help="Answer MLPerf Tiny's runner as this task: kws01, vww01, ic01 …",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds that one answer of the device may take."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="DIR", help="Keep generated sources and ELF in this folder."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Flash the board though it runs this firmware.")
    ] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Reset the board where it runs this firmware.")
    ] = False,
    quantize: QuantizeOption = None,
    calibration: CalibrationOptions = CalibrationOptions(),
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Flash the firmware of MODEL into a board and leave it running.

    Nothing is measured or stored. A board that runs this very firmware already (its build id says
    so) is not flashed again. Exit code 3: it does not fit, or flashing failed; 4: the board, its
    probe or a tool is missing.
    """
    from hil import settings as configuration
    from hil.bench.deploy import deploy as carry_out
    from hil.bench.pipeline import Request
    from hil.tflite.model import Model

    if board.board is None:
        raise UsageError("no board given", hint="add --board NAME; `hil board list` shows them")
    settings = configuration.load(
        engine=engine, optimize=optimize, timeout_s=timeout, **board.over(tools)
    )
    variant = calibration.request(quantize)
    (device,) = board.profiles(settings, [profile] if profile else None)
    request = Request(
        model=Model.read(model),
        profile=device,
        engine=settings.engine,
        target=settings.target,
        machine=board.board,
        optimize=settings.optimize,
        timeout_s=settings.timeout_s,
        wait_s=board.wait_s,
        keep=keep,
        variant=variant,
        mlperf=mlperf,
    )
    start: Start = "flash" if force else "reset" if reset else "as needed"
    with output.progress(f"{request.model.name} on {board.board}", quiet=json) as shown:
        deployed = carry_out(request, start, shown.stage)
    _show(deployed, start, as_json=json)


def _show(deployed: Deployed, start: Start, *, as_json: bool) -> None:
    firmware, facts = deployed.firmware, deployed.facts
    sizes = {
        "flash_bytes": sum(firmware.flash_by_owner.values()),
        "ram_bytes": sum(firmware.ram_by_owner.values()),
        "arena_bytes": deployed.arena_bytes,
    }
    if as_json:
        data: dict[str, Any] = {
            "model": deployed.model,
            "profile": deployed.profile,
            "engine": deployed.engine,
            "firmware_sha256": firmware.sha256,
            "elf": firmware.elf,
            **sizes,
            "reset": start == "reset" or facts["flashed"],
            **facts,
        }
        output.emit_json("hil.deploy/1", "ok", data)
        return
    done = "flashed and verified" if facts["flashed"] else "not flashed: it runs this firmware"
    if start == "reset" and not facts["flashed"]:
        done = "reset; not flashed: it runs this firmware"
    typer.echo(
        f"{deployed.model} runs on {facts['board']} ({deployed.profile}), engine {deployed.engine}"
    )
    typer.echo(f"{done}; build {str(facts['firmware_build_id'])[:_SHOWN]}, {facts['board_port']}")
    shown = (f"{name.removesuffix('_bytes')} {output.format_bytes(n)}" for name, n in sizes.items())
    typer.echo(", ".join(shown))
