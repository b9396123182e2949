"""Removes the folders of this machine from a run before it is exported."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import Any

from hil.records import RunRecord

_PATH = re.compile(
    r"""(?:(?<![\w.:/~-])|(?<=-I)|(?<=-L))  # a path begins here: no unit (cycles/s), no URL
        (?:~[\w-]*|\.{1,2})?/               # from the root, the home, or this folder
        (?:[^\s'":,;=/]+/)*                 # folders
        ([^\s'":,;=/]+)                     # what remains
    """,
    re.VERBOSE,
)


def without_folders(run: RunRecord) -> RunRecord:
    """Return the run with every path in provenance, notes and errors cut to its last name.

    Tensor names keep their slashes. In the command that repeats the run relative paths are cut too.
    """
    provenance = {key: _plain(value) for key, value in run.provenance.items()}
    if isinstance(run.provenance.get("command"), str):
        provenance["command"] = _command(run.provenance["command"])
    return dataclasses.replace(
        run,
        model=run.model and dataclasses.replace(run.model, path=_name(run.model.path)),
        provenance=provenance,
        notes=tuple(_text(note) for note in run.notes),
        errors=tuple(
            dataclasses.replace(e, message=_text(e.message), hint=_text(e.hint)) for e in run.errors
        ),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _text(text: str) -> str:
    return _PATH.sub(r"\1", text)


def _command(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:  # quotes that do not match: not a command of ours
        return _text(command)
    return shlex.join(_word(word) for word in words)


def _word(word: str) -> str:
    """``--inputs=data/x.npy`` as ``--inputs=x.npy``."""
    option, equals, value = word.rpartition("=")
    return option + equals + (value if "://" in value else _name(value))


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
