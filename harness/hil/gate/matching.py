"""Finds the baseline's run that a run is compared with: by the model's SHA-256 or by its name.

Profile and target must be equal always, the engine unless another one is asked for. A model that
was trained again keeps its name and gets a new hash; then only the newest run of that name counts,
and the runs of the models before it are ``outdated``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from hil.gate.baselines import Member
from hil.records import RunRecord
from hil.store.baselines import Slot
from hil.store.latest import RunHead
from hil.verdict.kinship import arithmetic

Match = Literal["auto", "sha256", "name"]
MATCHES: tuple[Match, ...] = get_args(Match)
By = Literal["sha256", "name", ""]


@dataclass(frozen=True)
class Pair:
    """A run and the baseline's runs that it may be compared with: none, one, or too many.

    ``by`` is how they were found. ``why`` is why there is none.
    """

    run: RunHead
    members: tuple[Member, ...]
    by: By
    why: str = ""


class Outdated(NamedTuple):
    """A run that is not compared because a newer one has its model's name."""

    run: RunHead
    newer: RunHead


class _Place(NamedTuple):
    """What must be equal besides the model and the engine."""

    model: str  # its SHA-256, or its name
    profile: str
    target: str


class Matching:
    """The members of one baseline, found by hash and by name."""

    def __init__(self, members: Iterable[Member], match: Match, *, any_engine: bool) -> None:
        self._members = list(members)
        self._match = match
        self._any_engine = any_engine
        self._by_hash: dict[_Place, list[Member]] = {}
        self._by_name: dict[_Place, list[Member]] = {}
        for member in self._members:
            slot = member.head.slot
            place = slot.profile_name, slot.target
            self._by_hash.setdefault(_Place(slot.model_sha256, *place), []).append(member)
            self._by_name.setdefault(_Place(member.head.model_name, *place), []).append(member)

    def pair(self, run: RunHead) -> Pair:
        """Return the members that ``run`` may be compared with; several only by name."""
        found = self._found(run)
        for by, same in found:
            own = [one for one in same if one.head.slot.engine == run.slot.engine]
            exact = [one for one in own if one.head.slot.model_sha256 == run.slot.model_sha256]
            if own:
                return Pair(run, tuple(exact or own), by)
        for by, same in found if self._any_engine else ():
            if len(same) == 1:
                return Pair(run, tuple(same), by)
        return Pair(run, (), "", self._why_none(run))

    def _found(self, run: RunHead) -> list[tuple[By, list[Member]]]:
        place = run.slot.profile_name, run.slot.target
        by_hash = self._by_hash.get(_Place(run.slot.model_sha256, *place), [])
        by_name = self._by_name.get(_Place(run.model_name, *place), [])
        # A model of the same name and the same hash has not changed.
        known = [one for one in by_name if one in by_hash]
        ways: dict[Match, list[tuple[By, list[Member]]]] = {
            "auto": [("sha256", by_hash), ("name", by_name)],
            "sha256": [("sha256", by_hash)],
            "name": [("sha256", known), ("name", by_name)],
        }
        return ways[self._match]

    def _why_none(self, run: RunHead) -> str:
        slot = run.slot
        engines = sorted({one.head.slot.engine for _, same in self._found(run) for one in same})
        if len(engines) == 1:
            return f"the baseline has it by engine {engines[0]} only; --any-engine compares with it"
        if engines:
            return f"the baseline has it by other engines: {', '.join(engines)}"
        place = slot.profile_name, slot.target
        other = self._by_name.get(_Place(run.model_name, *place), [])
        if other and self._match == "sha256":
            theirs = other[0].head.slot.model_sha256[:12]
            return (
                f"the model has changed (SHA-256 {theirs} in the baseline, "
                f"{slot.model_sha256[:12]} now); --match name compares with it"
            )
        other = self._by_hash.get(_Place(slot.model_sha256, *place), [])
        if other:
            name = other[0].head.model_name
            return f"the baseline has this model as '{name}'; --match sha256 compares with it"
        return self._why_elsewhere(run)

    def _why_elsewhere(self, run: RunHead) -> str:
        slots = [
            one.head.slot
            for one in self._members
            if run.slot.model_sha256 == one.head.slot.model_sha256
            or (self._match != "sha256" and run.model_name == one.head.model_name)
        ]
        targets = {one.target for one in slots if one.profile_name == run.slot.profile_name}
        if targets:
            return f"the baseline has it on target {' and '.join(sorted(targets))} only"
        profiles = sorted({one.profile_name for one in slots})
        if profiles:
            return f"the baseline has it on {', '.join(profiles)} only"
        return "the baseline has no run of this model on this profile and target"


def newest_of_a_name(pairs: Sequence[Pair], only_newest: bool) -> tuple[list[Pair], list[Outdated]]:
    """Keep, of runs whose hashes the baseline does not know, the newest of each name.

    ``pairs`` are sorted, the newest run first. All are kept unless ``only_newest``.
    """
    if not only_newest:
        return list(pairs), []
    newest: dict[tuple[str, str, Slot], RunHead] = {}
    kept, outdated = [], []
    for pair in pairs:
        run = pair.run
        key = run.model_name, run.model_dtype, dataclasses.replace(run.slot, model_sha256="")
        newer = newest.setdefault(key, run) if pair.by != "sha256" else run
        if newer is run:
            kept.append(pair)
        else:
            outdated.append(Outdated(run, newer))
    return kept, outdated


def settled(
    pairs: Sequence[Pair],
    runs: Mapping[str, RunRecord],
    members: Mapping[Slot, RunRecord],
    only_newest: bool,
) -> tuple[list[Pair], list[Outdated]]:
    """Check the pairs by the runs themselves; runs that were deleted meanwhile are left out.

    Runs that are to be compared with the same one: the newest of each engine, if ``only_newest``.
    """
    found = [
        _with_equal_arithmetic(pair, runs[pair.run.run_id], members)
        for pair in pairs
        if pair.run.run_id in runs
    ]
    return _newest_of_a_member(found) if only_newest else (found, [])


def _with_equal_arithmetic(pair: Pair, run: RunRecord, members: Mapping[Slot, RunRecord]) -> Pair:
    """Of the members found by name keep those of the run's own scheme and data type."""
    if pair.by != "name":
        return pair
    kinds = [arithmetic(members[member.head.slot]) for member in pair.members]
    mine = arithmetic(run)
    kept = tuple(one for one, kind in zip(pair.members, kinds, strict=True) if kind == mine)
    if kept:
        return dataclasses.replace(pair, members=kept)
    others = ", ".join(sorted(set(kinds)))
    why = f"the baseline has a model of this name as {others}, this one is {mine}"
    return Pair(pair.run, (), "", why)


def _newest_of_a_member(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Outdated]]:
    newest: dict[tuple[Slot, str], RunHead] = {}
    kept, outdated = [], []
    for pair in pairs:
        if len(pair.members) != 1:
            kept.append(pair)
            continue
        key = pair.members[0].head.slot, pair.run.slot.engine
        newer = newest.setdefault(key, pair.run)
        if newer is pair.run:
            kept.append(pair)
        else:
            outdated.append(Outdated(pair.run, newer))
    return kept, outdated


def ambiguity(pair: Pair) -> str:
    """Why a run cannot be compared that has several counterparts; '' if it has not."""
    if len(pair.members) < 2:
        return ""
    hashes = ", ".join(sorted(one.head.slot.model_sha256[:12] for one in pair.members))
    return (
        f"the baseline has {len(pair.members)} models named '{pair.run.model_name}' ({hashes}) and "
        f"none is this one ({pair.run.slot.model_sha256[:12]}); give them different names, or "
        "remove one from the baseline"
    )
