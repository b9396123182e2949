"""README.md is true: scripts/demo runs the command that it shows, which prints what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.hil import REPOSITORY, hil

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def command_and_output() -> tuple[list[str], list[str]]:
    """The first command under "What you get" and what follows it, without indentation."""
    section = README.split("\n## What you get\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)
    command, output = (re.sub("^ {4}", "", block, flags=re.MULTILINE) for block in blocks[:2])
    return shlex.split(command), output.splitlines()


def test_demo_runs_the_command_of_the_readme() -> None:
    demo = (REPOSITORY / "scripts" / "demo").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [line for line in demo.splitlines() if ".venv/bin/hil" in line]
    words = [word for word in shlex.split(line) if word not in ("exec", "$@")]

    assert [words[0].removeprefix(".venv/bin/"), *words[1:]] == command_and_output()[0]


def test_the_command_of_the_readme_prints_what_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = subprocess.run(
        ["arm-none-eabi-gcc", "-dumpfullversion"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if f"(GCC {compiler}" not in README:
        pytest.skip(f"README.md has the figures of another compiler than GCC {compiler}")
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)
    (_, *arguments), expected = command_and_output()

    done = hil(*arguments, "--db", tmp_path / "hil.db")

    assert done.code == 0, done
    left_out = ("note: ", "passed: ", "report: ")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    printed = [line for line in lines if not line.startswith(left_out)]
    # The emulated machine and the reference's version depend on what is installed.
    assert printed[0].split(" [")[0] == expected[0].split(" [")[0]
    assert printed[1:-1] == expected[1:-1]
    assert printed[-1].split(" to ")[0] == expected[-1].split(" to ")[0]
    assert (tmp_path / "hil-report.html").is_file()
