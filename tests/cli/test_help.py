"""Every command explains itself, and the documentation knows every command and option."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hil.cli.main import app
from typer.testing import CliRunner

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def commands(level: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, level
    for name, command in getattr(level, "commands", {}).items():
        yield from commands(command, *words, name)


ALL = list(commands(typer.main.get_command(app)))
NAMES = [" ".join(["hil", *words]) for words, _ in ALL]


@pytest.mark.parametrize(("words", "command"), ALL, ids=NAMES)
def test_help_tells_of_every_option(words: tuple[str, ...], command: Any) -> None:
    result = CliRunner().invoke(app, [*words, "--help"], env={"TERMINAL_WIDTH": "100"})
    assert result.exit_code == 0
    assert command.help, "the command itself has no help"
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} has no help text"
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert option in result.output


@pytest.mark.parametrize(("words", "command"), ALL, ids=NAMES)
def test_the_documentation_has_every_command(words: tuple[str, ...], command: Any) -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert " ".join(["hil", *words]) in text
    options = [o for p in command.params for o in p.opts if o.startswith("--") and o != "--help"]
    assert [option for option in options if f"`{option}" not in text] == []


def test_all_commands_are_there() -> None:
    assert {words[0] for words, _ in ALL if words} == {
        "run",
        "sweep",
        "accuracy",
        "quantize",
        "time",
        "validate",
        "calibrate",
        "report",
        "compare",
        "gate",
        "baseline",
        "memory",
        "history",
        "model",
        "profile",
        "engine",
        "doctor",
        "config",
    }
