"""Results as files in the layout of the official runner: ``log.txt``, ``results.txt``,
``results.json``.

``results.txt`` has the lines that MLPerf Tiny's submission checker looks for
(``tools/submission/submission_checker.py`` of https://github.com/mlcommons/tiny); hil's own files
say in their first line, and in ``results.json``, that hil wrote them.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hil import files, mlperf_tasks
from hil.errors import UsageError
from hil.mlperf import rules
from hil.mlperf.result import MlperfResult, WindowResult

SCHEMA = "hil.mlperf.result/1"
LOG, TEXT, JSON = "log.txt", "results.txt", "results.json"
NAMES = (LOG, TEXT, JSON)
_LINE = "---------------------------------------------------------"


def folder_of(root: Path, result: MlperfResult) -> Path:
    """Return ``ROOT/SYSTEM/TASK/MODE``, as in the results of a submission."""
    return root / result.system / mlperf_tasks.find(result.task).short / result.mode


def write(root: Path, result: MlperfResult) -> Path:
    """Write the three files, each at once; return their folder.

    Raises:
        UsageError: they cannot be written.
    """
    folder = folder_of(root, result)
    text = "\n".join(text_lines(result)) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(folder / LOG, "\n".join([*_head(result), *result.log, text]).encode())
        files.write_bytes(folder / TEXT, text.encode())
        content = json.dumps(as_json(result), indent=1, allow_nan=False)
        files.write_bytes(folder / JSON, content.encode())
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror}", hint="give another folder with --results"
        ) from error
    return folder


def as_json(result: MlperfResult) -> dict[str, Any]:
    """Return the result with its windows as the runner's ``results.json`` has them."""
    plain = dataclasses.asdict(result)
    del plain["log"], plain["windows"]
    return {
        "schema": SCHEMA,
        **plain,
        "provenance": {key: _plain(value) for key, value in result.provenance.items()},
        "results": [_window(window, result.mode[0]) for window in result.windows],
    }


def text_lines(result: MlperfResult) -> list[str]:
    """Return ``results.txt``, line by line."""
    stamp = datetime.now(UTC).strftime("%m%d.%H%M%S hil-mlperf:")
    lines = _head(result)
    if result.mode == "performance":
        return lines + _performance(result, stamp)
    if result.mode == "energy":
        return lines + _energy(result)
    figures = result.figures
    if "top1" in figures:
        lines.append(f"{stamp} Top 1% = {100 * figures['top1'].value:2.1f}")
    if "auc" in figures:
        lines.append(f"{stamp} AUC = {figures['auc'].value:.3f}")
    return lines


def _head(result: MlperfResult) -> list[str]:
    reasons = "; ".join(result.obstacles)
    return [
        f"hil mlperf {result.mode}, {result.task} on {result.system} ({result.kind}); "
        "not written by the official runner",
        *([f"does not count in a submission: {reasons}"] if reasons else []),
    ]


def _performance(result: MlperfResult, stamp: str) -> list[str]:
    lines = []
    for number, one in enumerate(result.windows, start=1):
        window = rules.Window(one.inferences, one.elapsed_us or 0)
        lines += [
            f"Performance results for window {number}",
            f"    # Inferences : {window.inferences}",
            f"    Runtime: {window.elapsed_us / 1e6} sec.",
            f"    Throughput: {window.throughput} inf./sec.",
            *(["    Runtime requirements have been met."] if window.valid else []),
        ]
    median = f"Median throughput is {result.figures['throughput'].value:>10.3f} inf./sec."
    return [*lines, f"{stamp} {_LINE}", f"{stamp} {median}", f"{stamp} {_LINE}"]


def _energy(result: MlperfResult) -> list[str]:
    lines = ["Power Edition Output"]
    for number, one in enumerate(result.windows):
        elapsed_s, energy_uj = (one.elapsed_us or 0) / 1e6, one.energy_uj or 0.0
        total_uj = energy_uj * one.inferences
        lines += [
            f"Energy data for trial {number}",
            f"  Elapsed time  : {elapsed_s}",
            f"  Inferences    : {one.inferences}",
            f"  Power         : {1e-3 * total_uj / elapsed_s:5.4f} mW.",
            f"  Total Energy  : {total_uj:.3f} uJ",
            f"  Energy/Inf    : {energy_uj:.3f} uJ/inf",
        ]
    median = f"Median energy cost is {result.figures['energy_uj'].value:5.4f} uJ/inf."
    return [*lines, _LINE, median, _LINE]


def _window(window: WindowResult, mode: str) -> dict[str, Any]:
    return {
        "file": window.file,
        "class": window.label,
        "infer": {
            "results": list(window.results),
            "iterations": window.inferences,
            "warmups": window.warmups,
            "elapsed_time": window.elapsed_us,
            **({"energy_uj": window.energy_uj} if window.energy_uj is not None else {}),
        },
        "mode": mode,
    }


def _plain(value: Any) -> Any:
    """What JSON has of a fact; everything else as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
