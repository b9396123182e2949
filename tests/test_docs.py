"""The Markdown pages are true: links, commands, and the layers of the design page."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from hil.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "README.md" in listed
    return listed


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", pages())
def test_relative_links_lead_to_files_and_headings(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    broken = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_design_page_lists_the_layers_in_their_order() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [c["layers"] for c in contracts if c["name"] == "Imports run downward"]
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    table = page.split("\n| layer | ")[1].split("\n\n")[0]
    listed = [
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
    ]

    assert listed == [name for line in layers for name in line.split(" | ")]


def quoted_commands() -> list[tuple[str, str]]:
    """Every `hil …` of the pages, in blocks (a backslash continues a line) and in sentences."""
    found = []
    for page in pages():
        text = re.sub(r"\\\n", " ", (ROOT / page).read_text(encoding="utf-8"))
        blocks = re.findall(r"^ *(?:- run: )?(?:\.venv/bin/)?(hil [^`\n]*)$", text, re.MULTILINE)
        spans = re.findall(r"`(hil [^`]*)`", text)
        found += [(page, line) for line in [*blocks, *spans]]
    return found


def unknown_words(line: str) -> list[str]:
    """Commands and options that `hil` does not have."""
    command: Any = typer.main.get_command(app)
    unknown = []
    for word in re.sub(r" (#|&&|>|\|) .*", "", line).split()[1:]:
        options = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        if word.startswith("-") and word != "-":
            unknown += [] if word.split("=")[0] in {"-h", "--help", *options} else [word]
        elif getattr(command, "commands", None):
            names = word.split("|")  # `hil profile list|show`
            if names == ["COMMAND"]:
                break
            if any(name not in command.commands for name in names):
                return [*unknown, word]
            command = command.commands[names[0]]
    return unknown


def test_quoted_commands_have_known_options() -> None:
    commands = quoted_commands()
    assert len(commands) > 150
    wrong = [(page, line, found) for page, line in commands if (found := unknown_words(line))]
    assert wrong == []


@pytest.mark.parametrize("line", ["hil rum x", "hil run --qemu x m.tflite", "hil gate --no-such=1"])
def test_unknown_words_are_seen(line: str) -> None:
    assert unknown_words(line) != []
