"""The libraries that a user added, by name: ``engines.json`` in the state folder.

The file has a schema number; one of a newer hil is refused.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil import files
from hil.errors import StoreError, UsageError
from hil.resources import state_dir

SCHEMA = 1
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}$")


class Installed(BaseModel):
    """An engine's library as it was when it was added.

    Paths are absolute. ``core`` is a core of the device profiles, ``float_abi`` ``hard`` or
    ``soft``; ``kernels`` are ``reference`` or ``CMSIS-NN``; ``functions`` are the registration
    functions that the library has.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    core: str
    float_abi: str
    library: Path
    library_sha256: str
    library_bytes: int
    include_dirs: tuple[Path, ...]
    headers_sha256: str
    defines: tuple[str, ...] = ()
    schema_version: int
    flatbuffers_version: str
    kernels: str
    compiler: str
    functions: tuple[str, ...] = Field(repr=False)
    added_at: str

    def facts(self) -> dict[str, Any]:
        """Return all of it as plain data; ``functions`` is their number."""
        return {**self.model_dump(mode="json"), "functions": len(self.functions)}


def engines_file() -> Path:
    """Return the path of the file."""
    return state_dir() / "engines.json"


def load() -> dict[str, Installed]:
    """Return the added engines by name.

    Raises:
        StoreError: the file cannot be read, is damaged, or is of a newer hil.
    """
    path = engines_file()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return _parsed(path, data)


def _parsed(path: Path, data: Any) -> dict[str, Installed]:
    schema = data.get("schema") if isinstance(data, Mapping) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise StoreError(
            f"{path} was written by a newer hil (schema {schema}, this one reads {SCHEMA})",
            hint="update hil, or set HIL_STATE_DIR to another folder",
        )
    if schema != SCHEMA or not isinstance(data.get("engines"), list):
        raise _damaged(path, "its form is unknown")
    try:
        found = [Installed.model_validate(entry) for entry in data["engines"]]
    except ValidationError as error:
        raise _damaged(path, str(error.errors()[0]["msg"])) from error
    return {entry.name: entry for entry in found}


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} is damaged: {reason}", hint=f"remove {path} and add the engines again"
    )


def check_name(name: str, taken: Collection[str] = ()) -> None:
    """Check the name of an engine that is added; ``taken`` are those of installed engines.

    Raises:
        UsageError: the name is invalid or taken.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"invalid engine name '{name}'",
            hint="lower-case letters, digits, '.', '_' and '-', a letter first, 40 at most",
        )
    if name in taken:
        raise UsageError(
            f"'{name}' is the name of an installed engine", hint="choose another --name"
        )


def add(entry: Installed) -> bool:
    """Record an engine; return whether one of that name was replaced.

    Raises:
        StoreError: the file cannot be read or written.
    """
    with _changed() as engines:
        replaced = entry.name in engines
        engines[entry.name] = entry
    return replaced


def remove(name: str) -> None:
    """Remove an engine from the file; its library is not touched.

    Raises:
        StoreError: the file cannot be read or written.
    """
    with _changed() as engines:
        engines.pop(name, None)


@contextlib.contextmanager
def _changed() -> Iterator[dict[str, Installed]]:
    """The engines, to be changed in place; written at the end, under a lock."""
    path = engines_file()
    try:
        with files.locked(path.with_name(path.name + ".lock")):
            engines = load()
            yield engines
            rows = [entry.model_dump(mode="json") for _, entry in sorted(engines.items())]
            files.write_json(path, {"schema": SCHEMA, "engines": rows}, indent=1)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}", hint="free some space, or set HIL_STATE_DIR"
        ) from error
