"""What scripts/nightly and the GitHub action have in common: studies, gates and their files.

Everything is done by the command ``hil``; its ``--json`` answers are read here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HIL = Path(sys.executable).with_name("hil")
EXIT_REGRESSION = 1
EXIT_BUG = 70


@dataclasses.dataclass(frozen=True)
class Answer:
    """The end of a command with ``--json``: exit code, ``data`` and error messages."""

    code: int
    data: dict[str, Any]
    errors: tuple[str, ...]


@dataclasses.dataclass
class Hil:
    """Runs ``hil`` on one database and keeps what each command took, in seconds."""

    db: Path
    took: dict[str, float] = dataclasses.field(default_factory=dict)

    def __call__(self, *words: object, step: str = "") -> Answer:
        """Run a command with ``--json``; its stderr is shown.

        ``step`` names it in ``took``; '' leaves it out.

        Raises:
            SystemExit: it printed no answer: ``hil`` itself is broken.
        """
        begin = time.monotonic()
        answer = _ask([*map(str, words), "--db", str(self.db)])
        if step:
            self.took[step] = time.monotonic() - begin
        return answer


def _ask(words: list[str]) -> Answer:
    command = [str(HIL), *words, "--json"]
    print(f"$ {shlex.join(['hil', *command[1:]])}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        envelope = json.loads(done.stdout)
    except ValueError:
        print(f"error: no answer from hil (exit code {done.returncode})", file=sys.stderr)
        raise SystemExit(done.returncode or EXIT_BUG) from None
    messages = tuple(error["message"] for error in envelope["errors"])
    return Answer(done.returncode, envelope["data"] or {}, messages)


def setting(key: str) -> str:
    """Return a setting of hil as it is in force here, '' if it has none."""
    known = _ask(["config", "show"]).data.get("settings", [])
    return next((one["value"] or "" for one in known if one["key"] == key), "")


def sweep(hil: Hil, study: Path, target: str, *options: object) -> tuple[Answer, list[str]]:
    """Run a study on a target; return the answer and the ids of its runs."""
    answer = hil("sweep", study, "--target", target, *options, step=f"study on {target}")
    runs = answer.data.get("runs", [])
    return answer, [run["run_id"] for run in runs if run["run_id"]]


def use_baseline(hil: Hil, file: Path, name: str) -> Answer:
    """Make the stored baseline ``name`` what ``file`` has; without the file there is none."""
    if file.is_file():
        return hil("baseline", "import", file, "--name", name, "--replace")
    return hil("baseline", "remove", name) if has_baseline(hil, name) else Answer(0, {}, ())


def has_baseline(hil: Hil, name: str) -> bool:
    """Whether the database has a baseline of that name."""
    known = hil("baseline", "list").data.get("baselines", [])
    return any(one["name"] == name and one["origin"] == "stored" for one in known)


def gate(hil: Hil, name: str, runs: Sequence[str], folder: Path, *options: object) -> Answer:
    """Compare runs with a baseline; writes gate.md, junit.xml and badge.svg into ``folder``."""
    for file in ("gate.md", "junit.xml", "badge.svg"):  # of a run before
        (folder / file).unlink(missing_ok=True)
    return hil(
        *("gate", *runs, "--baseline", name, *options),
        *("--markdown", folder / "gate.md", "--junit", folder / "junit.xml"),
        *("--badge", folder / "badge.svg"),
        step="gate",
    )


def worst(codes: Sequence[int]) -> int:
    """Return the exit code of several steps: a failure to work before a regression before 0."""
    others = [code for code in codes if code not in (0, EXIT_REGRESSION)]
    return max(others, default=EXIT_REGRESSION if EXIT_REGRESSION in codes else 0)


def add_summary(text: str) -> None:
    """Add Markdown to the summary of the GitHub job, where there is one."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(text)
