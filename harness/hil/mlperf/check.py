"""Whether a submission folder is complete, and whether its results follow the rules.

What the official checker looks at (``tools/submission/submission_checker.py``, v1.4, of
https://github.com/mlcommons/tiny), and beyond it the windows and who wrote the logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hil import mlperf_tasks
from hil.errors import InputError
from hil.mlperf import rules
from hil.mlperf.files import JSON, NAMES, TEXT
from hil.mlperf.submission import MODES, SHORTS, read_result
from hil.mlperf_tasks import MlperfTask

DIVISIONS = ("open", "closed")
_STATUSES = ("available", "preview", "rdi")
_LARGEST = 500 * 1024 * 1024
_NUMBER = r"\s*([\d.]+)"
_MEDIAN = re.compile(rf".* Median throughput is{_NUMBER} inf\./sec\.")
_ENERGY = re.compile(rf"Median energy cost is{_NUMBER} uJ/inf")
_TOP1 = re.compile(rf".* Top[- ]1%?\s?[:=]{_NUMBER}")
_AUC = re.compile(rf".* AUC\s?[:=]{_NUMBER}")
_PLOT = re.compile(r"energy_inf_\d+\.png")


@dataclass(frozen=True)
class Problem:
    """``layout``: the official checker refuses it; ``rules``: the rules do."""

    kind: Literal["layout", "rules"]
    where: str
    message: str


def check(root: Path) -> list[Problem]:
    """Return the problems of a submission; ``root`` has ``open`` or ``closed`` in it.

    Raises:
        InputError: there is no submission.
    """
    divisions = [root / name for name in DIVISIONS if (root / name).is_dir()]
    submitters = [path for division in divisions for path in sorted(division.iterdir())]
    if not submitters:
        raise InputError(
            f"{root} has no submission: no folder open/SUBMITTER or closed/SUBMITTER",
            hint="`hil mlperf submission` writes one",
        )
    return [
        Problem(problem.kind, problem.where.removeprefix(f"{root}/"), problem.message)
        for submitter in submitters
        for problem in _submitter(submitter)
    ]


def _submitter(folder: Path) -> Iterator[Problem]:
    yield from _paths(folder)
    systems = sorted((folder / "results").iterdir()) if (folder / "results").is_dir() else []
    if not systems:
        yield Problem("layout", str(folder), "there are no results")
    for system in systems:
        yield from _description(folder / "systems" / f"{system.name}.json")
        for task in sorted(system.iterdir()):
            yield from _task(task, closed=folder.parent.name == "closed")


def _paths(folder: Path) -> Iterator[Problem]:
    for path in sorted(folder.rglob("*")):
        where = str(path)
        if path.is_symlink():
            yield Problem("layout", where, "a symbolic link")
        elif path.is_dir():
            if path.name == "__pycache__" or not any(path.iterdir()):
                yield Problem("layout", where, "an empty folder, or __pycache__")
        elif path.stat().st_size > _LARGEST:
            yield Problem("layout", where, "larger than 500 MB")
        if " " in path.name or path.name.startswith("."):
            yield Problem("layout", where, "a name with a space, or one that begins with a dot")


def _description(path: Path) -> Iterator[Problem]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield Problem("layout", str(path), f"no description of the system: {error}")
        return
    status = content.get("Status") if isinstance(content, dict) else None
    if not isinstance(status, str) or status.lower() not in _STATUSES:
        yield Problem("layout", str(path), f"Status is {status!r}, not one of {_STATUSES}")


def _task(folder: Path, *, closed: bool) -> Iterator[Problem]:
    if folder.name not in SHORTS:
        yield Problem("layout", str(folder), f"no task of {', '.join(SHORTS)}")
        return
    task = next(one for one in mlperf_tasks.TASKS.values() if one.short == folder.name)
    for mode in MODES:
        path = folder / mode
        if path.is_dir():
            yield from _mode(path, task, closed=closed)
        elif mode != "energy":
            yield Problem("layout", str(path), f"there is no {mode}")


def _mode(folder: Path, task: MlperfTask, *, closed: bool) -> Iterator[Problem]:
    where = str(folder)
    there = {path.name for path in folder.iterdir() if not _PLOT.fullmatch(path.name)}
    missing, more = set(NAMES) - there, there - set(NAMES)
    if missing:
        yield Problem("layout", where, f"there is no {sorted(missing)[0]}")
    if more:
        yield Problem("layout", where, f"{sorted(more)[0]} does not belong there")
    try:
        text = (folder / TEXT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    yield from _figure(folder, text, task, closed=closed)
    own = read_result(folder)
    if own is not None:
        yield Problem("rules", where, "the log is hil's; the rules ask for the official runner's")
        for reason in own.get("obstacles", ()):
            yield Problem("rules", where, str(reason))
    if folder.name != "accuracy":
        yield from _windows(folder, own)


def _figure(folder: Path, text: str, task: MlperfTask, *, closed: bool) -> Iterator[Problem]:
    """The line that the official checker reads."""
    patterns = {
        "performance": _MEDIAN,
        "energy": _ENERGY,
        "accuracy": _AUC if task.metric == "auc" else _TOP1,
    }
    found = [m for line in text.splitlines() if (m := patterns[folder.name].search(line))]
    if not found:
        yield Problem("layout", str(folder / TEXT), f"no line with the figure of {folder.name}")
    elif folder.name == "accuracy" and closed:
        value = float(found[-1][1])
        target = task.quality if task.metric == "auc" else 100 * task.quality
        if value < target:
            message = f"{task.metric} is {value:g}, the closed division asks for {target:g}"
            yield Problem("layout", str(folder / TEXT), message)


def _windows(folder: Path, own: dict[str, Any] | None) -> Iterator[Problem]:
    """Five windows, each long enough; of the runner's energy only their number is known here."""
    where = str(folder / JSON)
    try:
        content = own["results"] if own is not None else json.loads((folder / JSON).read_bytes())
        windows = [one["infer"] for one in content if "infer" in one]
        lengths = [(one["iterations"], one.get("elapsed_time")) for one in windows]
    except (OSError, ValueError, TypeError, KeyError):
        yield Problem("rules", where, "the windows cannot be read")
        return
    if len(lengths) != rules.WINDOWS:
        yield Problem("rules", where, f"{len(lengths)} windows instead of {rules.WINDOWS}")
    for number, (inferences, elapsed_us) in enumerate(lengths, start=1):
        known = isinstance(elapsed_us, int)
        if inferences < rules.LEAST_INFERENCES or (known and elapsed_us < rules.LEAST_S * 1e6):
            took = f" in {elapsed_us / 1e6:.3f} s" if known else ""
            yield Problem("rules", where, f"window {number}: {inferences} inferences{took}")
