"""action.yml: its steps, run in a clean clone of the example as GitHub would run them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.ci.composite import Runner
from tests.ci.test_comment import GitHub, served
from tests.support.hil import DIGITS, REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "ci"
Act = Callable[..., Runner]


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action as GitHub checks it out, with the environment of this one: set up already."""
    folder = tmp_path_factory.mktemp("action") / "hil"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "hil-setup":
            (folder / ".venv" / path.name).symlink_to(path)
    script = (folder / "scripts" / "setup").read_text(encoding="utf-8")
    (stamp,) = re.findall(r"^ *stamp=(\$\(.*\))-\$mode$", script, re.MULTILINE)
    shell = ["sh", "-c", f"echo {stamp}-test >.venv/hil-setup"]
    subprocess.run(shell, cwd=folder, check=True)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A clean clone of a repository that is the example."""
    origin = tmp_path / "origin"
    shutil.copytree(EXAMPLE, origin)
    git(origin, "init", "-q", "-b", "main")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "The example")
    git(tmp_path, "clone", "-q", "origin", "models")
    return tmp_path / "models"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with served() as server:
        yield server


@pytest.fixture
def act(checkout: Path, workspace: Path, tmp_path: Path, github: GitHub) -> Act:
    """Return a function that runs the action with the example's inputs and those given."""
    workflow = yaml.safe_load((workspace / ".github" / "workflows" / "model.yml").read_text())
    (given,) = [
        step["with"] for step in workflow["jobs"]["benchmark"]["steps"] if "hil@" in step["uses"]
    ]
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))

    def run(**inputs: str) -> Runner:
        names = {name.replace("_", "-"): value for name, value in inputs.items()}
        variables = {
            "GITHUB_API_URL": github.address,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "owner/models",
            "HIL_STATE_DIR": str(tmp_path / "state"),
        }
        temp = tmp_path / f"runner-{len(list(tmp_path.glob('runner-*')))}"
        return Runner(checkout, workspace, temp, {**given, **names}, variables).run()

    return run


def test_from_the_first_run_over_a_baseline_to_a_regression(
    act: Act, workspace: Path, github: GitHub
) -> None:
    first = act()
    assert first.code == 5, first.log
    assert first.outputs["action"]["verdict"] == "not compared"
    assert "commit the baseline.json of this run" in first.log
    assert first.ran[-1] == "Comment on the pull request"

    (workspace / "hil").mkdir()
    shutil.copy(first.outputs["action"]["new-baseline"], workspace / "hil" / "baseline.json")
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", "Keep a baseline")
    same = act()
    assert same.code == 0, same.log
    found = same.outputs["action"]
    assert (found["verdict"], found["exit-code"]) == ("passed", "0")
    for name in ("report", "markdown", "junit", "badge", "new-baseline"):
        assert Path(found[name]).is_file(), name
    assert Path(found["report"]).read_text().startswith("<!")

    slower = act(optimize="-Os", models="models/*_int8.tflite")
    assert slower.code == 1, slower.log
    found = slower.outputs["action"]
    assert (found["verdict"], found["exit-code"]) == ("failed", "1")
    assert found["sentence"] in slower.log
    (comment,) = github.comments
    assert comment["body"] == Path(found["markdown"]).read_text(encoding="utf-8")
    assert comment["body"].startswith("<!-- hil gate -->\n")
    assert comment["body"] in slower.summary
    assert "latency" in comment["body"]
    # The artifact is uploaded although the step failed.
    assert slower.used[-1][0] == "actions/upload-artifact"
    assert slower.used[-1][1] == {"name": "hil", "path": found["folder"]}


def test_the_keys_of_the_caches_follow_the_sources(act: Act, checkout: Path) -> None:
    def keys() -> dict[str, str]:
        done = subprocess.run(
            [str(checkout / "scripts" / "action"), "keys"],
            env={"PATH": "/usr/bin:/bin", "HOME": "/home/me"},
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    before = keys()
    assert before["pip-dir"] == "/home/me/.cache/pip"
    assert before["firmware-dir"] == "/home/me/.cache/hil"
    changed = checkout / "firmware_stubs" / "dut" / "new.c"
    changed.write_text("")
    with changed.open("a") as file:
        file.write("int x;\n")
    after = keys()
    changed.unlink()
    assert before["pip-key"] == after["pip-key"]
    assert before["firmware-key"] != after["firmware-key"]
    assert keys() == before


def test_without_a_baseline_it_runs_and_shows(act: Act, github: GitHub) -> None:
    done = act(baseline="", profiles="stm32l4")
    assert done.code == 0, done.log
    found = done.outputs["action"]
    assert (found["verdict"], found["exit-code"]) == ("not compared", "0")
    assert found["sentence"] == "1 run; no baseline was given"
    assert "# Models of this repository" in done.summary
    assert github.comments == []


def test_a_study_of_the_repository(act: Act, workspace: Path) -> None:
    (workspace / "study.toml").write_text(
        'schema = 1\nmodels = ["models/*.tflite"]\nprofiles = ["stm32l4"]\noptimize = ["-Os"]\n'
    )
    done = act(study="study.toml", models="", profiles="", baseline="", args="--jobs 1")
    assert done.code == 0, done.log
    assert "sweep study.toml --target qemu" in done.log
    assert "--jobs 1" in done.log


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"models": ""}, "models and profiles are needed, or a study"),
        ({"profiles": ""}, "models and profiles are needed, or a study"),
        ({"models": "no/*.tflite"}, "there is no model no/*.tflite"),
        ({"study": "study.toml"}, "study and models or profiles exclude each other"),
        ({"study": "no.toml", "models": "", "profiles": ""}, "there is no study no.toml"),
        ({"allow_new": "yes"}, "allow-new is 'yes', not true or false"),
        ({"profiles": "stm32l5"}, "stm32l5"),
        ({"limits": "latency_us=fast"}, "'fast' is an invalid limit"),
        ({"args": "--no-such-option"}, "no-such-option"),
    ],
)
def test_bad_inputs_are_clear_errors(act: Act, inputs: dict[str, str], says: str) -> None:
    done = act(**inputs)
    assert done.code == 2, done.log
    assert says in done.log
    assert "Traceback" not in done.log
    assert "Comment on the pull request" not in done.ran


def test_a_baseline_that_is_damaged_is_an_error(act: Act, workspace: Path) -> None:
    (workspace / "hil").mkdir()
    (workspace / "hil" / "baseline.json").write_text('{"schema": "hil.baseline/99"}')
    done = act(profiles="stm32l4")
    assert done.code == 2, done.log
    assert "::error title=hil::" in done.log
    assert done.outputs["action"]["verdict"] == "error"


def test_the_model_of_the_example_is_the_one_of_examples_digits() -> None:
    name = "digits_int8.tflite"
    assert (EXAMPLE / "models" / name).read_bytes() == (DIGITS / name).read_bytes()
