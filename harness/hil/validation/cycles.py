"""Compares the timing models with cycles that were measured on silicon."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import UsageError
from hil.firmware.program import open_program
from hil.measure.cycles.bands import KINDS, SCHEMA, Compared, derive_band
from hil.measure.cycles.cores import TimingTable, core_table
from hil.measure.cycles.decode import ReadCode
from hil.measure.cycles.pricing import profile_cycles
from hil.records import BlockProfile
from hil.resources import data_dir
from hil.targets.registry import program_runner
from hil.validation.programs import Program, load_set


@dataclass(frozen=True)
class Comparison:
    """One program: cycles predicted by the core's model and measured on silicon."""

    program: Program
    core: TimingTable
    predicted_cycles: int
    instructions: int
    profile: BlockProfile = field(repr=False)
    read: ReadCode = field(repr=False)

    @property
    def error_pct(self) -> float:
        """How far the prediction is above (+) or below (-) what was measured."""
        return 100.0 * (self.predicted_cycles / self.program.measured_cycles - 1)


@dataclass(frozen=True)
class Validation:
    """A set, compared. ``tools`` are the emulators that ran it."""

    name: str
    comparisons: tuple[Comparison, ...]
    tools: tuple[str, ...]

    @property
    def cores(self) -> tuple[str, ...]:
        """Names under which the cores' comparisons are kept, sorted."""
        return tuple(sorted({c.core.validated_as for c in self.comparisons}))


def validate(folder: Path, progress: Callable[[str], None] = lambda text: None) -> Validation:
    """Run every program of the set in ``folder`` and price the region between its symbols.

    Raises:
        UsageError: the set is invalid.
        ProfileError: unknown core.
        HilError: what :meth:`ProgramRunner.run_region` raises, for the first program that fails.
    """
    found = load_set(folder)
    comparisons, tools, runner = [], set(), program_runner()
    for number, program in enumerate(found.programs, start=1):
        progress(f"{program.entry.program} ({number} of {len(found.programs)})")
        core = core_table(program.entry.core)
        trace = runner.run_region(
            program.elf,
            machine=program.entry.machine,
            begin=program.entry.begin,
            end=program.entry.end,
            timeout_s=program.entry.timeout_s,
        )
        tools.add(trace.tool)
        comparisons.append(_compare(program, core, trace.windows[0]))
    return Validation(found.name, tuple(comparisons), tuple(sorted(tools)))


def _compare(program: Program, core: TimingTable, profile: BlockProfile) -> Comparison:
    read = open_program(program.elf).read
    predicted = round(float(profile_cycles(core, read, profile).sum()))
    return Comparison(program, core, predicted, profile.instructions, profile, read)


def fit(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """Fit the free parameters of one core to its fitted half: least squares of relative errors.

    Prices are linear in each parameter, so that its share is what a value of one adds to none.

    Raises:
        UsageError: the core has no free parameter, or fewer fitted programs than parameters.
    """
    used = [c for c in comparisons if c.program.entry.split == "fitted" and not _left_out(c)]
    names = comparisons[0].core.fitted
    if not names or len(used) < len(names):
        raise UsageError(
            f"{comparisons[0].core.title}: {len(names)} parameters to fit, {len(used)} programs",
            hint='mark programs of the set with split = "fitted"',
        )
    shares, wanted = [], []
    for one in used:
        none = _with(one.core, dict.fromkeys(names, 0.0))
        base = _total(none, one)
        measured = one.program.measured_cycles
        shares.append([(_total(_with(none, {n: 1.0}), one) - base) / measured for n in names])
        wanted.append(1 - base / measured)
    values = np.linalg.lstsq(np.array(shares), np.array(wanted), rcond=None)[0]
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}


def _with(core: TimingTable, values: dict[str, Any]) -> TimingTable:
    return replace(core, **values)


def _total(core: TimingTable, one: Comparison) -> float:
    return float(profile_cycles(core, one.read, one.profile).sum())


def _left_out(one: Comparison) -> bool:
    return bool(one.program.entry.left_out)


def table(validation: Validation, name: str) -> dict[str, Any]:
    """Return what ``reports/validation/<name>.json`` holds: programs, means, bands, parameters."""
    own = [c for c in validation.comparisons if c.core.validated_as == name]
    core = own[0].core
    return {
        "schema": SCHEMA,
        "core": name,
        "set": validation.name,
        "emulators": list(validation.tools),
        "fitted_parameters": {field: getattr(core, field) for field in core.fitted},
        "means": {
            split: mean_errors([c for c in own if split in ("all", c.program.entry.split)])
            for split in ("fitted", "held-back", "all")
        },
        "kinds": {
            kind: means
            for kind in KINDS
            if (means := mean_errors([c for c in own if c.program.entry.kind == kind]))["programs"]
        },
        "bands": bands(own),
        "programs": [_row(c) for c in own],
    }


def mean_errors(comparisons: Sequence[Comparison]) -> dict[str, float | int]:
    """Mean and worst absolute error in per cent of the programs that are not left out."""
    errors = [abs(c.error_pct) for c in comparisons if not _left_out(c)]
    if not errors:
        return {"programs": 0, "mean_pct": 0.0, "worst_pct": 0.0}
    mean = statistics.fmean(errors)
    return {
        "programs": len(errors),
        "mean_pct": round(mean, 2),
        "worst_pct": round(max(errors), 2),
    }


def bands(comparisons: Sequence[Comparison]) -> dict[str, dict[str, Any]]:
    """Half bands by kind of code that these comparisons of one core support."""
    compared = [
        Compared(c.error_pct, c.program.entry.kind, c.program.entry.split == "held-back")
        for c in comparisons
        if not _left_out(c)
    ]
    found = {kind: derive_band(compared, kind) for kind in KINDS}
    return {kind: {"pct": one.pct, "rests_on": one.words} for kind, one in found.items()}


def _row(one: Comparison) -> dict[str, Any]:
    entry = one.program.entry
    return {
        "program": entry.program,
        "core": entry.core,
        "kind": entry.kind,
        "split": entry.split,
        "left_out": entry.left_out,
        "instructions": one.instructions,
        "predicted_cycles": one.predicted_cycles,
        "measured_cycles": one.program.measured_cycles,
        "error_pct": round(one.error_pct, 3),
        "chip": one.program.chip,
        "compiler": one.program.compiler,
        "built_with": entry.built_with,
        "source": one.program.source,
    }


def write_tables(validation: Validation) -> tuple[Path, ...]:
    """Write ``reports/validation/<core>.json`` for every core of the set; return the paths.

    Raises:
        UsageError: the folder cannot be written.
    """
    folder = data_dir("reports") / "validation"
    written = []
    try:
        folder.mkdir(exist_ok=True)
        for name in validation.cores:
            path = folder / f"{name}.json"
            text = json.dumps(table(validation, name), indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}",
            hint="run this in a checkout of hil, or point HIL_DATA_DIR to a copy of its folders",
        ) from error
    return tuple(written)
