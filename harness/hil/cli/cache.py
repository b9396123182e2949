"""``hil cache``: the folder of rebuildable files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.errors import HilError

app = typer.Typer()

CacheDirOption = Annotated[
    str | None,
    typer.Option(
        "--cache-dir", metavar="DIR", help="Folder for rebuildable files (also: HIL_CACHE_DIR)."
    ),
]


@app.command("list")
def list_entries(cache_dir: CacheDirOption = None, json: JsonOption = False) -> None:
    """Show how many entries the cache has, by kind."""
    from hil.bench import caches

    cache = _folder(cache_dir)
    try:
        found = caches.summaries(cache)
    except OSError as error:
        raise _unreadable(cache, error) from error
    if json:
        output.emit_json("hil.cache.list/1", "ok", {"folder": cache, "kinds": found})
        return
    typer.echo(str(cache))
    output.print_table(
        ["kind", ">entries", ">bytes", ">oldest use"],
        [
            (
                one.kind,
                f"{one.entries:,}",
                f"{one.bytes:,}",
                "-" if one.oldest_days is None else f"{one.oldest_days:.1f} days",
            )
            for one in found
        ],
    )


@app.command("verify")
def verify(
    remove: Annotated[bool, typer.Option("--remove", help="Remove the damaged entries.")] = False,
    cache_dir: CacheDirOption = None,
    json: JsonOption = False,
) -> None:
    """Compare every firmware and every quantized model with its hashes.

    A damaged entry is never used, whether or not it is removed. Exit code 4 where one is left.
    """
    from hil.bench import caches
    from hil.errors import MissingTool

    cache = _folder(cache_dir)
    try:
        count, found = caches.damaged(cache)
    except OSError as error:
        raise _unreadable(cache, error) from error
    left = [one for one in found if not (remove and caches.remove(one.path))]
    if json:
        data = {"folder": cache, "verified": count, "damaged": found, "left": len(left)}
        output.emit_json("hil.cache.verify/1", "failed" if left else "ok", data)
    else:
        for one in found:
            typer.echo(f"damaged {one.kind}: {one.path}")
        typer.echo(f"{count} entries verified, {len(found)} damaged, {len(left)} left")
    if left:
        raise MissingTool(
            f"{len(left)} entries of the cache are damaged",
            hint="`hil cache verify --remove` removes them; they are made again when needed",
        )


@app.command("clean")
def clean(
    older: Annotated[
        float,
        typer.Option(
            "--older", metavar="DAYS", min=0, help="Only what was not used for so many days."
        ),
    ] = 0.0,
    cache_dir: CacheDirOption = None,
    json: JsonOption = False,
) -> None:
    """Remove entries of the cache; they are made again when needed.

    What a running build uses stays.
    """
    from hil.bench import caches

    cache = _folder(cache_dir)
    try:
        removed, size = caches.clean(cache, older)
    except OSError as error:
        raise _unreadable(cache, error) from error
    if json:
        data = {"folder": cache, "removed": removed, "bytes": size}
        output.emit_json("hil.cache.clean/1", "ok", data)
    else:
        typer.echo(f"{removed} entries removed, {size:,} bytes")


def _folder(cache_dir: str | None) -> Path:
    from hil import settings
    from hil.resources import cache_dir as folder

    settings.load(cache_dir=cache_dir)
    return folder()


def _unreadable(cache: Path, error: OSError) -> HilError:
    from hil.errors import MissingTool

    return MissingTool(
        f"the cache folder {cache} cannot be read: {error.strerror or error}",
        hint="check its permissions, or set HIL_CACHE_DIR to another folder",
    )
