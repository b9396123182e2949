"""Runs the `run:` steps of a composite action as GitHub's runner does, with its files.

Steps that use other actions are not run; ``Runner.used`` has them with their inputs.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_CONTEXT = re.compile(r"\b(?:inputs|steps|github|runner)(?:\.[\w-]+)+")


@dataclass
class Runner:
    """One run of an action in ``workspace``; ``action`` is the checkout that has action.yml."""

    action: Path
    workspace: Path
    temp: Path
    inputs: Mapping[str, str]
    variables: Mapping[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    log: str = ""
    code: int = 0

    def run(self) -> Runner:
        """Run all steps; ``code`` is the exit code of the first that failed."""
        self.temp.mkdir(parents=True)
        document = yaml.safe_load((self.action / "action.yml").read_text(encoding="utf-8"))
        unknown = set(self.inputs) - set(document["inputs"])
        assert not unknown, f"not inputs of the action: {unknown}"
        self.inputs = {
            name: self.inputs.get(name, self._text(one.get("default", "")))
            for name, one in document["inputs"].items()
        }
        for step in document["runs"]["steps"]:
            condition = str(step.get("if", "success()"))
            if self._evaluate(condition.removeprefix("${{").removesuffix("}}")):
                self._step(step)
        self.outputs["action"] = {
            name: self._text(one["value"]) for name, one in document["outputs"].items()
        }
        return self

    @property
    def summary(self) -> str:
        """The job's summary."""
        path = self.temp / "summary"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _step(self, step: Mapping[str, Any]) -> None:
        if "uses" in step:
            given = {name: self._text(value) for name, value in step.get("with", {}).items()}
            self.used.append((step["uses"].split("@")[0], given))
            return
        self.ran.append(step["name"])
        written = self.temp / f"output-{len(self.ran)}"
        written.touch()
        env = {
            **os.environ,
            **self.variables,
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_OUTPUT": str(written),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_ENV": str(self.temp / "env"),
            "RUNNER_TEMP": str(self.temp),
            **{name: self._text(value) for name, value in step.get("env", {}).items()},
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
        done = subprocess.run(
            [*command, self._text(step["run"])],
            cwd=self.workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.log += f"== {step['name']}\n{done.stdout}"
        self.code = self.code or done.returncode
        if "id" in step:
            lines = written.read_text(encoding="utf-8").splitlines()
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)

    def _text(self, value: object) -> str:
        """A value with its expressions replaced."""
        return _EXPRESSION.sub(lambda found: str(self._evaluate(found[1])), str(value))

    def _evaluate(self, expression: str) -> object:
        """Evaluate the part of GitHub's expressions that action.yml uses."""
        python = _CONTEXT.sub(lambda found: repr(self._context(found[0])), expression)
        python = python.replace("&&", " and ").replace("||", " or ")
        functions = {"always": lambda: True, "success": lambda: self.code == 0}
        return eval(python.strip(), {"__builtins__": {}}, functions)

    def _context(self, path: str) -> str:
        first, *rest = path.split(".")
        if first == "inputs":
            return self.inputs[rest[0]]
        if first == "steps":
            assert rest[1] == "outputs"
            return self.outputs.get(rest[0], {}).get(rest[2], "")
        return {"token": "secret", "run_id": "1", "run_attempt": "1"}[rest[0]]
