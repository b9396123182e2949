"""Validation sets: programs with the cycles that were measured on silicon.

A set is a folder of ELFs with a ``set.toml``; ``docs/validation.md`` describes both. Third-party
programs stay outside of this project; the measured figures may be in
``reports/validation/published/*.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hil.errors import UsageError
from hil.forms import read_toml, validated
from hil.resources import data_dir

PUBLISHED_SCHEMA = "hil.published-cycles/1"
_HINT = "a validation set is a folder with a set.toml; docs/validation.md lists its keys"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """One ``[[program]]`` of a ``set.toml``.

    The measured side is either ``published`` (a file of published figures, the program's row in
    it named ``published_program`` where that is another name) or written here.
    """

    program: str = Field(min_length=1)
    elf: str = Field(min_length=1)
    begin: str
    end: str
    machine: str
    core: str
    kind: Literal["integer", "float", "general"]
    split: Literal["fitted", "held-back"]
    wait_states: Literal[0] = 0
    published: str | None = None
    published_program: str | None = None
    measured_cycles: int | None = Field(default=None, gt=0)
    chip: str | None = None
    compiler: str | None = None
    source: str | None = None
    built_with: str = ""
    left_out: str = ""
    timeout_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _one_measured_side(self) -> Entry:
        here = (self.measured_cycles, self.chip, self.compiler, self.source)
        if self.published is not None and any(value is not None for value in here):
            raise ValueError("published replaces measured_cycles, chip, compiler and source")
        if self.published is None and any(value is None for value in here):
            raise ValueError("without published give measured_cycles, chip, compiler and source")
        return self


class _Set(_Strict):
    schema_: Literal["hil.validation-set/1"] = Field(alias="schema")
    name: str
    program: tuple[Entry, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Program:
    """An entry with its ELF and its measured side. Cycles are whole."""

    entry: Entry
    elf: Path
    measured_cycles: int
    chip: str
    compiler: str
    source: str


@dataclass(frozen=True)
class ValidationSet:
    """A set as read from its folder."""

    name: str
    programs: tuple[Program, ...]


def load_set(folder: Path) -> ValidationSet:
    """Read ``folder/set.toml`` and look up what was measured.

    Raises:
        UsageError: no such set, an entry is wrong or named twice, an ELF or a figure is missing.
    """
    path = folder / "set.toml"
    data = read_toml(path, "the validation set", hint=_HINT)
    found = validated(_Set, data, f"the validation set {path}", hint=_HINT)
    programs = tuple(_resolve(path, entry) for entry in found.program)
    seen: set[tuple[str, str]] = set()
    for program in programs:
        key = (program.entry.core, program.entry.program)
        if key in seen:
            raise UsageError(
                f"{path}: {key[1]} is there twice for {key[0]}",
                hint="give each program of a core a name of its own",
            )
        seen.add(key)
    return ValidationSet(found.name, programs)


def _resolve(path: Path, entry: Entry) -> Program:
    elf = path.parent / entry.elf
    if not elf.is_file():
        raise UsageError(
            f"{path}: {entry.program}: {elf} does not exist",
            hint="build the program from its source, or take the entry out of the set",
        )
    if entry.published is None:  # the schema requires all of these
        cycles, texts = entry.measured_cycles or 0, (entry.chip, entry.compiler, entry.source)
        chip, compiler, source = (text or "" for text in texts)
        return Program(entry, elf, cycles, chip, compiler, source)
    table = published(entry.published)
    wanted = entry.published_program or entry.program
    for row in table["programs"]:
        if row["program"] == wanted:
            return Program(
                entry, elf, row["cycles"], table["chip"], table["compiler"], table["source"]
            )
    raise UsageError(
        f"{path}: {entry.published} has no figure for {wanted}",
        hint="it has " + ", ".join(row["program"] for row in table["programs"]),
    )


def published(name: str) -> Mapping[str, Any]:
    """Read ``reports/validation/published/<name>.json``.

    Raises:
        UsageError: unknown table of figures, or it is damaged.
    """
    folder = data_dir("reports") / "validation" / "published"
    path = folder / f"{name}.json"
    try:
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if table["schema"] != PUBLISHED_SCHEMA:
            raise ValueError(f"schema {table['schema']!r}, expected {PUBLISHED_SCHEMA!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"published figures '{name}' cannot be read: {error}",
            hint="there are: " + ", ".join(sorted(p.stem for p in folder.glob("*.json"))),
        ) from error
    return table
