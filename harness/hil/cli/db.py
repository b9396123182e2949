"""``hil db``: the database as a whole."""

from __future__ import annotations

import contextlib
import gzip
import io
import json as json_module
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption
from hil.errors import StoreError, UsageError

if TYPE_CHECKING:
    from hil.store.transfer import Imported

app = typer.Typer()

_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"


@app.command("export")
def export(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE|-", help="Where to write, '-' is stdout; .gz is compressed."),
    ],
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Write all records of the database as lines of JSON.

    `hil db import` reads them, into SQLite or PostgreSQL. Databases with the same content give the
    same file.
    """
    from hil.store import transfer

    to_stdout = str(file) == "-"
    if json and to_stdout:
        raise UsageError("'-' and --json both write to stdout", hint="give a file")
    with stores.opened(db, read_only=True) as store, _writing(file, to_stdout=to_stdout) as out:
        last: dict[str, Any] = {}
        for last in transfer.exported(store):
            out.write(json_module.dumps(last, separators=(",", ":")) + "\n")
    if json:
        data = {"path": str(file), "records": last["end"]}
        output.emit_json("hil.db.export/1", "ok", data)
    elif not to_stdout:
        typer.echo(file)


@app.command("import")
def import_records(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL|-",
            help="A file of `hil db export` ('-' is stdin), or another database.",
        ),
    ],
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Add the records of an export or of another database to this one.

    What is there already stays, so that repeating it is harmless. A record that differs from the
    stored one of the same id is left out and named; the exit code is then 4.
    """
    from hil.settings import without_password
    from hil.store import transfer

    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(_lines(source))
        store = stack.enter_context(stores.opened(db, create=True))
        with output.progress(quiet=json) as shown:
            shown.show(f"importing into {store.label}")
            imported = transfer.import_lines(store, lines)
        label = store.label
    _show(imported, without_password(source), label, as_json=json)


@app.command("check")
def check(db: DbOption = None, json: JsonOption = False) -> None:
    """Read the whole database and report what is damaged.

    Every record is read and compared with its columns. Exit code 4 where something is damaged.
    """
    from hil.store import unstored, upkeep

    with stores.opened(db, read_only=True) as store:
        problems = upkeep.check(store)
        kept = unstored.paths(store.location)
        label = store.label
    if json:
        data = {"database": label, "problems": problems, "kept": kept}
        output.emit_json("hil.db.check/1", "failed" if problems else "ok", data)
    else:
        rows = [(problem.table or "-", problem.key or "-", problem.reason) for problem in problems]
        if rows:
            output.print_table(["table", "row", "problem"], rows)
    if kept:
        output.note(f"note: {len(kept)} finished runs are kept beside it; `hil db recover`")
    if problems:
        raise StoreError(
            f"{label} has {len(problems)} problem{'s' * (len(problems) > 1)}",
            hint="restore it from a copy, or `hil db export` what can be read",
        )
    if not json:
        typer.echo(f"{label}: no problem found")


@app.command("recover")
def recover(db: DbOption = None, json: JsonOption = False) -> None:
    """Store finished runs that were kept as files.

    A file is removed once its run is stored. Exit code 4 where one cannot be taken in.
    """
    from hil.store import upkeep

    with stores.opened(db, create=True) as store:
        found = upkeep.recover(store)
    left = [one for one in found if one.reason]
    if json:
        output.emit_json("hil.db.recover/1", "failed" if left else "ok", {"runs": found})
    elif found:
        columns = ["run", "outcome", "file", "reason"]
        rows = [(one.run_id, one.outcome, str(one.path), one.reason or "-") for one in found]
        output.print_table(columns, rows)
    else:
        typer.echo("no runs are kept beside the database")
    if left:
        raise StoreError(
            f"{len(left)} of {len(found)} files could not be taken in",
            hint="look at the files above; they were left as they are",
        )


@app.command("vacuum")
def vacuum(db: DbOption = None, json: JsonOption = False) -> None:
    """Give the space of deleted records back to the disk."""
    from hil.store import upkeep

    with stores.opened(db) as store:
        before, after = upkeep.vacuum(store)
        label = store.label
    if json:
        data = {"database": label, "bytes_before": before, "bytes_after": after}
        output.emit_json("hil.db.vacuum/1", "ok", data)
    elif before is None:
        typer.echo(f"{label}: done")
    else:
        typer.echo(f"{label}: {before:,} bytes before, {after:,} bytes after")


def _show(imported: Imported, source: str, label: str, *, as_json: bool) -> None:
    left = imported.conflicts
    error = StoreError(
        f"{len(left)} records of {source} differ from those in {label} and were left out: "
        f"{', '.join(left[:3])}{', …' if len(left) > 3 else ''}",
        hint="import them into another database with --db, or delete one of each first",
    )
    if as_json:
        data = {
            **{name: dict(getattr(imported, name)) for name in ("added", "replaced", "same")},
            "conflicts": left,
        }
        problems = [{"message": error.message, "hint": error.hint}] if left else []
        output.emit_json("hil.db.import/1", "error" if left else "ok", data, problems)
    else:
        for kind in dict.fromkeys((*imported.added, *imported.replaced, *imported.same)):
            typer.echo(
                f"{kind}s: {imported.added[kind]} added, {imported.replaced[kind]} replaced, "
                f"{imported.same[kind]} there already"
            )
        if not (imported.added or imported.replaced or imported.same or left):
            typer.echo("nothing to import")
    if left:
        raise error


@contextlib.contextmanager
def _writing(file: Path, *, to_stdout: bool) -> Iterator[IO[str]]:
    """Open the file for lines; it appears when all are written."""
    from hil import files

    if to_stdout:
        yield sys.stdout
        return
    try:
        with files.replacing(file.resolve()) as path, path.open("wb") as raw:
            if file.suffix != ".gz":
                with io.TextIOWrapper(raw, encoding="utf-8") as plain:
                    yield plain
                return
            # No time and no name in the header: the same records give the same bytes.
            with (
                gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8") as text,
            ):
                yield text
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror or error}", hint="give another file"
        ) from error


@contextlib.contextmanager
def _lines(source: str) -> Iterator[Iterator[Any]]:
    """The records of a source: an export, or a database."""
    if source == "-":
        yield _parsed(sys.stdin)
        return
    path = Path(source).expanduser()
    try:
        beginning = b"" if "://" in source else _beginning(path)
    except OSError as error:
        raise UsageError(
            f"cannot read {source}: {error.strerror or error}",
            hint="give a file of `hil db export`, a database file or its URL",
        ) from error
    if "://" in source or beginning == _SQLITE:
        from hil.store import Store, transfer

        with Store.open(source, create=False, read_only=True) as store:
            yield transfer.exported(store)
        return
    opener: Any = gzip.open if beginning.startswith(_GZIP) else open
    with opener(path, "rt", encoding="utf-8") as file:
        yield _parsed(file)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def _parsed(file: IO[str]) -> Iterator[Any]:
    number = 0
    try:
        for line in file:
            number += 1
            yield json_module.loads(line)
    except (ValueError, RecursionError, EOFError, OSError) as error:
        raise UsageError(
            f"line {number + 1} of the export cannot be read: {error}",
            hint="the file is damaged or not an export; export it again",
        ) from error
