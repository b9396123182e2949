"""What the GitHub action does: runs models, gates them, reports.

Its inputs are the variables ``INPUT_…`` (docs/ci.md describes them); it works in the current
folder, the repository of the models. Called by ``scripts/action check``.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import checks

NAME = "baseline"
EXIT_USAGE = 2


class BadInput(Exception):
    """An input of the action is missing or invalid."""


@dataclass(frozen=True)
class Inputs:
    """The inputs, by name; ``text`` of one that is not given is ''."""

    values: dict[str, str]

    @classmethod
    def read(cls) -> Inputs:
        """Read them from the environment."""
        start = "INPUT_"
        return cls(
            {
                name.removeprefix(start).lower(): value.strip()
                for name, value in os.environ.items()
                if name.startswith(start)
            }
        )

    def text(self, name: str) -> str:
        """Return one."""
        return self.values.get(name, "")

    def words(self, name: str) -> list[str]:
        """Return one that is a list, separated by commas, blanks or lines."""
        return [word for word in re.split(r"[,\s]+", self.text(name)) if word]

    def lines(self, name: str) -> list[str]:
        """Return one that is a list with a line for each."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def flag(self, name: str) -> bool:
        """Return one that is ``true`` or ``false``.

        Raises:
            BadInput: it is something else.
        """
        value = self.text(name) or "false"
        if value not in ("true", "false"):
            raise BadInput(f"{name.replace('_', '-')} is '{value}', not true or false")
        return value == "true"


def main() -> int:
    """Carry out the action; return the exit code of the step."""
    inputs = Inputs.read()
    try:
        folder = _folder(inputs)
        study = _study(inputs, folder)
        gate_flags = _gate_flags(inputs)
    except BadInput as error:
        print(f"::error title=hil::{error}")
        return EXIT_USAGE
    hil = checks.Hil(folder / "hil.db")
    target = inputs.text("target") or "qemu"
    text = folder / "study.md"
    flags = ("--report", text, *shlex.split(inputs.text("args")))
    answer, runs = checks.sweep(hil, study, target, *flags)
    for message in answer.errors:
        print(f"::error title=hil::{message}")
    if not runs:
        return answer.code or EXIT_USAGE
    codes = [answer.code]
    outputs: dict[str, object] = {"folder": folder}
    if not answer.code:
        codes.append(_keep(hil, runs, folder, outputs))
    if inputs.text("baseline"):
        codes.append(_gate(hil, inputs.text("baseline"), runs, folder, gate_flags, outputs))
    else:
        outputs["verdict"] = "not compared"
        outputs["sentence"] = f"{len(runs)} run{'s' * (len(runs) > 1)}; no baseline was given"
    _report(hil, runs, folder, outputs)
    summary = Path(str(outputs.get("markdown", text)))
    checks.add_summary(summary.read_text(encoding="utf-8") + "\n")
    code = checks.worst(codes)
    _write_outputs({**outputs, "exit-code": code})
    print(f"{outputs['sentence']}\nresults: {folder} (exit code {code})")
    return code


def _folder(inputs: Inputs) -> Path:
    given = inputs.text("output")
    folder = Path(given or Path(os.environ.get("RUNNER_TEMP") or tempfile.gettempdir()) / "hil")
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _study(inputs: Inputs, folder: Path) -> Path:
    """The study that is given, or one that is written for the models and profiles.

    Raises:
        BadInput: neither or both are given, or no file is there.
    """
    models, profiles = inputs.lines("models"), inputs.words("profiles")
    if given := inputs.text("study"):
        if models or profiles:
            raise BadInput("study and models or profiles exclude each other")
        if not Path(given).is_file():
            raise BadInput(f"there is no study {given}")
        return Path(given)
    if not (models and profiles):
        raise BadInput("models and profiles are needed, or a study")
    for pattern in models:
        if not glob.glob(pattern):
            raise BadInput(f"there is no model {pattern}")
    # A JSON string is a TOML string too.
    lines = [
        "schema = 1",
        'title = "Models of this repository"',
        f"models = {json.dumps([str(Path(model).absolute()) for model in models])}",
        f"profiles = {json.dumps([_profile(name) for name in profiles])}",
        f"engines = {json.dumps(inputs.words('engines') or ['aot'])}",
    ]
    if optimize := inputs.words("optimize"):
        lines.append(f"optimize = {json.dumps(optimize)}")
    study = folder / "study.toml"
    study.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return study


def _profile(name: str) -> str:
    """A profile by its name, or the path of a file of this repository."""
    return str(Path(name).absolute()) if "/" in name else name


def _gate_flags(inputs: Inputs) -> list[str]:
    flags = [f"--limit={limit}" for limit in inputs.lines("limits")]
    if limit := inputs.text("max_regression"):
        flags += ["--max-regression", limit]
    if match := inputs.text("match"):
        flags += ["--match", match]
    return [*flags, "--allow-new" if inputs.flag("allow_new") else "--require-baseline"]


def _keep(hil: checks.Hil, runs: list[str], folder: Path, outputs: dict[str, object]) -> int:
    """Write the runs as a baseline that can be committed; return the exit code."""
    outputs["new-baseline"] = folder / "baseline.json"
    hil("baseline", "set", "new", *runs)
    return hil("baseline", "export", "new", "-o", folder / "baseline.json").code


def _gate(
    hil: checks.Hil,
    baseline: str,
    runs: list[str],
    folder: Path,
    flags: list[str],
    outputs: dict[str, object],
) -> int:
    """Compare with the baseline's file; fill in the outputs; return the exit code."""
    imported = checks.use_baseline(hil, Path(baseline), NAME)
    if imported.code:
        for error in imported.errors:
            print(f"::error title=hil::{error}")
        outputs["verdict"], outputs["sentence"] = "error", imported.errors[0]
        return imported.code
    if not Path(baseline).is_file():
        print(f"::warning title=hil::there is no {baseline}: commit the baseline.json of this run")
    gated = checks.gate(hil, NAME, runs, folder, *flags)
    for error in gated.errors:
        print(f"::error title=hil::{error}")
    outputs["verdict"] = gated.data.get("verdict", "error")
    outputs["sentence"] = gated.data.get("sentence", "; ".join(gated.errors))
    names = {"markdown": "gate.md", "junit": "junit.xml", "badge": "badge.svg"}
    for output, name in names.items():
        if (folder / name).is_file():
            outputs[output] = folder / name
    return gated.code


def _report(hil: checks.Hil, runs: list[str], folder: Path, outputs: dict[str, object]) -> None:
    against = ["--baseline", NAME] if checks.has_baseline(hil, NAME) else []
    path = folder / "report.html"
    if not hil("report", *runs, *against, "-o", path).code:
        outputs["report"] = path


def _write_outputs(outputs: dict[str, object]) -> None:
    """Set the outputs of the step; values are single lines."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a", encoding="utf-8") as written:
            for name, value in outputs.items():
                written.write(f"{name}={' '.join(str(value).split())}\n")


if __name__ == "__main__":
    sys.exit(main())
