"""What may explain a step between two runs: the ops that changed, and what else was different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.records import OpMeasurement, RunRecord
from hil.report.run.provenance import plain_text
from hil.report.site.trend_chart import signed
from hil.report.words.format import plural, shorten, tensor_name

_SHOWN_OPS = 3
_FACTS: Mapping[str, str] = {
    "hil_version": "hil",
    "engine_version": "engine version",
    "compiler": "compiler",
    "compiler_flags": "compiler flags",
    "optimize": "optimization",
    "target_tool": "target tool",
    "memory_model": "memory model",
    "calibration": "calibration",
    "inputs_sha256": "inputs",
}


def changed_ops(before: RunRecord, after: RunRecord) -> tuple[str, ...]:
    """Return the ops whose cycles changed most, such as ``op 2, CONV_2D (conv/Relu): +3.1 %``."""
    if not before.ops or not after.ops:
        return ()
    if [op.op for op in before.ops] != [op.op for op in after.ops]:
        return (f"the model has other ops: {len(before.ops)} before, {len(after.ops)} after",)
    pairs = [
        (old, new)
        for old, new in zip(before.ops, after.ops, strict=True)
        if old.cycles != new.cycles
    ]
    pairs.sort(key=lambda pair: -abs(pair[1].cycles - pair[0].cycles))
    shown = [_op(old, new) for old, new in pairs[:_SHOWN_OPS]]
    if len(pairs) > _SHOWN_OPS:
        shown.append(f"{plural(len(pairs) - _SHOWN_OPS, 'more op')}")
    return tuple(shown)


def _op(old: OpMeasurement, new: OpMeasurement) -> str:
    change = new.cycles / old.cycles - 1 if old.cycles else None
    return f"op {new.index}, {new.op} ({tensor_name(new.name)}): {signed(change)} cycles"


def other_differences(before: RunRecord, after: RunRecord) -> tuple[str, ...]:
    """Return what else differs between the runs: the model's bytes, tools, flags, inputs."""
    found = []
    if before.model and after.model and before.model.sha256 != after.model.sha256:
        found.append("the model's bytes")
    if before.machine != after.machine:
        found.append(f"machine {before.machine} to {after.machine}")
    for key, label in _FACTS.items():
        old, new = (_fact(run.provenance, key) for run in (before, after))
        if old != new:
            found.append(label if key.endswith("sha256") else f"{label} {old} to {new}")
    return tuple(found)


def _fact(provenance: Mapping[str, Any], key: str) -> str:
    return shorten(plain_text(provenance.get(key)), 60) or "unknown"
