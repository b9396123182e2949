"""Every command explains itself, and the documentation knows every command and option."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hil.cli.main import COMMANDS, app
from typer.testing import CliRunner

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def commands(level: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, level
    for name, command in getattr(level, "commands", {}).items():
        yield from commands(command, *words, name)


ALL = list(commands(typer.main.get_command(app)))
NAMES = [" ".join(["hil", *words]) for words, _ in ALL]


@pytest.mark.parametrize(("words", "command"), ALL, ids=NAMES)
def test_help_has_every_option(words: tuple[str, ...], command: Any) -> None:
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


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_line_of_their_help(name: str) -> None:
    (command,) = (command for words, command in ALL if words == (name,))
    assert command.help.splitlines()[0] == COMMANDS[name]
    assert COMMANDS[name].endswith(".")
    lines = CliRunner().invoke(app, ["--help"], env={"TERMINAL_WIDTH": "80"}).output.splitlines()
    assert f"  {name:<9}  {COMMANDS[name]}" in lines, "it does not fit"


@pytest.mark.parametrize(("words", "command"), ALL, ids=NAMES)
def test_summaries_fit_on_their_line(words: tuple[str, ...], command: Any) -> None:
    listed = CliRunner().invoke(app, [*words, "--help"], env={"TERMINAL_WIDTH": "80"}).output
    _, _, names = listed.partition("Commands:")
    assert "..." not in names


def test_help_imports_no_command() -> None:
    code = "import sys; from hil.cli.main import app; app(['--help'], standalone_mode=False)"
    code += "; print(*(name for name in sys.modules if name.startswith('hil.cli.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
    assert loaded & set(COMMANDS) == set()
