"""The Containerfile installs by scripts/setup only, and names files that exist."""

from __future__ import annotations

import json
import shlex

from tests.support.hil import REPOSITORY


def instructions() -> list[tuple[str, str]]:
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_its_only_step_is_the_set_up_that_the_action_runs_too() -> None:
    content = instructions()
    assert [name for name, _ in content] == ["FROM", "COPY", "RUN", "ENV", "WORKDIR", "ENTRYPOINT"]
    values = dict(content)
    source, folder = values["COPY"].split()
    (step,) = shlex.split(values["RUN"])
    assert source == "."
    assert (REPOSITORY / step.removeprefix(f"{folder}/")).stat().st_mode & 0o100
    assert step == f"{folder}/scripts/setup"
    assert values["ENV"] == f"PATH={folder}/.venv/bin:$PATH"
    assert json.loads(values["ENTRYPOINT"]) == ["hil"]


def test_it_is_the_system_of_the_workflows() -> None:
    workflow = (REPOSITORY / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    image = dict(instructions())["FROM"].removeprefix("docker.io/library/")
    assert f"container: {image}\n" in workflow


def test_environments_and_caches_stay_outside() -> None:
    ignored = (REPOSITORY / ".containerignore").read_text(encoding="utf-8").split()
    assert {".venv", ".cache", "build", "*.db"} <= set(ignored)
