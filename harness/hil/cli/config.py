"""``hil config show``: the settings in force, and the origin of each."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption

app = typer.Typer()


@app.command()
def show(
    origin: Annotated[
        bool,
        typer.Option("--origin", help="Show where each value comes from."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the settings in force in this folder.

    Precedence: flags, HIL_* variables, hil.toml here or above, the user's config.toml, built-in.
    """
    from hil import settings as configuration

    settings = configuration.load()
    rows = [
        {
            "key": key,
            "value": _shown(getattr(settings, key)),
            "origin": settings.origin(key).kind,
            "where": settings.origin(key).where,
            "variable": configuration.variable(key),
            "description": field.description or "",
        }
        for key, field in configuration.Settings.model_fields.items()
    ]
    if json:
        files = {"project": configuration.PROJECT_FILE, "user": configuration.user_config_file()}
        output.emit_json("hil.config.show/1", "ok", {"settings": rows, "files": files})
        return
    columns = ["key", "value", *(["origin", "where"] if origin else []), "meaning"]
    output.print_table(
        columns,
        [
            (
                row["key"],
                "-" if row["value"] is None else str(row["value"]),
                *((row["origin"], row["where"]) if origin else ()),
                row["description"],
            )
            for row in rows
        ],
    )


def _shown(value: Any) -> Any:
    from hil.settings import without_password

    return without_password(value) if isinstance(value, str) else value
