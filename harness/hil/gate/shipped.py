"""Baselines that are shipped with hil: every ``reports/baselines/*.json``.

A file is read once per process, on first use; a run is validated only when it is loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hil.errors import InputError, StoreError
from hil.gate import exchange
from hil.records import RunRecord
from hil.resources import data_dir
from hil.store.baselines import MemberHead, Slot, slot_of


def heads() -> list[MemberHead]:
    """Return the members of all shipped baselines, by name.

    Raises:
        StoreError: a file of the installation is damaged.
    """
    return [head for name in _files() for head in _index(name)]


def load(name: str, slots: Iterable[Slot] | None = None) -> dict[Slot, RunRecord]:
    """Return runs of the shipped baseline ``name`` by their kind: all, or those of ``slots``.

    Raises:
        StoreError: the file is damaged.
    """
    wanted = None if slots is None else set(slots)
    path = _files()[name]
    runs = (
        _checked(path, entry)
        for head, entry in zip(_index(name), _document(path)["runs"], strict=True)
        if wanted is None or head.slot in wanted
    )
    return {slot_of(run): run for run in runs}


def _files() -> dict[str, Path]:
    folder = data_dir("reports") / "baselines"
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def _index(name: str) -> list[MemberHead]:
    path = _files()[name]
    document = _document(path)
    return [_head(path, name, document["exported_at"], entry) for entry in document["runs"]]


def _head(path: Path, name: str, exported_at: str, entry: Any) -> MemberHead:
    try:
        run = entry["run"]
        model = run["model"]
        slot = Slot(model["sha256"], run["profile_name"], run["target"], run["engine"])
        return MemberHead(name, slot, model["name"], run["run_id"], exported_at)
    except (KeyError, TypeError) as error:
        raise _broken(path, f"a run lacks {error}") from error


@functools.cache
def _document(path: Path) -> dict[str, Any]:
    try:
        document = exchange.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, InputError) as error:
        raise _broken(path, str(error)) from error
    if document["name"] != path.stem:
        raise _broken(path, f"its name is '{document['name']}'")
    return document


def _checked(path: Path, entry: Any) -> RunRecord:
    try:
        return exchange.run_of(entry, str(path))
    except InputError as error:
        raise _broken(path, error.message) from error


def _broken(path: Path, reason: str) -> StoreError:
    return StoreError(f"the shipped baseline {path.name}: {reason}", hint="reinstall hil")
