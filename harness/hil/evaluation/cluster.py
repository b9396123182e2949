"""The samples of an evaluation on the workers of a cluster, some at a time.

Each task has samples with their labels and the request; the worker builds the firmware itself, once
for each process, and refuses to go on where it is another one than here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from hil import errors
from hil.bench import pipeline
from hil.errors import MissingTool, RunFailed
from hil.evaluation.evaluate import Spread, Task, open_device
from hil.evaluation.metrics import Metric
from hil.evaluation.pool import named
from hil.execution import cluster as execution
from hil.execution.content import Packing, portable
from hil.execution.interface import Answer, Message
from hil.records import Array, ErrorInfo, Firmware, SampleResult
from hil.targets.session import infer
from hil.tflite.host_reference import HostReference, reference_for

_TASKS_PER_THREAD = 4
_MOST_BYTES = 2_000_000  # of the inputs of a task


@dataclass(frozen=True)
class _Samples:
    """A task: ``job`` is the packed request with what has to come of it."""

    job: bytes = field(repr=False)
    samples: tuple[tuple[int, Any, tuple[Array, ...]], ...] = field(repr=False)


@dataclass(frozen=True)
class _Asked:
    request: pipeline.Request
    metric: str
    firmware_sha256: str
    reference: str


@dataclass(frozen=True)
class _Part:
    """The results of a task; ``error`` ended it at ``sample``."""

    results: tuple[SampleResult, ...]
    error: ErrorInfo | None = None
    sample: str = ""


@dataclass(frozen=True)
class _Prepared:
    job: pipeline.Job
    metric: Metric
    firmware: Firmware
    reference: HostReference


def on_cluster(cluster: execution.Cluster) -> Spread:
    """Return how an evaluation puts its samples through devices of a cluster's workers."""
    return functools.partial(_ClusterPool, cluster)


class _ClusterPool:
    """The samples at indices of a task's data; a context manager."""

    def __init__(self, cluster: execution.Cluster, task: Task, missing: Sequence[int]) -> None:
        self._cluster = cluster
        self._task = task
        self._missing = missing
        self._messages: Generator[Answer | Message] | None = None

    def __enter__(self) -> Self:
        self._cluster.require([{}], [self._task.job.request.target])
        packing = Packing()
        tasks = [execution.Task(packing.pack(part)) for part in self._parts(packing)]
        self._messages = self._cluster.carry_out(tasks, packing.contents, dict, _work)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._messages is not None:
            self._messages.close()

    def results(self) -> Iterator[SampleResult | None]:
        """Yield results as they come, and None whenever a task began.

        Raises:
            HilError: a device failed, or the cluster.
        """
        assert self._messages is not None
        for message in self._messages:
            if isinstance(message, Message):
                yield None
                continue
            if message.error is not None:
                raise RunFailed(message.error.message, hint=message.error.hint)
            if message.died:
                raise RunFailed(
                    f"the worker process died ({message.died})",
                    hint="was it killed, or short of memory? the same command continues",
                )
            part: _Part = message.value
            yield from part.results
            if part.error is not None:
                kind = getattr(errors, part.error.kind, RunFailed)
                raise named(kind(part.error.message, hint=part.error.hint), part.sample)

    def leftovers(self) -> Iterable[SampleResult]:
        """Nothing: results that were not taken are put through a device again."""
        return ()

    def _parts(self, packing: Packing) -> Iterator[_Samples]:
        task, missing = self._task, self._missing
        asked = _Asked(
            portable(task.job.request),
            task.metric.name,
            task.firmware.sha256,
            task.references[0].version,
        )
        job = packing.pack(asked)
        size = max(1, sum(array.nbytes for array in task.data.sample(0)))
        count = -(-len(missing) // (max(1, self._cluster.threads()) * _TASKS_PER_THREAD))
        count = max(1, min(count, _MOST_BYTES // size))
        for first in range(0, len(missing), count):
            yield _Samples(
                job,
                tuple(
                    (int(task.data.index[at]), task.data.label(at), task.data.sample(at))
                    for at in missing[first : first + count]
                ),
            )


def _work(state: dict[bytes, _Prepared], packed: bytes, report: Callable[[str], None]) -> _Part:
    """Some samples, in a process of a worker."""
    from hil.execution.cluster_worker import unpacked

    report("samples")
    order: _Samples = unpacked(packed)
    results: list[SampleResult] = []
    sample = ""
    try:
        if order.job not in state:
            state.clear()
            state[order.job] = _prepared(unpacked(order.job))
        prepared = state[order.job]
        outputs = pipeline.output_specs(prepared.job)
        with open_device(prepared.job, prepared.firmware) as device:
            for index, label, inputs in order.samples:
                sample = f"sample {index}"
                got = infer(device, inputs, outputs)
                expected = prepared.reference.run(inputs)
                results.append(prepared.metric.judge(index, label, inputs, got, expected))
    except Exception as error:  # travels to the client, with the results before it
        return _Part(tuple(results), ErrorInfo.of(error), sample)
    return _Part(tuple(results))


def _prepared(asked: _Asked) -> _Prepared:
    job = pipeline.fitted(pipeline.prepare(asked.request))
    firmware = pipeline.build_firmware(job)
    reference = reference_for(job.model)
    if (firmware.sha256, reference.version) != (asked.firmware_sha256, asked.reference):
        raise MissingTool(
            "a worker builds another firmware, or has another reference, than this machine",
            hint="install the same versions on all machines, and start the workers again",
        )
    return _Prepared(job, Metric(job.graph, asked.metric), firmware, reference)
