"""The parts of a run that make up a regression: ops, functions, memory by owner, tensors.

Cycles are compared op by op and function by function, bytes by what occupies them. What the parts
do not explain is named too: code between the ops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from hil.records import OpMeasurement, RunRecord

Part = Literal["op", "between ops", "function", "memory", "tensor", "power"]
_TIMED = ("latency_us", "cycles", "energy_uj", "instructions")
_RAM = {
    "arena": "arena_bytes",
    "static": "static_bytes",
    "stack": "stack_bytes",
    "heap": "heap_bytes",
}
_MOST = 3  # causes of one kind
_LEAST_SHARE = 0.05  # smaller parts are not named
_ENOUGH = 0.9  # of the whole change: the rest is not named
_MOST_OF_IT = 0.5  # what a function must explain to be named beside the ops
_NAME_LENGTH = 40


@dataclass(frozen=True)
class Cause:
    """A part that grew: by ``change`` in ``unit``, which is ``share`` of the whole change.

    ``share`` is a fraction, above 1 where other parts shrank. ``baseline`` or ``candidate`` is None
    where only the other run has the part.
    """

    part: Part
    name: str
    unit: str
    baseline: float | None
    candidate: float | None
    change: float
    share: float

    @property
    def text(self) -> str:
        """``op 3 CONV_2D conv/Relu +58,000 cycles (97 % of it)``."""
        new = " (new)" if self.baseline is None else ""
        amount = f"{self.change:+,.{0 if self.change == int(self.change) else 3}f}"
        unit = {"bytes": "B"}.get(self.unit, self.unit)
        return f"{self.name}{new} {amount} {unit} ({100 * self.share:.0f} % of it)"


_Block = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]


class _Row(NamedTuple):
    name: str
    baseline: float | None
    candidate: float | None

    @property
    def change(self) -> float:
        return (self.candidate or 0) - (self.baseline or 0)


def causes(figure: str, baseline: RunRecord, run: RunRecord) -> tuple[Cause, ...]:
    """Return the parts that made ``figure`` larger; empty where the runs do not have any."""
    if figure in _TIMED:
        return _of_time(figure, baseline, run)
    if figure == "flash_bytes":
        return _of_owners(baseline.flash_by_owner, run.flash_by_owner)
    if figure == "ram_bytes":
        return _of_owners(*(_ram(one) for one in (baseline, run)))
    if figure == "arena_bytes":
        return _of_arena(baseline, run)
    return ()


def _of_time(figure: str, baseline: RunRecord, run: RunRecord) -> tuple[Cause, ...]:
    unit = "instructions" if figure == "instructions" else "cycles"
    both = [one.measurements.get(unit) for one in (baseline, run)]
    if both[0] is None or both[1] is None:
        return ()
    power = _of_power(baseline, run) if figure == "energy_uj" else ()
    total = both[1].value - both[0].value
    if total <= 0:
        return power
    rows = _ops(baseline.ops, run.ops, unit) if baseline.ops and run.ops else []
    found = _largest("op", unit, rows, total)
    if rows:
        between = _Row(
            "code between the ops",
            both[0].value - sum(getattr(op, unit) for op in baseline.ops),
            both[1].value - sum(getattr(op, unit) for op in run.ops),
        )
        found += _largest("between ops", unit, [between], total)
    functions = _largest("function", unit, _functions(baseline, run, unit), total)
    found += [one for one in functions[:1] if one.share >= _MOST_OF_IT]
    return (*power, *found)


def _ops(old: Sequence[OpMeasurement], new: Sequence[OpMeasurement], unit: str) -> list[_Row]:
    """Pair the ops of two runs: in order, by type and name where the models differ."""
    rows = []
    kinds = [[op.op for op in ops] for ops in (old, new)]
    if kinds[0] == kinds[1]:
        blocks: list[_Block] = [("equal", 0, len(old), 0, len(new))]
    else:
        before, after = ([(op.op, op.name) for op in ops] for ops in (old, new))
        blocks = list(SequenceMatcher(None, before, after, autojunk=False).get_opcodes())
    for word, i, i_end, j, j_end in blocks:
        if word == "equal":
            rows += [
                _Row(_op_name(b), getattr(a, unit), getattr(b, unit))
                for a, b in zip(old[i:i_end], new[j:j_end], strict=True)
            ]
            continue
        rows += [_Row(_op_name(op), getattr(op, unit), None) for op in old[i:i_end]]
        rows += [_Row(_op_name(op), None, getattr(op, unit)) for op in new[j:j_end]]
    return rows


def _op_name(op: OpMeasurement) -> str:
    return f"op {op.index} {op.op} {_short(op.name)}".rstrip()


def _short(name: str) -> str:
    """A tensor's name without what was fused into it."""
    first = name.partition(";")[0]
    return first if len(first) <= _NAME_LENGTH else "…" + first[-_NAME_LENGTH + 1 :]


def _functions(baseline: RunRecord, run: RunRecord, unit: str) -> list[_Row]:
    old, new = (
        {one.name: float(getattr(one, unit)) for one in r.functions} for r in (baseline, run)
    )
    if not (old and new):
        return []
    names = dict.fromkeys([*new, *old])
    return [_Row(name, old.get(name), new.get(name)) for name in names]


def _of_power(baseline: RunRecord, run: RunRecord) -> tuple[Cause, ...]:
    """The power model, where energy grew by another factor than the time."""
    values = [
        (one.measurements.get("energy_uj"), one.measurements.get("latency_us"))
        for one in (baseline, run)
    ]
    milliwatts = [
        1e3 * energy.value / time.value for energy, time in values if energy and time and time.value
    ]
    if len(milliwatts) < 2:
        return ()
    (energy, time), (energy_now, _) = values
    assert energy is not None
    assert energy_now is not None
    assert time is not None
    change = milliwatts[1] - milliwatts[0]
    total = energy_now.value - energy.value
    if total <= 0 or change <= 1e-6 * milliwatts[0]:
        return ()
    share = change * time.value / 1e3 / total
    then, now = milliwatts
    return (Cause("power", "power while active", "mW", then, now, change, share),)


def _ram(run: RunRecord) -> dict[str, float]:
    """RAM by owner as it is used: the figures of which ``ram_bytes`` is the sum."""
    return {
        owner: run.measurements[name].value
        for owner, name in _RAM.items()
        if name in run.measurements
    }


def _of_owners(old: Mapping[str, float], new: Mapping[str, float]) -> tuple[Cause, ...]:
    rows = [_Row(owner, old.get(owner, 0), new.get(owner, 0)) for owner in {**old, **new}]
    return tuple(_largest("memory", "bytes", rows, sum(row.change for row in rows)))


def _of_arena(baseline: RunRecord, run: RunRecord) -> tuple[Cause, ...]:
    """The tensors that live while the arena is fullest, in the plans of both runs."""
    peaks = [_at_peak(one) for one in (baseline, run)]
    if not (peaks[0] and peaks[1]):
        return ()
    total = sum(peaks[1].values()) - sum(peaks[0].values())
    names = dict.fromkeys([*peaks[1], *peaks[0]])
    rows = [_Row(_short(name), peaks[0].get(name), peaks[1].get(name)) for name in names]
    return tuple(_largest("tensor", "bytes", rows, total))


def _at_peak(run: RunRecord) -> dict[str, float]:
    if run.plan is None:
        return {}
    peak = run.plan.peak_op
    live = [one for one in run.plan.placements if one.first_op <= peak <= one.last_op]
    sizes: dict[str, float] = {}
    for one in live:
        sizes[one.name] = sizes.get(one.name, 0) + one.size
    return sizes


def _largest(part: Part, unit: str, rows: Iterable[_Row], total: float) -> list[Cause]:
    """The rows that grew most, until they explain nearly all of ``total``."""
    if total <= 0:
        return []
    found: list[Cause] = []
    explained = 0.0
    for row in sorted(rows, key=lambda row: -row.change)[:_MOST]:
        share = row.change / total
        if share < _LEAST_SHARE or explained >= _ENOUGH:
            break
        explained += share
        found.append(Cause(part, row.name, unit, row.baseline, row.candidate, row.change, share))
    return found
