"""Baselines: named sets of runs that others are compared with, stored or shipped with hil.

A shipped one is a file ``reports/baselines/NAME.json`` that cannot be changed. A stored baseline of
the same name hides it. Models are matched by SHA-256, never by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from hil.gate import shipped
from hil.records import RunRecord
from hil.store import Store
from hil.store.baselines import MemberHead, Slot

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
