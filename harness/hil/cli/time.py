"""``hil time``: cycles of a part of any Cortex-M program."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import (
    JsonOption,
    MemoryModelOption,
    ProfileOption,
    ToolOptions,
    grouped,
    required_profiles,
)

if TYPE_CHECKING:
    from hil.bench.program_region import Timing
    from hil.measure.cycles.listing import ListedBlock

SCHEMA = "hil.time/1"
_FUNCTIONS_SHOWN = 15


@grouped
def time(
    elf: Annotated[Path, typer.Argument(help="The linked program.")],
    begin: Annotated[
        str,
        typer.Option(
            "--begin",
            metavar="SYMBOL|0x…",
            help="Function (or address) whose first instruction opens the region.",
        ),
    ],
    end: Annotated[
        str,
        typer.Option(
            "--end",
            metavar="SYMBOL|0x…",
            help="Function (or address) whose first instruction closes the region.",
        ),
    ],
    profile: ProfileOption = None,
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine",
            metavar="NAME",
            help="Machine that the program is linked for (default: the first that fits).",
        ),
    ] = None,
    windows: Annotated[
        int,
        typer.Option(
            "--windows",
            min=1,
            max=10_000,
            help="Number of passes through the region; the median is shown.",
        ),
    ] = 1,
    memory_model: MemoryModelOption = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds that the program may run."),
    ] = None,
    blocks: Annotated[
        int, typer.Option("--blocks", min=0, max=10_000, help="Hottest blocks to list.")
    ] = 10,
    tools: ToolOptions = ToolOptions(),
    json: JsonOption = False,
) -> None:
    """Time ELF between the functions --begin and --end.

    The program runs in an emulator with semihosting: its output is shown on stderr, and it can open
    files and run commands of this host, so time only programs that you trust.
    """
    from hil import settings as configuration
    from hil.bench.program_region import time_region

    settings = configuration.load(profile=profile, timeout_s=timeout, **vars(tools))
    timing = time_region(
        elf,
        required_profiles(settings)[0],
        begin=begin,
        end=end,
        machine=machine,
        windows=windows,
        timeout_s=settings.timeout_s,
        model=memory_model,
        n_blocks=blocks,
        on_output=_pass_on,
    )
    if json:
        output.emit_json(SCHEMA, "ok", _data(timing))
    else:
        _show(timing, begin, end)


def _pass_on(data: bytes) -> None:
    """Pass the program's output to stderr; stdout has the figures only."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(data.decode("utf-8", "backslashreplace"))
        sys.stderr.flush()


def _data(timing: Timing) -> dict[str, Any]:
    """The envelope's data; figures of a core without a timing model are null."""
    figures = timing.figures
    cycles, cpi, latency = (figures.get(name) for name in ("cycles", "cpi", "latency_us"))
    return {
        "cycles": int(cycles.value) if cycles else None,
        "instructions": int(figures["instructions"].value),
        "uncertainty_pct": cycles.uncertainty_pct if cycles else None,
        "cpi": cpi.value if cpi else None,
        "latency_us": latency.value if latency else None,
        "spread_pct": cycles.spread_pct if cycles else None,
        "windows": timing.totals,
        "functions": timing.functions,
        "blocks": [_block(block) for block in timing.blocks],
        "machine": timing.machine,
        "core": timing.core,
        "profile": timing.profile.name,
        "clock_hz": timing.profile.clock.hz,
        "target": timing.target,
        "target_tool": timing.trace.tool,
        "notes": timing.notes,
    }


def _block(block: ListedBlock) -> dict[str, Any]:
    lines = [
        {
            "address": f"0x{line.address:08x}",
            "text": line.text,
            "cycles": line.cycles,
            "reasons": [{"rule": rule, "cycles": cycles} for rule, cycles in line.reasons],
        }
        for line in block.instructions
    ]
    return {
        "start": f"0x{block.start:08x}",
        "end": f"0x{block.end:08x}",
        "name": block.name,
        "executed": block.executed,
        "taken": block.taken,
        "entered": block.entered,
        "cycles": block.cycles,
        "share_pct": block.share_pct,
        "flash_wait": block.flash_wait,
        "instructions": lines,
    }


def _show(timing: Timing, begin: str, end: str) -> None:
    from hil.measure.cycles.listing import render

    profile = timing.profile
    passes = len(timing.totals)
    typer.echo(
        f"{timing.elf.name} from {begin} to {end} on {profile.name} ({timing.core} at "
        f"{output.format_value(profile.clock.hz, 'Hz')}) [{timing.target} {timing.machine}]"
        + (f", median of {passes} passes" if passes > 1 else "")
    )
    output.print_figures(timing.figures)
    if timing.functions:
        typer.echo()
        _show_functions(timing)
    for text in timing.notes:
        typer.echo(f"note: {text}")
    if timing.blocks:
        typer.echo(f"\nthe {len(timing.blocks)} hottest blocks, cycles a run\n")
        typer.echo(render(timing.blocks))


def _show_functions(timing: Timing) -> None:
    total = max(1, sum(row.cycles for row in timing.functions))
    columns = ["function", ">cycles", ">share", ">instructions", ">cpi"]
    rows = [
        (
            row.name,
            f"{row.cycles:,}",
            f"{100 * row.cycles / total:.1f} %",
            f"{row.instructions:,}",
            f"{row.cycles / max(1, row.instructions):.2f}",
        )
        for row in timing.functions[:_FUNCTIONS_SHOWN]
    ]
    output.print_table(columns, rows)
    if len(timing.functions) > _FUNCTIONS_SHOWN:
        typer.echo(f"and {len(timing.functions) - _FUNCTIONS_SHOWN} more functions")
