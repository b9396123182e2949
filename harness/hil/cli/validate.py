"""``hil validate``: the timing and power models against measurements on silicon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.energy import show_power
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.validation.cycles import Comparison, Validation

_SCHEMA = "hil.validate/1"


def validate(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--set", metavar="DIR", help="Folder of ELFs with a set.toml (docs/validation.md)."
        ),
    ] = None,
    energy: Annotated[
        bool,
        typer.Option("--energy", help="Compare the power model with published energies instead."),
    ] = False,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write reports/validation/<core>.json, which bands use."),
    ] = False,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Also fit the free parameters to the fitted half."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare the timing or the power model with silicon.

    With --set, every program of the set runs in an emulator, and the modelled cycles of the region
    between its symbols, at 0 wait states, are compared with the measured ones. With --energy,
    modelled energies are compared with published ones.
    """
    from hil.errors import UsageError

    if energy == (folder is not None) or (energy and (write or fit)):
        raise UsageError(
            "give either --set DIR, perhaps with --write or --fit, or --energy alone",
            hint="`hil validate --set DIR` compares cycles, `hil validate --energy` energies",
        )
    if folder is None:
        _energy(json)
    else:
        _cycles(folder, write=write, fit=fit, json=json)


def _cycles(folder: Path, *, write: bool, fit: bool, json: bool) -> None:
    from hil.validation.cycles import fit as fit_parameters
    from hil.validation.cycles import table, write_tables
    from hil.validation.cycles import validate as compare

    with output.progress() as shown:
        validation = compare(folder, shown.show)
    written = write_tables(validation) if write else ()
    tables = {name: table(validation, name) for name in validation.cores}
    fits = {name: fit_parameters(_of(validation, name)) for name in tables} if fit else {}
    if json:
        output.emit_json(
            _SCHEMA, "ok", {"cores": tables, "fits": fits, "written": [str(p) for p in written]}
        )
        return
    for name, data in tables.items():
        _show(name, data)
    for name, values in fits.items():
        text = ", ".join(f"{field} {value:g}" for field, value in values.items())
        output.note(f"{name}: least squares over the fitted half gives {text}")
    for path in written:
        output.note(f"wrote {path}")


def _energy(json: bool) -> None:
    from hil.validation.energy import energy_report

    report = energy_report()
    if json:
        output.emit_json(_SCHEMA, "ok", {"energy": report})
        return
    right = [">predicted", ">published", ">error"]
    output.print_table(
        ["board", "condition", "task", "submission", *right, output.Column("doubt", fold=True)],
        [
            (
                *(row.board, row.condition, row.task, row.submission),
                output.format_value(row.predicted_uj, "uJ"),
                output.format_value(row.published_uj, "uJ"),
                f"{row.error_pct:+.1f} %",
                row.doubt,
            )
            for row in report.rows
        ],
    )
    typer.echo()
    right = [">n", ">median", ">mean error", ">worst", ">band"]
    output.print_table(
        ["board", "profile", "condition", *right],
        [
            (
                *(one.board, one.profile or "-", one.condition, str(one.n)),
                f"{one.median_mw:.1f} mW",
                f"{one.mean_error_pct:.1f} %",
                f"{one.worst_error_pct:.1f} %",
                f"±{one.band_pct:.0f} %",
            )
            for one in report.boards
        ],
    )
    show_power(report)


def _of(validation: Validation, name: str) -> list[Comparison]:
    return [c for c in validation.comparisons if c.core.validated_as == name]


def _show(name: str, data: dict[str, Any]) -> None:
    right = [">predicted", ">measured", ">error"]
    columns = ["program", "kind", "half"]
    rows = [_row(one) for one in data["programs"]]
    output.print_table([*columns, *right, output.Column("left out", fold=True)], rows)
    typer.echo()
    means = [("half", split, value) for split, value in data["means"].items()]
    means += [("kind", kind, value) for kind, value in data["kinds"].items()]
    right = [">programs", ">mean error", ">worst"]
    output.print_table([name, *right], [_mean(*one) for one in means])
    typer.echo()
    bands = data["bands"].items()
    output.print_table(
        ["kind of code", ">band", "rests on"],
        [(kind, f"±{band['pct']:g} %", band["rests_on"]) for kind, band in bands],
    )


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["program"],
        one["kind"],
        one["split"],
        f"{one['predicted_cycles']:,}",
        f"{one['measured_cycles']:,}",
        f"{one['error_pct']:+.1f} %",
        one["left_out"],
    )


def _mean(what: str, name: str, value: dict[str, float]) -> tuple[str, ...]:
    count = f"{value['programs']:.0f}"
    if not value["programs"]:
        return f"{what} {name}", count, "-", "-"
    return f"{what} {name}", count, f"{value['mean_pct']:.1f} %", f"{value['worst_pct']:.1f} %"
