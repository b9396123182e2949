"""Puts pages into a folder: only what changed is rendered, only what is ours is touched.

``.hil-site.json`` in the folder lists our files, each with the key of its content: a hash of all
that it was made of. A page whose key is unchanged is not rendered again; a page that is no longer
in the site is removed. Every file is replaced as a whole, and the list names a file before it is
written, so that an interrupted build leaves a site that can be read and continued.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil import files
from hil.errors import MissingTool, UsageError
from hil.report.site.names import LOCK, MANIFEST, OURS

_SCHEMA = "hil.site.files"
_VERSION = 1


@dataclass(frozen=True)
class Page:
    """A file of the site, by its path below the folder; ``render`` gives its text."""

    name: str
    key: str
    render: Callable[[], str]


@dataclass(frozen=True)
class Published:
    """The names of the files that were written, left as they were, and removed."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


def publish(
    folder: Path, pages: Sequence[Page], progress: Callable[[int, int], None] | None = None
) -> Published:
    """Write the pages in their order, then remove those of an earlier build that are left over.

    Raises:
        UsageError: the folder is a file, has a file of ours that another program made, or a list
            of files that is damaged or of a newer version of hil.
        MissingTool: the folder cannot be written.
    """
    for page in pages:
        assert OURS.fullmatch(page.name), page.name
    with _writing(folder):
        _prepare(folder)
        with files.locked(folder / LOCK):
            return _publish(folder, pages, progress or (lambda done, total: None))


def check_folder(folder: Path) -> None:
    """Check before any work that a site can be written into ``folder``.

    Raises:
        UsageError: it is a file, or its list of files is damaged or of a newer version of hil.
        MissingTool: it cannot be written.
    """
    with _writing(folder):
        _prepare(folder)
        _known(folder)


def _publish(
    folder: Path, pages: Sequence[Page], progress: Callable[[int, int], None]
) -> Published:
    known = _known(folder)
    _refuse_foreign(folder, known, pages)
    for place in {folder, *((folder / page.name).parent for page in pages)}:
        files.sweep_temporary(place)
    open_pages = [page for page in pages if known.get(page.name) != _entry(folder, page)]
    stale = sorted(known.keys() - {page.name for page in pages})
    if open_pages:
        pending = {page.name: "" for page in open_pages}
        _write_list(folder, known | pending)
    for done, page in enumerate(open_pages):
        progress(done, len(open_pages))
        _write_page(folder / page.name, page.render())
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    for name in {name.partition("/")[0] for name in stale if "/" in name}:
        with contextlib.suppress(OSError):  # a file that is not ours is in it
            (folder / name).rmdir()
    if open_pages or stale:
        _write_list(folder, {page.name: _entry(folder, page) for page in pages})
    written = {page.name for page in open_pages}
    return Published(
        tuple(page.name for page in open_pages),
        tuple(page.name for page in pages if page.name not in written),
        tuple(stale),
    )


def _entry(folder: Path, page: Page) -> str:
    """What the list says of a page that is there and of this key; other where it is missing."""
    try:
        size = (folder / page.name).stat().st_size
    except OSError:
        size = -1
    return f"{page.key} {size}"


def _write_page(path: Path, text: str) -> None:
    """Write without waiting for the disk: a page that a power loss cut has another size."""
    path.parent.mkdir(exist_ok=True)
    with files.replacing(path, sweeping=False) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def _write_list(folder: Path, entries: dict[str, str]) -> None:
    document = {"schema": f"{_SCHEMA}/{_VERSION}", "files": dict(sorted(entries.items()))}
    files.write_json(folder / MANIFEST, document, indent=0)


def _known(folder: Path) -> dict[str, str]:
    """Return our files in the folder: name to entry; the list is from outside and checked."""
    path = folder / MANIFEST
    hint = f"remove {path} and the pages of the site, or choose another folder with -o DIR"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"the list of the site's files, {path}, is damaged", hint=hint) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != f"{_SCHEMA}/{_VERSION}":
        name, _, number = schema.partition("/") if isinstance(schema, str) else ("", "", "")
        if name == _SCHEMA and number.isdecimal() and int(number) > _VERSION:
            raise UsageError(
                f"the site in {folder} is from a newer version of hil ({schema}, this one writes "
                f"{_SCHEMA}/{_VERSION})",
                hint="update hil, or choose another folder with -o DIR",
            )
        raise UsageError(f"the list of the site's files, {path}, is damaged", hint=hint)
    entries = document.get("files")
    if not isinstance(entries, dict) or not all(
        OURS.fullmatch(name) and isinstance(entry, str) for name, entry in entries.items()
    ):
        raise UsageError(f"the list of the site's files, {path}, is damaged", hint=hint)
    return entries


def _refuse_foreign(folder: Path, known: dict[str, str], pages: Sequence[Page]) -> None:
    taken = [
        path
        for path in {(folder / page.name).parent for page in pages}
        if path.exists() and not path.is_dir()
    ]
    taken += [
        folder / page.name
        for page in pages
        if page.name not in known and (folder / page.name).exists()
    ]
    if taken:
        raise UsageError(
            f"{min(taken)} exists and is not of a site that hil made",
            hint="choose an empty folder with -o DIR, or move the file away",
        )


def _prepare(folder: Path) -> None:
    """Make the folder; refuse what is not one."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder", hint="choose a folder with -o DIR")
    folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise MissingTool(
            f"cannot write the site into {folder}: {what}",
            hint="check the permissions and the space of the disk, or choose another -o DIR",
        ) from error
