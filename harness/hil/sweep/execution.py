"""How the runs of a study are carried out: in processes of this machine, or elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hil.execution import pool
from hil.execution.interface import Answer, Message
from hil.records import ErrorInfo, RunRecord
from hil.sweep.matrix import Member

if TYPE_CHECKING:
    from hil.bench.keeper import Keeper
    from hil.store import Store

OutcomeStatus = Literal["passed", "failed", "error"]
Keyed = tuple[Member, str]
"""A member and its key."""


@dataclass(frozen=True)
class Result:
    """What came of a member: ``run_id`` is None where nothing is stored."""

    status: OutcomeStatus
    run_id: str | None
    errors: tuple[ErrorInfo, ...] = ()


class Execution(Protocol):
    """Carries out members and stores their runs."""

    def answers(self, members: Sequence[Keyed]) -> Iterator[Answer | Message]:
        """Yield progress and answers as they come; the value of an answer is a ``Result``.

        A run is stored when its answer is yielded. Closing the iterator ends what is at work.
        """


class LocalExecution:
    """``jobs`` worker processes of this machine, which store their runs themselves."""

    def __init__(self, store_url: str | None, jobs: int) -> None:
        self._start = functools.partial(_open_store, store_url)
        self._jobs = jobs

    def answers(self, members: Sequence[Keyed]) -> Iterator[Answer | Message]:
        """As ``Execution.answers``."""
        return pool.carry_out(members, self._jobs, self._start, _work)


def perform(
    keyed: Keyed, keeper: Keeper, facts: Mapping[str, Any] | None = None
) -> tuple[Result, RunRecord | None]:
    """Run a member; a bug must not stop the other runs, and must be seen."""
    from hil.bench import pipeline

    member, key = keyed
    try:
        facts = {"sweep_key": key, "study_scheme": member.scheme.name, **(facts or {})}
        record = pipeline.run(member.request, keeper, facts=facts)
    except Exception as error:
        return Result("error", None, (ErrorInfo.of(error),)), None
    status: OutcomeStatus = "passed" if record.status == "passed" else "error"
    if record.status == "failed":
        status = "failed"
    return Result(status, record.run_id, record.errors), record


def _open_store(url: str | None) -> Store:
    from hil.store import Store

    return Store.open(url)


def _work(store: Store, keyed: Keyed, report: Callable[[str], None]) -> Result:
    """One member, in a worker process."""
    report(keyed[0].label)
    return perform(keyed, store)[0]
