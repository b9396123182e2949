"""Baselines: named sets of runs that others are compared with, stored or shipped with hil.

A shipped one is a file ``reports/baselines/NAME.json`` that cannot be changed. A stored baseline of
the same name hides it. Models are matched by SHA-256, never by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hil.errors import UsageError, did_you_mean
from hil.gate import shipped
from hil.gate.exchange import check_run
from hil.records import RunRecord
from hil.store import Store
from hil.store.baselines import MemberHead, Slot, slot_of
from hil.store.latest import Filter, latest

Origin = Literal["stored", "shipped"]


class BaselineRun(NamedTuple):
    """A run of a baseline; ``origin`` is where the baseline is from."""

    name: str
    run: RunRecord
    origin: Origin


class Member(NamedTuple):
    """A baseline's run without its document."""

    head: MemberHead
    origin: Origin


@dataclass(frozen=True)
class Summary:
    """A baseline in a list: its number of runs, and what they are of."""

    name: str
    origin: Origin
    runs: int
    models: tuple[str, ...]
    profiles: tuple[str, ...]
    engines: tuple[str, ...]


def summaries(store: Store | None) -> list[Summary]:
    """Return all baselines, stored ones first."""
    by_name: dict[tuple[str, Origin], list[MemberHead]] = {}
    for member in members(store):
        by_name.setdefault((member.head.name, member.origin), []).append(member.head)
    return [
        Summary(
            name,
            origin,
            len(heads),
            tuple(sorted({head.model_name for head in heads})),
            tuple(sorted({head.slot.profile_name for head in heads})),
            tuple(sorted({head.slot.engine for head in heads})),
        )
        for (name, origin), heads in by_name.items()
    ]


def find(store: Store | None, name: str) -> list[BaselineRun]:
    """Return the runs of the baseline ``name``.

    Raises:
        UsageError: there is no such baseline.
        StoreError: it cannot be read.
    """
    found = members(store, name=name)
    if not found:
        raise no_such(store, name)
    origin = found[0].origin
    runs = load(store, name, origin)
    return [BaselineRun(name, runs[member.head.slot], origin) for member in found]


def no_such(store: Store | None, name: str) -> UsageError:
    """Return the error for a name that no baseline has."""
    guess = did_you_mean(name, sorted({member.head.name for member in members(store)}))
    return UsageError(
        f"there is no baseline '{name}'",
        hint=f"{guess}`hil baseline list` lists all, `hil baseline set {name}` makes it",
    )


def chosen(store: Store, names: Sequence[str], which: Filter) -> list[RunRecord]:
    """Return runs for a baseline: the named ones, or else the latest of each kind of ``which``.

    Raises:
        UsageError: a run cannot be in a baseline, two are of a kind, or there is none.
        StoreError: the database cannot be read.
    """
    runs: dict[Slot, RunRecord] = {}
    for run in [store.get(name) for name in names] if names else latest(store, which):
        other = runs.setdefault(slot_of(check_run(run)), run)
        if other.run_id != run.run_id:
            raise UsageError(
                f"{other.run_id} and {run.run_id} are of one kind: the same model, profile, target "
                "and engine",
                hint="a baseline has one run of a kind; leave one of them out",
            )
    if not runs:
        raise UsageError(
            f"no run in {store.label} that matches the filters has passed",
            hint="`hil history --status passed` lists the runs that passed",
        )
    return list(runs.values())


def remove(store: Store, name: str, run_ids: Collection[str]) -> tuple[int, int]:
    """Remove a stored baseline, or only these of its runs; return how many, and how many it had.

    Raises:
        UsageError: there is no such baseline, it ships with hil, or it has no such run.
    """
    there = {head.run_id for head in store.baselines.heads(name=name)}
    if not there and name in {head.name for head in shipped.heads()}:
        raise UsageError(
            f"the baseline '{name}' ships with hil and cannot be changed",
            hint=f"a stored one of the same name replaces it: `hil baseline set {name} …`",
        )
    if not there:
        raise no_such(store, name)
    if unknown := sorted(set(run_ids) - there):
        raise UsageError(
            f"the baseline '{name}' has no run {', '.join(unknown)}",
            hint=f"`hil baseline show {name}` lists its runs",
        )
    return store.baselines.take_away(name, run_ids or None), len(there)


def matching(store: Store | None, run: RunRecord) -> list[BaselineRun]:
    """Return the runs of all baselines that are of the same model on the same profile.

    Sorted by origin (stored before shipped), name and engine; without ``run`` itself. Runs of
    other targets are included (a board's run is compared with an emulated one): each figure has
    its kind. If ``store`` is None only shipped baselines are searched.

    Raises:
        StoreError: a baseline cannot be read.
    """
    if run.model is None:
        return []
    found = members(store, model_sha256=run.model.sha256, profile=run.profile_name)
    by_name: dict[tuple[str, Origin], list[Slot]] = {}
    for member in found:
        by_name.setdefault((member.head.name, member.origin), []).append(member.head.slot)
    matches = []
    for (name, origin), slots in by_name.items():
        loaded = load(store, name, origin, slots)
        matches += [BaselineRun(name, loaded[slot], origin) for slot in slots]
    return [match for match in matches if match.run.run_id != run.run_id]


def members(
    store: Store | None,
    *,
    name: str | None = None,
    model_sha256: str | None = None,
    profile: str | None = None,
) -> list[Member]:
    """Return the members of all baselines that match the given values, stored ones first."""
    stored = (
        []
        if store is None
        else store.baselines.heads(name=name, model_sha256=model_sha256, profile=profile)
    )
    taken = {head.name for head in (store.baselines.heads() if store is not None else ())}
    given = [
        head
        for head in shipped.heads()
        if head.name not in taken
        and name in (None, head.name)
        and model_sha256 in (None, head.slot.model_sha256)
        and profile in (None, head.slot.profile_name)
    ]
    return [*(Member(h, "stored") for h in stored), *(Member(h, "shipped") for h in given)]


def load(
    store: Store | None, name: str, origin: Origin, slots: Iterable[Slot] | None = None
) -> dict[Slot, RunRecord]:
    """Return the runs of one baseline by their kind: all, or those of ``slots``."""
    if origin == "shipped":
        return shipped.load(name, slots)
    assert store is not None
    return store.baselines.load(name, slots)
