"""Finished runs that could not be stored: files beside the database, until they can.

A file ``RUN_ID.json`` is the run's document. It lies in ``FILE.unstored/`` beside an SQLite file;
for another database, or where that folder cannot be written, below the state folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hil import files
from hil.errors import StoreError
from hil.records import RunRecord
from hil.resources import state_dir
from hil.store import documents
from hil.store.database import Location

Outcome = Literal["stored", "known", "damaged", "differs"]


@dataclass(frozen=True)
class Kept:
    """A file of a run, and what became of it; ``reason`` where it was not taken in."""

    path: Path
    run_id: str
    outcome: Outcome
    reason: str = ""


def folders(location: Location) -> list[Path]:
    """Where runs of a database are kept, the preferred folder first."""
    name = hashlib.sha256(location.label.encode()).hexdigest()[:16]
    own = state_dir() / "unstored" / name
    if location.file is None:
        return [own]
    return [location.file.with_name(location.file.name + ".unstored"), own]


def keep(location: Location, document: dict[str, Any]) -> Path | None:
    """Write a run's document into the first folder that takes it; None where none does."""
    for folder in folders(location):
        path = folder / f"{document['run_id']}.json"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            files.write_json(path, document)
            return path
    return None


def paths(location: Location) -> list[Path]:
    """The files of runs that are kept for a database."""
    return [path for folder in folders(location) for path in sorted(folder.glob("*.json"))]


def read(location: Location) -> Iterator[tuple[Path, RunRecord | StoreError]]:
    """The runs that are kept for a database, or why one cannot be read."""
    for path in paths(location):
        try:
            yield path, documents.load(RunRecord, json.loads(path.read_text("utf-8")), str(path))
        except StoreError as error:
            yield path, error
        except (OSError, ValueError) as error:
            yield path, StoreError(f"{path} cannot be read: {error}")
