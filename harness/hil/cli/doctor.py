"""``hil doctor``: what is missing on this machine, and the command that installs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hil.cli import output
from hil.cli.options import CacheDirOption, DbOption, EmulatorOption, JsonOption

if TYPE_CHECKING:
    from hil.records import Finding

_SCHEMA = "hil.doctor/1"


def doctor(
    db: DbOption = None,
    cache_dir: CacheDirOption = None,
    emulator: EmulatorOption = None,
    json: JsonOption = False,
) -> None:
    """Check the tools that hil needs; show what is missing and how to install it.

    Exit code 0: runs will work here; 4: something that they need is missing.
    """
    from hil import settings as configuration
    from hil.doctor import examine

    settings = configuration.load(db=db, cache_dir=cache_dir, emulator=emulator)
    with output.progress() as show:
        show("looking at the tools of this machine")
        findings = examine(settings.db)
    missing = [finding for finding in findings if finding.state == "missing"]
    if json:
        errors = [{"message": f"{f.name}: {f.detail}", "hint": f.install} for f in missing]
        output.emit_json(_SCHEMA, "error" if missing else "ok", {"checks": findings}, errors)
    else:
        columns = [*map(output.Column, ("", "tool", "version")), output.Column("detail", fold=True)]
        output.print_table(columns, [(f.state, f.name, f.version, f.detail) for f in findings])
        _show_commands([f for f in findings if f.state != "ok" and f.install])
    if missing:
        names = ", ".join(finding.name for finding in missing)
        output.error(f"missing here: {names}", "`hil doctor` shows the commands that install it")
        raise typer.Exit(4)


def _show_commands(findings: list[Finding]) -> None:
    for finding in findings:
        word = "needed" if finding.state == "missing" else "optional"
        typer.echo(f"\n{finding.name} ({word}):\n  {finding.install}")
