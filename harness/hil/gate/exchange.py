"""Baselines as files: ``hil.baseline/1``.

::

    {"schema": "hil.baseline/1", "name": "…", "hil_version": "…", "exported_at": "…",
     "runs": [{"sha256": "…", "run": {…}}, …]}

``run`` is the run's document (``hil.store.documents``), ``sha256`` the hash of its canonical JSON
(``documents.digest``): a file that was edited or truncated is refused. ``hil.gate.layout`` spreads
it over lines; however the lines are broken, it is the same baseline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hil.errors import InputError, UsageError
from hil.gate import layout, plausible
from hil.gate.scrub import without_folders
from hil.records import RunRecord
from hil.store.baselines import slot_of
from hil.store.documents import (
    InvalidDocument,
    NewerDocument,
    check_lossless,
    digest,
    from_document,
    to_document,
)

SCHEMA = "hil.baseline/1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_KEYS = {"schema", "name", "hil_version", "exported_at", "runs"}


def check_name(name: str) -> str:
    """Return ``name`` if it is a valid name of a baseline.

    Raises:
        UsageError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is an invalid baseline name",
            hint="use letters, digits, '.', '_', '+' and '-', at most 64, such as main or v1.2",
        )
    return name


def check_run(run: RunRecord) -> RunRecord:
    """Return ``run`` if it can belong to a baseline: it passed, and has figures of a model.

    Raises:
        UsageError: it does not.
    """
    if run.status != "passed" or run.model is None or not run.measurements:
        raise UsageError(
            f"the run {run.run_id} cannot be a baseline: it is {run.status}",
            hint="only a run that passed is a result; `hil history --status passed` lists them",
        )
    return run


def dumps(name: str, runs: Iterable[RunRecord], before: str = "") -> str:
    """Return a baseline as the text of a file, without folders of this machine.

    ``before`` is the file's present text: it is returned where it holds the same runs already.
    """
    documents = [to_document(without_folders(run)) for run in runs]
    entries = [{"sha256": digest(document), "run": document} for document in documents]
    head = {
        "schema": SCHEMA,
        "name": name,
        "hil_version": version("hil"),
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return layout.text({**_head_of(before, name, entries, head), "runs": entries})


def _head_of(
    before: str, name: str, entries: Iterable[Mapping[str, Any]], head: dict[str, Any]
) -> dict[str, Any]:
    """Return the head of the file before, if it is of the same runs, else the new one."""
    try:
        old = parse(before, "")
        known = {entry["sha256"] for entry in old["runs"]}
    except (InputError, KeyError, TypeError):
        return head
    if old["name"] != name or known != {entry["sha256"] for entry in entries}:
        return head
    return {key: old[key] for key in head}


def read(path: Path) -> tuple[str, list[RunRecord]]:
    """Return the name and the runs of a baseline's file.

    Raises:
        InputError: the file cannot be read, is damaged, was changed, or is of a newer version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(
            f"cannot read the baseline {path}: {reason}",
            hint="give a file that `hil baseline export` wrote",
        ) from error
    document = parse(text, str(path))
    return document["name"], runs_of(document, str(path))


def text_of(path: Path) -> str:
    """Return the text of a file that may not exist yet, or may be something else."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""


def parse(text: str, where: str) -> dict[str, Any]:
    """Return the file's JSON with its head checked; ``runs_of`` checks the runs.

    Raises:
        InputError: it is not JSON, not a baseline, or of a newer version.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, f"it is not JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("schema"), str):
        raise _damaged(where, "it has no schema")
    _check_schema(document["schema"], where)
    if set(document) != _KEYS or not isinstance(document["runs"], list):
        raise _damaged(where, f"it must have {', '.join(sorted(_KEYS))} and nothing else")
    if not plausible.is_time(document["exported_at"]):
        raise _damaged(where, "exported_at is not a date and time (ISO 8601)")
    if not isinstance(document["name"], str) or not _NAME.fullmatch(document["name"]):
        raise _damaged(where, f"{document['name']!r} is an invalid baseline name")
    return document


def runs_of(document: dict[str, Any], where: str) -> list[RunRecord]:
    """Return the runs of a parsed file.

    Raises:
        InputError: one of them is damaged, was changed, did not pass, or occurs twice.
    """
    runs = [run_of(entry, f"{where}: run {i}") for i, entry in enumerate(document["runs"], 1)]
    if not runs:
        raise _damaged(where, "it contains no run")
    seen = set()
    for run in runs:
        slot = slot_of(run)
        if slot in seen:
            raise _damaged(
                where,
                f"two runs are of the same model ({run.model and run.model.name}), profile "
                f"({slot.profile_name}), target ({slot.target}) and engine ({slot.engine})",
            )
        seen.add(slot)
    return runs


def run_of(entry: Any, where: str) -> RunRecord:
    """Return the run of one entry of ``runs``; errors as ``runs_of``."""
    try:
        return _run_of(entry, where)
    except (RecursionError, ValueError) as error:  # values in values in values …
        raise _damaged(where, f"it cannot be read ({error})") from error


def _run_of(entry: Any, where: str) -> RunRecord:
    if not isinstance(entry, dict) or set(entry) != {"sha256", "run"}:
        raise _damaged(where, "an entry must have sha256 and run and nothing else")
    if digest(entry["run"]) != entry["sha256"]:
        raise InputError(
            f"{where}: its SHA-256 differs from the one in the file",
            hint="the file was changed after its export; export it again from the runs",
        )
    try:
        run = from_document(RunRecord, entry["run"])
        check_lossless(entry["run"], run)
    except NewerDocument as error:
        raise InputError(f"{where}: {error}", hint="update hil") from error
    except InvalidDocument as error:
        raise _damaged(where, str(error)) from error
    if odd := [name for name, figure in run.measurements.items() if figure.name != name]:
        raise _damaged(where, f"the figure '{odd[0]}' has a different name in its entry")
    if fault := plausible.fault(run):
        raise _damaged(where, fault)
    try:
        return check_run(run)
    except UsageError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from error


def _check_schema(schema: str, where: str) -> None:
    word, slash, number = schema.partition("/")
    if schema == SCHEMA:
        return
    if word == "hil.baseline" and slash and number.isdecimal():
        raise InputError(
            f"{where} is from a newer version of hil ({schema}, this one reads {SCHEMA})",
            hint="update hil",
        )
    raise _damaged(where, f"its schema is '{schema}', not {SCHEMA}")


def _damaged(where: str, reason: str) -> InputError:
    return InputError(
        f"{where} is not a valid baseline: {reason}",
        hint="give a file that `hil baseline export` wrote",
    )


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
