"""A submission folder in the official layout, from results of hil's and of the official runner.

Layout: ``tools/submission/submission_checker.py`` of https://github.com/mlcommons/tiny and
https://github.com/mlcommons/tiny_results_v1.3. The keys of a system's description are those of
``systems/*.json`` there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hil import files, mlperf_tasks
from hil.errors import InputError, UsageError
from hil.mlperf.files import JSON, NAMES, SCHEMA

Division = Literal["open", "closed"]
Status = Literal["available", "preview", "rdi"]
MODES = ("performance", "accuracy", "energy")
SHORTS = tuple(task.short for task in mlperf_tasks.TASKS.values())
_PLOTS = "energy_inf_*.png"
_KEYS = (
    *("Board Memory capacity (not including SoC, processor, or accelerator)", "Board Memory type"),
    *("Board storage capacity", "Board storage type"),
    *("SoC Memory capacity (not including processor or accelerator)", "SoC Memory type"),
    *("SoC storage capacity", "SoC storage type"),
    *("Processor memory type and capacity", "Processor storage type and capacity"),
    *("Accelerator", "Accelerator(s) Frequencies", "Accelerator memory type and capacity"),
    *("Accelerator storage type and capacity", "Hardware Notes", "Operating System"),
    *("Other Software Stack", "Software Notes", "Quantization Method"),
    *("Training framework (open division)", "ML Model Compiler(s)", "Other Software"),
    "Training and Quantization Notes",
)


@dataclass(frozen=True)
class Submission:
    """Who submits what: ``description`` has keys of the system's JSON that hil cannot know."""

    submitter: str
    division: Division = "closed"
    status: Status = "available"
    description: Mapping[str, str] = field(default_factory=dict)


def import_session(session: Path, results: Path, system: str, what: str) -> Path:
    """Copy a session of the official runner into a folder of results; ``what`` is ``kws/accuracy``.

    Raises:
        UsageError: ``what`` is not a task and a mode, or the files cannot be copied.
        InputError: the session has not the runner's files.
    """
    short, _, mode = what.partition("/")
    if short not in SHORTS or mode not in MODES:
        raise UsageError(
            f"'{what}' is not a task and a mode",
            hint=f"write TASK/MODE with {', '.join(SHORTS)} and {', '.join(MODES)}",
        )
    missing = [name for name in NAMES if not (session / name).is_file()]
    if missing:
        raise InputError(
            f"{session} has no {missing[0]}",
            hint="a session of the official runner is a folder below its `sessions`",
        )
    folder = results / system / short / mode
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in [*(session / name for name in NAMES), *session.glob(_PLOTS)]:
            shutil.copyfile(path, folder / path.name)
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror}", hint="give another folder with --results"
        ) from error
    return folder


def make(results: Path, out: Path, about: Submission, systems: tuple[str, ...] = ()) -> Path:
    """Write ``OUT/DIVISION/SUBMITTER`` with the results of ``systems`` (all); return that folder.

    What was there of these systems is replaced.

    Raises:
        InputError: there are no results.
        UsageError: the folder cannot be written, or a name is not one for a folder.
    """
    check_name(about.submitter)
    found = _systems(results, systems)
    root = out / about.division / about.submitter
    try:
        for system in found:
            target = root / "results" / system
            shutil.rmtree(target, ignore_errors=True)
            for mode in sorted((results / system).glob("*/*")):
                if mode.parent.name in SHORTS and mode.name in MODES:
                    shutil.copytree(mode, target / mode.parent.name / mode.name)
            known = _known(target)
            text = json.dumps(_description(about, known), indent=2) + "\n"
            files.write_bytes(_made(root / "systems") / f"{system}.json", text.encode())
            readme = _readme(system, target)
            files.write_bytes(_made(root / "code" / system) / "README.md", readme.encode())
    except OSError as error:
        raise UsageError(
            f"cannot write {root}: {error}", hint="give another folder with --out"
        ) from error
    return root


def check_name(name: str) -> None:
    """Refuse a name that cannot be a folder.

    Raises:
        UsageError: it has a slash or a space, or begins with a dot.
    """
    if not name or name.startswith(".") or any(letter in name for letter in "/\\ \t\n\0"):
        raise UsageError(
            f"invalid name '{name}'", hint="it becomes a folder: letters, digits, - and _"
        )


def read_result(folder: Path) -> dict[str, Any] | None:
    """Return hil's ``results.json`` of a mode; None where it is the official runner's, or none."""
    try:
        content = json.loads((folder / JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("schema") == SCHEMA else None


def _systems(results: Path, wanted: tuple[str, ...]) -> list[str]:
    there = sorted(
        path.name
        for path in (results.iterdir() if results.is_dir() else ())
        if any((path / short).is_dir() for short in SHORTS)
    )
    missing = [name for name in wanted if name not in there]
    if missing or not there:
        what = f"results of '{missing[0]}'" if missing else "results"
        raise InputError(
            f"there are no {what} in {results}",
            hint=f"systems there: {', '.join(there) or 'none'}; `hil mlperf performance` and "
            "`accuracy` make them, --session takes those of the official runner",
        )
    return list(wanted) or there


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _known(target: Path) -> dict[str, Any]:
    """What hil's own results of a system say of it."""
    known: dict[str, Any] = {}
    for folder in sorted(target.glob("*/*")):
        if (found := read_result(folder)) is not None:
            known = {**known, **found["provenance"]}
    return known


def _description(about: Submission, known: Mapping[str, Any]) -> dict[str, str]:
    clock = known.get("clock_hz")
    made = {
        "Submitter": about.submitter,
        "Division": about.division.capitalize(),
        "Status": about.status.capitalize(),
        "Board Name": str(known.get("profile", "")),
        "SoC Name": str(known.get("chip", "")),
        "Processor(s) Name": str(known.get("core", "")),
        "Processor(s) Frequencies": f"{clock / 1e6:g} MHz" if isinstance(clock, int) else "",
        **dict.fromkeys(_KEYS, ""),
        "Inference Framework": _joined("hil", known.get("engine"), known.get("engine_version")),
        "Software Libraries": _joined("hil", known.get("hil_version")),
        "General Compiler(s)": _joined(known.get("compiler"), known.get("flags")),
    }
    return {**made, **about.description}


def _joined(*parts: Any) -> str:
    return " ".join(str(part) for part in parts if part)


def _readme(system: str, target: Path) -> str:
    rows = []
    for folder in sorted(target.glob("*/*")):
        found = read_result(folder)
        facts = found["provenance"] if found is not None else {}
        rows.append(
            f"| {folder.parent.name} | {folder.name} | "
            f"{'hil' if found is not None else 'the official runner'} | "
            f"{facts.get('model', '')} | {facts.get('model_sha256', '')} | "
            f"{facts.get('firmware_sha256', '')} |"
        )
    return (
        f"# {system}\n\n"
        "The firmware is generated by hil (`hil deploy MODEL --board NAME --mlperf TASK`).\n\n"
        "| task | mode | log written by | model | SHA-256 of the model | of the firmware |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
