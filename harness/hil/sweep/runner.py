"""Carries out a study: finished runs are taken from the store, the others by an execution."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.bench.provenance import commit
from hil.bench.source_revision import source_revision
from hil.bench.toolset import tools
from hil.errors import InputError
from hil.execution.interface import Answer, Message
from hil.records import ErrorInfo, RunStatus
from hil.sweep.execution import Execution, OutcomeStatus
from hil.sweep.keys import sweep_key
from hil.sweep.matrix import Member

if TYPE_CHECKING:
    from hil.store import Store


@dataclass(frozen=True)
class Outcome:
    """The result of a member.

    ``passed`` and ``failed`` are the run's; ``error`` where it could not run, or its worker
    died. ``resumed`` says that the run was done before. ``run_id`` is None where nothing is stored.
    """

    member: Member
    status: OutcomeStatus
    run_id: str | None
    errors: tuple[ErrorInfo, ...] = ()
    resumed: bool = False


@dataclass(frozen=True)
class Plan:
    """Members with their keys; ``done`` has the index of those whose run is stored."""

    members: tuple[Member, ...]
    keys: tuple[str, ...]
    done: dict[int, Outcome] = field(default_factory=dict)

    @property
    def open(self) -> list[int]:
        """Indices of the members that are to run."""
        return [index for index in range(len(self.members)) if index not in self.done]


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: ``running`` has label and stage of the members at work."""

    done: int
    total: int
    failed: int
    running: tuple[str, ...]


def plan(
    members: Sequence[Member],
    store: Store,
    *,
    rerun_failed: bool = False,
    each_commit: bool = False,
) -> Plan:
    """Find out which members are done: those with a stored run of the same key.

    A run that passed is not repeated, and neither is one that failed, which would fail again,
    unless ``rerun_failed``. Errors (a tool that was missing, a full disk) and interrupted runs are
    always repeated. With ``each_commit`` only runs of the present commits of hil and of the
    repository that the model is in count.

    Raises:
        UsageError: there is no such target.
        MissingTool: the compiler or the target's tool is not here.
        InputError: a file of samples cannot be read.
        StoreError: the database cannot be used.
    """
    shared = {name: tools(name) for name in {member.request.target for member in members}}
    try:
        keys = tuple(sweep_key(member, shared[member.request.target]) for member in members)
    except OSError as error:
        raise InputError(
            f"cannot read {error.filename}: {error.strerror}", hint="check the file's permissions"
        ) from error
    final: tuple[RunStatus, ...] = ("passed",) if rerun_failed else ("passed", "failed")
    stored = store.with_sweep_key(keys)
    done: dict[int, Outcome] = {}
    for index, (member, key) in enumerate(zip(members, keys, strict=True)):
        found = [run for run in stored.get(key, ()) if run.status in final]
        if each_commit:
            now = _commits(member)
            found = [run for run in found if run.commits == now]
        # A pass, where there is one, says more than a later failure of the same key.
        best = next((run for run in found if run.status == "passed"), found[0] if found else None)
        if best is not None:
            status: OutcomeStatus = "passed" if best.status == "passed" else "failed"
            errors = () if status == "passed" else store.get(best.run_id).errors
            done[index] = Outcome(member, status, best.run_id, errors, resumed=True)
    return Plan(tuple(members), keys, done)


def carry_out(
    what: Plan, execution: Execution, show: Callable[[Progress], None]
) -> Iterator[Outcome]:
    """Run what is open; yield each outcome as it comes.

    Runs are stored as they come, so that nothing is lost when the caller stops.
    """
    tasks = [(what.members[index], what.keys[index]) for index in what.open]
    running: dict[int, str] = {}
    done = failed = 0
    for message in execution.answers(tasks) if tasks else ():
        if isinstance(message, Message):
            running[message.index] = message.text
        else:
            running.pop(message.index, None)
            outcome = _outcome(tasks[message.index][0], message)
            done += 1
            failed += outcome.status != "passed"
            yield outcome
        show(Progress(done, len(tasks), failed, tuple(running.values())))


def _commits(member: Member) -> tuple[str, str]:
    """The commits that a run of ``member`` would have now."""
    return commit(), source_revision(member.request.model.path).get("source_commit", "")


def default_jobs() -> int:
    """One worker for each processor that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def _outcome(member: Member, answer: Answer) -> Outcome:
    if answer.error is not None:
        return Outcome(member, "error", None, (answer.error,))
    if answer.died:
        info = ErrorInfo(
            f"the worker process died ({answer.died})",
            "was it killed, or short of memory? run the sweep again, perhaps with fewer at a time",
            "WorkerDied",
        )
        return Outcome(member, "error", None, (info,))
    result = answer.value
    return Outcome(member, result.status, result.run_id, result.errors)
