"""Whether targets agree: the same firmware must give the same counts on each of them.

An emulator that runs the same ELF on the same inputs executes the same instructions, so that
instruction counts and modelled cycles are equal to the last one, in total and by op. Runs of boards
are never compared: `hil compare` shows how far a model is from one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from hil.records import OpMeasurement, RunRecord
from hil.verdict.kinship import on_board

PairWord = Literal["equal", "different", "not compared"]
PAIR_WORDS: tuple[PairWord, ...] = get_args(PairWord)
COUNTS = ("instructions", "cycles")
# What must be the same on both sides before counts can be: provenance key, its name.
_CONDITIONS = {
    "firmware_sha256": "firmware",
    "inputs_sha256": "inputs",
    "memory_model": "memory models",
    "calibration": "calibrations",
}


@dataclass(frozen=True)
class Difference:
    """A count that two targets give differently; ``where`` is ``total`` or the op."""

    where: str
    count: str
    first: float
    second: float


@dataclass(frozen=True)
class Pair:
    """The runs of one kind on two targets. ``differences`` only where ``word`` is ``different``."""

    word: PairWord
    model: str
    profile: str
    engine: str
    targets: tuple[str, str]
    run_ids: tuple[str, str]
    differences: tuple[Difference, ...] = ()
    reason: str = ""

    @property
    def title(self) -> str:
        """Model, profile, engine and targets in a line."""
        return f"{self.model} on {self.profile}, {self.engine}, {' and '.join(self.targets)}"


@dataclass(frozen=True)
class Agreement:
    """All pairs, and how many kinds of runs are there on one target only (``single``)."""

    pairs: tuple[Pair, ...]
    single: int

    @property
    def counts(self) -> dict[str, int]:
        """Number of pairs by word."""
        words = [pair.word for pair in self.pairs]
        return {word: words.count(word) for word in PAIR_WORDS}

    @property
    def passed(self) -> bool:
        """Whether no pair is different."""
        return not self.counts["different"]

    @property
    def compared(self) -> bool:
        """Whether there is a pair that was compared."""
        return any(pair.word != "not compared" for pair in self.pairs)

    @property
    def complete(self) -> bool:
        """Whether every run was compared with one of another target."""
        return self.compared and not (self.single or self.counts["not compared"])

    @property
    def verdict(self) -> str:
        """One sentence: equal or different, and the numbers."""
        number, counts = len(self.pairs), self.counts
        if not self.compared:
            return f"nothing was compared: {self._rest() or 'there is no run'}"
        if self.passed:
            text = f"equal: {_plural(counts['equal'], 'pair')} of runs with the same counts"
        else:
            compared = number - counts["not compared"]
            text = f"different: {counts['different']} of {_plural(compared, 'pair')} of runs"
        rest = self._rest()
        return text + (f"; {rest}" if rest else "")

    def _rest(self) -> str:
        skipped = self.counts["not compared"]
        parts = [f"{_plural(skipped, 'pair')} not comparable"] * bool(skipped)
        parts += [f"{_plural(self.single, 'run')} on one target only"] * bool(self.single)
        return ", ".join(parts)


def agreement(runs: Iterable[RunRecord]) -> Agreement:
    """Compare the runs of each kind (model, profile, engine) between their targets.

    Of several runs of a kind on one target the first counts. Each further target is compared with
    the first, in the order of their names.
    """
    kinds: dict[tuple[str, str, str], dict[str, RunRecord]] = {}
    for run in runs:
        if run.model is not None:
            kind = (run.model.sha256, run.profile_name, run.engine)
            kinds.setdefault(kind, {}).setdefault(run.target, run)
    pairs = []
    for by_target in kinds.values():
        first, *others = (by_target[target] for target in sorted(by_target))
        pairs += [_pair(first, other) for other in others]
    pairs.sort(key=lambda pair: (pair.model, pair.profile, pair.engine, pair.targets))
    return Agreement(tuple(pairs), sum(len(by_target) == 1 for by_target in kinds.values()))


def _pair(first: RunRecord, second: RunRecord) -> Pair:
    word: PairWord = "not compared"
    differences: tuple[Difference, ...] = ()
    reason = _why_not(first, second)
    if not reason and {first.status, second.status} == {"passed", "failed"}:
        word = "different"
        failed, other = (first, second) if first.status == "failed" else (second, first)
        message = failed.errors[0].message if failed.errors else "the run failed"
        reason = f"failed on {failed.target}, passed on {other.target}: {message}"
    elif not reason:
        differences = tuple(_differences(first, second))
        word = "different" if differences else "equal"
    assert first.model is not None
    return Pair(
        word=word,
        model=first.model.name,
        profile=first.profile_name,
        engine=first.engine,
        targets=(first.target, second.target),
        run_ids=(first.run_id, second.run_id),
        differences=differences,
        reason=reason,
    )


def _why_not(first: RunRecord, second: RunRecord) -> str:
    """Why the counts of two runs need not be equal, '' if they must be."""
    for run in (first, second):
        if on_board(run):
            return f"{run.machine} is a board: its cycles are no counts of an emulator"
    statuses = {first.status, second.status}
    if not (statuses <= {"passed", "failed"} and "passed" in statuses):
        return f"the runs are {first.status} and {second.status}"
    if statuses == {"passed"}:
        for run in (first, second):
            if not any(name in run.measurements for name in COUNTS):
                return f"{run.target} counts no instructions"
    for key, label in _CONDITIONS.items():
        values = first.provenance.get(key), second.provenance.get(key)
        if values[0] != values[1] and (statuses == {"passed"} or None not in values):
            return f"they have different {label}"
    return ""


def _differences(first: RunRecord, second: RunRecord) -> Iterator[Difference]:
    for name in COUNTS:
        values = [run.measurements.get(name) for run in (first, second)]
        numbers = [value.value if value else float("nan") for value in values]
        if numbers[0] != numbers[1]:
            yield Difference("total", name, numbers[0], numbers[1])
    for a, b in itertools.zip_longest(first.ops, second.ops):
        for name in COUNTS:
            counts = _count(a, name), _count(b, name)
            if counts[0] != counts[1]:
                op = a or b
                yield Difference(f"op {op.index} {op.op}", name, *counts)


def _count(op: OpMeasurement | None, name: str) -> float:
    return float(getattr(op, name)) if op is not None else float("nan")


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
