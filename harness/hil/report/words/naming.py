"""What runs are called: engine, chip, and what sets one run apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hil.records import RunRecord
from hil.verdict.kinship import BOARD, arithmetic, quantize_option


def engine_title(run: RunRecord) -> str:
    """What the run's engine calls itself, else the name that it has here."""
    return str(run.provenance.get("engine_title") or run.engine)


def is_baseline_engine(run: RunRecord) -> bool:
    """Whether the run's engine is there to be compared with, as the engine itself states."""
    return run.provenance.get("engine_role") == "baseline"


def family(run: RunRecord) -> str:
    """What makes runs runs of one model: the hash of the variant's parent, else of the model."""
    parent = str(run.provenance.get("parent_sha256") or "")
    return parent or (run.model.sha256 if run.model else "")


def model_name(run: RunRecord) -> str:
    """The model's name, its parent's for a variant made by hil."""
    parent = str(run.provenance.get("parent_name") or "")
    return parent or (run.model.name if run.model else "unknown model")


def chip_name(run: RunRecord) -> str:
    """The part, such as ``STM32L475VG``, else the profile's name."""
    chip = run.profile.get("chip") or {}
    return str(chip.get("part") or run.profile_name)


def clock_hz(run: RunRecord) -> float | None:
    """The chip's clock in Hz, or None where the profile does not say."""
    hz = (run.profile.get("clock") or {}).get("hz")
    return float(hz) if hz else None


def place_name(run: RunRecord) -> str:
    """Where a run took place: ``board desk``, or the target's name."""
    return f"board {run.machine}" if run.target == BOARD else run.target


def matchup(baseline: RunRecord, other: RunRecord) -> tuple[str, str]:
    """What is compared: (other, baseline) by engine, by data type, or by both."""
    titles = engine_title(other), engine_title(baseline)
    types = arithmetic(other), arithmetic(baseline)
    if family(other) != family(baseline) or types[0] == types[1]:
        return titles
    if titles[0] == titles[1]:
        return types
    return f"{titles[0]}, {types[0]}", f"{titles[1]}, {types[1]}"


_TELLING: tuple[Callable[[RunRecord], str], ...] = (
    engine_title,
    model_name,
    arithmetic,
    lambda run: run.profile_name,
    place_name,
    lambda run: quantize_option(run, "method"),
    lambda run: quantize_option(run, "io"),
    lambda run: str(run.provenance.get("optimize") or ""),
    lambda run: str(run.provenance.get("memory_model") or ""),
    lambda run: str(run.provenance.get("hil_commit") or "")[:12],
)
_ENGINE, _ARITHMETIC = 0, 2  # positions
_STRUCTURAL = 5  # the first so many are named where they differ, the rest only to distinguish runs


def names(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """A short name for each run: its engine, and what else differs between them.

    Variants of one model under one engine go by their data types alone. Compiler options and
    commits are named only where engine, model, scheme and profile do not distinguish the runs; the
    ends of the run ids where nothing else does.
    """
    used = [_ENGINE]
    for position, read in enumerate(_TELLING):
        labels = _labels(runs, used)
        if position and len({read(run) for run in runs}) > 1:
            splits = len(set(_labels(runs, [*used, position]))) > len(set(labels))
            if position < _STRUCTURAL or splits:
                used.append(position)
    if _ARITHMETIC in used and len({(engine_title(run), family(run)) for run in runs}) == 1:
        used.remove(_ENGINE)
    labels = _labels(runs, used)
    ends = [run.run_id[-6:] for run in runs]
    return tuple(
        f"{label}, {end}" if labels.count(label) > 1 else label
        for label, end in zip(labels, ends, strict=True)
    )


def _labels(runs: Sequence[RunRecord], used: Sequence[int]) -> list[str]:
    return [", ".join(filter(None, (_TELLING[i](run) for i in used))) for run in runs]
