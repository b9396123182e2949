"""``hil calibrate``: fits a profile to measurements of a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption

if TYPE_CHECKING:
    from hil.calibrate import Outcome


def calibrate(
    profile: Annotated[
        str,
        typer.Option("--profile", "-p", metavar="NAME|FILE", help="Device profile to calibrate."),
    ],
    measurements: Annotated[
        Path,
        typer.Option(
            "--measurements",
            metavar="FILE",
            help="Measurements of the board: TOML or CSV (docs/calibration.md).",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File of the calibration, instead of one in the folder that runs read.",
        ),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Fit a profile to measurements of a board.

    Each measurement is matched with the stored emulated run of the same model. The result is an
    overlay that narrows the band of later runs on this profile; `hil profile show` shows it.
    """
    from hil import calibrate as calibration
    from hil import devices
    from hil.devices import overlays
    from hil.resources import overlay_dir

    loaded = devices.load(profile, overlays=False)
    rows = calibration.read_measurements(measurements)
    with stores.opened(db, read_only=True) as store:
        pairs = calibration.match(loaded, rows, store)
    outcome = calibration.calibrate(loaded, pairs)
    path = out or overlay_dir() / f"{loaded.name}.toml"
    overlays.write(outcome.calibration, path)
    if json:
        data = {
            "path": path,
            "calibration": outcome.calibration,
            "messages": outcome.messages,
            "band_before_pct": outcome.band_before_pct,
        }
        output.emit_json("hil.calibrate/1", "ok", data)
        return
    _show(outcome)
    typer.echo(f"written: {path}")


def _show(outcome: Outcome) -> None:
    found = outcome.calibration
    output.print_table(
        ["firmware", ">measured", ">modelled", ">off", ">power", "used"],
        [
            (
                row.model,
                _number(row.measured_cycles),
                _number(row.modelled_cycles),
                "-" if row.residual_pct is None else f"{row.residual_pct:+.2f} %",
                "-" if row.power_mw is None else f"{row.power_mw:.4g} mW",
                row.why or "yes",
            )
            for row in found.rows
        ],
    )
    if found.flash is not None:
        typer.echo(
            f"prefetch hides {100 * found.flash.prefetch_hidden:.1f} % of sequential flash waits "
            f"(standard error {100 * found.flash.standard_error:.1f} %)"
        )
    if found.cycles is not None:
        before = outcome.band_before_pct
        was = f", was ±{before:.3g} %" if before is not None else ""
        typer.echo(f"band of cycles: ±{found.cycles.uncertainty_pct:.3g} %{was}")
    if found.power is not None:
        typer.echo(
            f"active power: {found.power.active_mw:.4g} mW at {found.power.volts:g} V "
            f"±{found.power.uncertainty_pct:.3g} %"
        )
    for message in outcome.messages:
        typer.echo(f"note: {message}")


def _number(value: float | None) -> str:
    return "-" if value is None else output.format_number(round(value))
