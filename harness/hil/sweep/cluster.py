"""The runs of a study on a cluster's workers.

A run has its id from here, before it begins: where a worker is lost after it stored a run, the
same run of another worker replaces it, and none is stored twice. Workers that reach the database
on its server store their runs; those of others are stored here.
"""

from __future__ import annotations

import dataclasses
import functools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hil.bench.keeper import NoVariants
from hil.bench.provenance import commit
from hil.bench.source_revision import source_revision
from hil.bench.toolset import tools
from hil.errors import HilError, MissingTool
from hil.execution.cluster import Cluster, Task
from hil.execution.content import Packing, portable
from hil.execution.interface import Answer, Message
from hil.records import ErrorInfo, RunRecord, Variant
from hil.sweep.execution import Keyed, Result, perform
from hil.sweep.keys import sweep_key

if TYPE_CHECKING:
    from hil.store import Store

_ORIGIN = ("hil_commit", "source_commit", "label")


@dataclass(frozen=True)
class _Order:
    """A run for a worker; ``origin`` is the part of its provenance that only the client knows."""

    keyed: Keyed
    run_id: str
    origin: Mapping[str, Any]


@dataclass(frozen=True)
class _Carried:
    """What a worker returns: ``record`` is None where there is nothing (more) to store."""

    result: Result
    record: RunRecord | None = None
    variants: tuple[Variant, ...] = ()


class ClusterExecution:
    """The workers of a cluster; ``store_url`` is the database of ``store``."""

    def __init__(self, cluster: Cluster, store: Store, store_url: str | None) -> None:
        self._cluster = cluster
        self._store = store
        self._url = store_url

    def answers(self, members: Sequence[Keyed]) -> Iterator[Answer | Message]:
        """As ``Execution.answers``."""
        packing = Packing()
        tasks = [Task(packing.pack(order), order.keyed[0].needs) for order in self._orders(members)]
        self._cluster.require(
            [task.needs for task in tasks], [member.request.target for member, _ in members]
        )
        identity = self._store.server_identity()
        start = functools.partial(_open_shared, self._url if identity else None, identity)
        for message in self._cluster.carry_out(tasks, packing.contents, start, _work):
            if isinstance(message, Answer) and isinstance(message.value, _Carried):
                yield dataclasses.replace(message, value=self._stored(message.value))
            else:
                yield message

    def _orders(self, members: Sequence[Keyed]) -> Iterator[_Order]:
        ids = _run_ids(len(members))
        origins: dict[str, dict[str, Any]] = {}
        for (member, key), run_id in zip(members, ids, strict=True):
            path = member.request.model.path
            if path not in origins:
                origins[path] = {"hil_commit": commit(), **source_revision(path)}
            known = self._store.variants.get(member.request.model.sha256)
            request = dataclasses.replace(portable(member.request), known=known)
            yield _Order((dataclasses.replace(member, request=request), key), run_id, origins[path])

    def _stored(self, carried: _Carried) -> Result:
        if carried.record is not None:
            _keep(self._store, carried.record, carried.variants, last=True)
        return carried.result


def _run_ids(count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"] = None
    return list(found)


def _open_shared(url: str | None, identity: str) -> Store | None:
    """Open the client's database, if this machine reaches the same one."""
    from hil.store import Store

    if url is None:
        return None
    try:
        store = Store.open(url)
        if store.server_identity() == identity:
            return store
        store.close()
    except HilError:
        pass
    return None


@dataclass
class _Collected:
    """Keeps variants for the client; runs are returned by the pipeline."""

    made: list[Variant] = field(default_factory=list)

    @property
    def variants(self) -> _Collected:
        """This object, which keeps both."""
        return self

    def get(self, sha256: str) -> Variant | None:
        """Nothing is known."""
        return NoVariants().get(sha256)

    def keep(self, variant: Variant) -> None:
        """Keep what is known of a model."""
        self.made.append(variant)

    def begin(self, record: RunRecord) -> None:
        """Do nothing: a run of a cluster is stored when it ends."""

    def finish(self, record: RunRecord, *, keep: bool = False) -> None:
        """Do nothing."""


def _work(store: Store | None, packed: bytes, report: Callable[[str], None]) -> _Carried:
    """One run, in a process of a worker."""
    from hil.execution.cluster_worker import unpacked

    order: _Order = unpacked(packed)
    report(order.keyed[0].label)
    collected = _Collected()
    try:
        _check_key(order.keyed)
    except HilError as error:
        return _Carried(Result("error", None, (ErrorInfo.of(error),)))
    result, record = perform(order.keyed, collected)
    if record is None:
        return _Carried(result)
    record = _as_of(order, record)
    result = dataclasses.replace(result, run_id=record.run_id)
    if store is not None:
        try:
            _keep(store, record, collected.made, last=False)
            return _Carried(result)
        except HilError:
            pass  # the client stores it, or reports why not
    return _Carried(result, record, tuple(collected.made))


def _keep(store: Store, record: RunRecord, variants: Sequence[Variant], *, last: bool) -> None:
    """Store a run; one that the ``last`` of two stores cannot take is kept as a file there."""
    for variant in variants:
        known = store.variants.get(variant.sha256)
        if known is None or known.created_at < variant.created_at:
            store.variants.keep(variant)
    store.finish(record, keep=last)


def _as_of(order: _Order, record: RunRecord) -> RunRecord:
    """The record as the client would have made it, with its id."""
    provenance = {name: value for name, value in record.provenance.items() if name not in _ORIGIN}
    return dataclasses.replace(
        record, run_id=order.run_id, provenance={**provenance, **order.origin}
    )


@functools.cache
def _tools(target: str | None) -> dict[str, Any]:
    return tools(target)


def _check_key(keyed: Keyed) -> None:
    """Raise where the run would not be the one that the key stands for."""
    member, key = keyed
    if sweep_key(member, _tools(member.request.target)) != key:
        raise MissingTool(
            f"this worker has another engine '{member.request.engine}', or its tools changed",
            hint="install the same versions on all machines; workers that ran before a change "
            "have to be started again",
        )
