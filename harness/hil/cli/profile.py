"""``hil profile``: lists and shows device profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption

app = typer.Typer()


@app.command("list")
def list_profiles(json: JsonOption = False) -> None:
    """List the device profiles that ship with hil."""
    from hil import devices

    loaded = [devices.load(name) for name in devices.names()]
    if json:
        data = [
            {
                "name": p.name,
                "title": p.title,
                "part": p.chip.part,
                "core": p.chip.core,
                "clock_hz": p.clock.hz,
                "flash_bytes": p.flash.size_bytes,
                "ram_bytes": p.main_ram.size_bytes,
                "emulation": p.emulation,
            }
            for p in loaded
        ]
        output.emit_json("hil.profile.list/1", "ok", {"profiles": data})
        return
    output.print_table(
        ["profile", "device", "core", ">clock", ">flash", ">RAM", "emulated on"],
        [
            (
                p.name,
                p.title,
                p.chip.core,
                output.format_value(p.clock.hz, "Hz"),
                output.format_bytes(p.flash.size_bytes),
                output.format_bytes(p.main_ram.size_bytes),
                ", ".join(name for names in p.emulation.values() for name in names),
            )
            for p in loaded
        ],
    )


@app.command()
def show(
    profile: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="Name of a profile, or a TOML file; with @48MHz at another clock.",
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Show a device profile, every number with its source."""
    from hil import devices
    from hil import settings as configuration

    configuration.load()  # the folder of calibrations may be set in a file
    loaded = devices.load(profile)
    data = loaded.model_dump(mode="json", by_alias=True)
    if json:
        output.emit_json("hil.profile.show/1", "ok", data)
        return
    typer.echo(f"{loaded.name}: {loaded.title}\n{loaded.description}")
    if loaded.calibration is not None:
        virtual = ", with a virtual board: not a measurement" * loaded.calibration.virtual
        typer.echo(f"calibrated {loaded.calibration.date}{virtual} (docs/calibration.md)")
    for note in loaded.notes:
        typer.echo(f"note: {note}")
    for title, section in _sections(data):
        typer.echo(f"\n{title}")
        for key, value in section.items():
            if key != "source" and value not in (None, ""):
                typer.echo(f"  {key:<18} {_value(key, value)}")
        if "source" in section:
            typer.echo(f"  source: {section['source']}")


def _sections(data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The tables of the profile, inner ones too; a list of tables gives one section each."""
    sections: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            inner = {k: v for k, v in value.items() if _is_table(v)}
            sections.append((key, {k: v for k, v in value.items() if k not in inner}))
            sections.extend((f"{key}: {title}", part) for title, part in _sections(inner))
        elif _is_table(value):
            sections.extend((f"{key}: {_title(item, i)}", item) for i, item in enumerate(value, 1))
    return sections


def _is_table(value: Any) -> bool:
    """A table, or a list of tables."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, Mapping)


def _title(item: Mapping[str, Any], number: int) -> str:
    return str(item.get("name") or item.get("activity") or item.get("model") or number)


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if key == "origin":
        return f"0x{value:08x}"
    if key.endswith("_bytes"):
        exact = f"{value:,} B"
        scaled = output.format_bytes(value)
        return exact if scaled == exact else f"{exact} ({scaled})"
    if key.endswith("hz") and isinstance(value, int):
        return f"{value:,} Hz ({output.format_value(value, 'Hz')})"
    return f"{value:,}" if isinstance(value, int) else str(value)
