"""Which runs are of one model or one firmware, and which share the error of a figure.

The error of a modelled figure comes from the timing, memory or power model of the chip. Two runs of
one network by one engine on one profile do nearly the same work, so that model errs by nearly the
same factor in both, and their ratio is known far better than either value. Runs of different
engines or networks mix their instructions differently: there only the bands say what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.records import RunRecord

BOARD = "board"
"""The name of the target of boards, virtual ones among them."""
_TIMES = frozenset(("cycles", "latency_us"))


def scheme(run: RunRecord) -> str:
    """The scheme of a variant made by hil, or an empty text for a model as given."""
    return str(run.provenance.get("scheme") or "")


def quantize_option(run: RunRecord, name: str) -> str:
    """An option of the quantization, empty for a model as given."""
    options = run.provenance.get("quantize_options")
    return str(options.get(name) or "") if isinstance(options, Mapping) else ""


def arithmetic(run: RunRecord) -> str:
    """``int8``, ``q8 Q4.4``: the scheme of a variant, else the data type of the model as given."""
    if made := scheme(run):
        return f"{made} {quantize_option(run, 'q_format')}".strip()
    return run.model.dtype if run.model else ""


def same_model(a: RunRecord, b: RunRecord) -> bool:
    """Whether two runs are of one model: by SHA-256, or by name and arithmetic (retrained)."""
    if a.model is None or b.model is None:
        return False
    if a.model.sha256 == b.model.sha256:
        return True
    return a.model.name == b.model.name and arithmetic(a) == arithmetic(b)


def shares_error(baseline: RunRecord, other: RunRecord, figure: str) -> bool:
    """Whether the error of ``figure`` is common to both runs and cancels out in their ratio.

    Both must be of one model, profile, target and engine, and have the figure from one source.
    """
    a, b = baseline.measurements.get(figure), other.measurements.get(figure)
    return (
        a is not None
        and b is not None
        and (a.kind, a.source) == (b.kind, b.source)
        and (baseline.profile_name, baseline.target, baseline.engine)
        == (other.profile_name, other.target, other.engine)
        and same_model(baseline, other)
    )


def is_measured(run: RunRecord) -> bool:
    """Whether the time of a run was measured on silicon."""
    return any(run.measurements[name].kind == "measured" for name in _TIMES & {*run.measurements})


def is_virtual(run: RunRecord) -> bool:
    """Whether a run is of an emulated device in the place of a board: it measures nothing."""
    kinds = {figure.kind for figure in run.measurements.values()}
    nothing_measured = "modelled" in kinds and "measured" not in kinds
    return run.target == BOARD and bool(run.provenance.get("board_virtual", nothing_measured))


def on_board(run: RunRecord) -> bool:
    """Whether a run is of a board, a virtual one too, rather than of a model of the chip."""
    return run.target == BOARD or is_measured(run)


def unlike_firmware(a: RunRecord, b: RunRecord) -> tuple[str, ...]:
    """In what two runs differ that makes them runs of two firmwares; empty for one.

    The ELF may differ: an emulated machine that is not the chip itself needs another port.
    """
    facts: dict[str, list[Any]] = {
        "model": [run.model.sha256 if run.model else None for run in (a, b)],
        "engine": [(run.engine, run.provenance.get("engine_version")) for run in (a, b)],
        "optimization": [run.provenance.get("optimize") for run in (a, b)],
        "chip": [_part(run, "chip", "part") for run in (a, b)],
        "clock": [_part(run, "clock", "hz") for run in (a, b)],
    }
    return tuple(name for name, (one, other) in facts.items() if one != other)


def is_model_and_board(a: RunRecord, b: RunRecord) -> bool:
    """Whether one of two passed runs is of a board and the other of the model of its chip, with
    one firmware: what differs in their times is the model's error.
    """
    return (
        a.status == b.status == "passed"
        and on_board(a) != on_board(b)
        and not unlike_firmware(a, b)
    )


def _part(run: RunRecord, table: str, key: str) -> Any:
    found = run.profile.get(table)
    return found.get(key) if isinstance(found, Mapping) else None
