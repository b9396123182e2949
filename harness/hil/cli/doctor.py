"""``hil doctor``: what is missing on this host, and the command that installs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hil.cli import output
from hil.cli.options import DbOption, JsonOption, ToolOptions, grouped

if TYPE_CHECKING:
    from hil.records import Finding

_SCHEMA = "hil.doctor/1"


@grouped
def doctor(
    db: DbOption = None,
    tools: ToolOptions = ToolOptions(),
    json: JsonOption = False,
) -> None:
    """Check that the tools that hil needs are installed.

    For a missing one, the command that installs it is shown. Exit code 0: runs can work on this
    host; 4: something that they need is missing.
    """
    from hil import settings as configuration
    from hil.doctor import examine

    settings = configuration.load(db=db, **vars(tools))
    with output.progress() as shown:
        shown.show("checking the tools of this host")
        findings = examine(settings.db)
    missing = [finding for finding in findings if finding.state == "missing"]
    if json:
        errors = [{"message": f"{f.name}: {f.detail}", "hint": f.install} for f in missing]
        output.emit_json(_SCHEMA, "error" if missing else "ok", {"checks": findings}, errors)
    else:
        detail = output.Column("detail", fold=True)
        output.print_table(
            ["", "tool", "version", detail],
            [(f.state, f.name, f.version, f.detail) for f in findings],
        )
        _show_commands([f for f in findings if f.state != "ok" and f.install])
    if missing:
        names = ", ".join(finding.name for finding in missing)
        output.error(f"missing on this host: {names}", "`hil doctor` shows how to install it")
        raise typer.Exit(4)


def _show_commands(findings: list[Finding]) -> None:
    for finding in findings:
        word = "needed" if finding.state == "missing" else "optional"
        typer.echo(f"\n{finding.name} ({word}):\n  {finding.install}")
