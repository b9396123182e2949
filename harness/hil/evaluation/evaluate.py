"""One evaluation, from a request and labelled data to a stored accuracy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform as host
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from hil import datasets
from hil.bench import pipeline, provenance
from hil.bench.source_revision import source_revision
from hil.datasets import Dataset
from hil.datasets.source import source_sha256
from hil.errors import HilError, RunFailed, UsageError, WrongOutput
from hil.evaluation.metrics import Metric
from hil.evaluation.pool import Pool, Results, Work
from hil.records import (
    Accuracy,
    ErrorInfo,
    Evaluation,
    Firmware,
    InputSpec,
    Progress,
    RunStatus,
    SampleResult,
    Variant,
)
from hil.store import Store
from hil.store.evaluations import Claim
from hil.targets.interface import Options, Session
from hil.targets.session import infer
from hil.tflite.host_reference import HostReference, reference_for
from hil.tflite.interpreter import prestart

_BATCH_S = 1.0  # a kill costs at most the samples of this long
_BATCH = 500


@dataclass(frozen=True)
class DataRequest:
    """Which labelled data, how much of it, and what is to be counted.

    ``limit`` items are taken (None: all), the first ones, or with a ``seed`` drawn by class.
    ``jobs`` devices work side by side (None: one per core). ``restart`` begins anew where results
    are stored already.
    """

    spec: str | InputSpec
    metric: str = "auto"
    limit: int | None = None
    seed: int | None = None
    data_type: str = "auto"
    jobs: int | None = None
    restart: bool = False


@dataclass(frozen=True)
class Task:
    """A request that was understood, with its firmware."""

    job: pipeline.Job
    data: Dataset
    metric: Metric
    references: tuple[HostReference, ...]
    firmware: Firmware

    def name(self, at: int) -> str:
        """What messages call the sample at an index of the data."""
        return f"sample {int(self.data.index[at])}"


Spread = Callable[[Task, Sequence[int]], Results]
"""Puts the samples at these indices of a task's data through devices."""


def evaluate(
    request: pipeline.Request,
    asked: DataRequest,
    store: Store,
    progress: Progress | None = None,
    spread: Spread | None = None,
    *,
    here: bool = False,
) -> Evaluation:
    """Run labelled samples through the firmware, continue where it stopped, and keep the result.

    ``spread`` puts the samples through devices; None takes ``asked.jobs`` of this machine.
    ``here``: it does so on this machine, one device at a time, and not on a cluster.
    The returned evaluation's status is ``passed``, or ``failed`` where device and reference
    differ. One that was complete in the store is returned at once.

    Raises:
        UsageError: the model, the data or an option is not usable; nothing was built or stored.
        RunFailed: the firmware does not fit, or the device failed; what was done is kept.
        MissingTool: the target's tool or the compiler is not here.
    """
    report = progress or (lambda stage, done, total: None)
    report("data", 0, 0)
    job = pipeline.prepare(request, report)
    metric = Metric(job.graph, asked.metric)
    data = datasets.load(asked.spec, job.graph, metric.classes, data_type=asked.data_type)
    data = data.take(asked.limit, asked.seed)
    metric.require(data)
    if spread is not None and not here and job.platform.attached:
        raise UsageError(
            f"the workers of a cluster cannot share the board '{job.platform.machine}'",
            hint="leave --scheduler out, and run on the machine that the board is attached to",
        )
    alone = spread is not None or job.platform.attached
    jobs = 1 if alone else min(asked.jobs or os.cpu_count() or 1, len(data))
    prestart(jobs)
    references = tuple(reference_for(job.model) for _ in range(jobs))
    report("arena", 0, 0)
    job = pipeline.fitted(job)
    report("build", 0, 0)
    task = Task(job, data, metric, references, pipeline.build_firmware(job))
    begun = _begun(task, asked, pipeline.known_variant(job, store))
    claim = store.evaluations.claim(begun, restart=asked.restart)
    if claim.complete:
        return claim.evaluation
    with _ending(claim.evaluation, store):
        results = _run(task, spread or _here, claim, store, report)
        return _finished(claim.evaluation, metric.sum_up(data, results), task, store)


def _begun(task: Task, asked: DataRequest, variant: Variant | None) -> Evaluation:
    """The evaluation as it begins."""
    job, request = task.job, task.job.request
    started = datetime.now(UTC)
    tool = job.target.tool()
    options: dict[str, Any] = {
        "limit": asked.limit,
        "seed": asked.seed if asked.limit is not None else None,
        "load": "protocol" if request.load == "protocol" or job.platform.attached else "direct",
    }
    return Evaluation(
        evaluation_id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        key=_key(task, tool, options),
        status="running",
        started_at=started.isoformat(timespec="milliseconds"),
        finished_at=None,
        profile_name=request.profile.name,
        target=job.platform.target,
        machine=job.platform.machine,
        machine_exact=job.platform.exact,
        engine=job.sources.engine,
        model_name=job.model.name,
        model_sha256=job.model.sha256,
        model_dtype=job.graph.dtype,
        firmware_sha256=task.firmware.sha256,
        data_name=task.data.name,
        data_sha256=task.data.sha256,
        metric=task.metric.name,
        samples=len(task.data),
        done=0,
        preparation=task.data.preparation,
        options=options,
        provenance={
            **_origin(task, tool),
            "data_source_sha256": source_sha256(asked.spec),
            **(provenance.variant_facts(variant) if variant is not None else {}),
        },
    )


def _key(task: Task, tool: str, options: Mapping[str, Any]) -> str:
    """Hash everything that could change a result."""
    question = {
        "model": task.job.model.sha256,
        "firmware": task.firmware.sha256,
        "data": task.data.sha256,
        "metric": task.metric.name,
        "profile": task.job.request.profile.name,
        "machine": task.job.platform.machine,
        "target": task.job.platform.target,
        "target_tool": tool,
        "reference": task.references[0].version,
        **options,
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _origin(task: Task, tool: str) -> dict[str, Any]:
    """Versions, hosts and the command that repeats the evaluation."""
    request = task.job.request
    return {
        "command": shlex.join(request.command),
        "hil_version": version("hil"),
        "hil_commit": provenance.commit(),
        **source_revision(request.model.path),
        "python": host.python_version(),
        "host": f"{host.system()} {host.machine()}",
        "compiler": task.firmware.compiler,
        "target_tool": tool,
        "reference": task.references[0].version,
        "optimize": request.optimize,
    }


def _run(
    task: Task, spread: Spread, claim: Claim, store: Store, report: Progress
) -> list[SampleResult]:
    """Put the samples that are missing through the devices; store them batch by batch."""
    data, evaluation = task.data, claim.evaluation
    have = {one.sample for one in claim.results}
    missing = [at for at in range(len(data)) if int(data.index[at]) not in have]
    results = list(claim.results)
    pool = spread(task, missing)
    batch: list[SampleResult] = []
    stored = time.monotonic()
    report("run", len(results), len(data))
    try:
        with pool:
            for result in pool.results():
                if result is not None:
                    batch.append(result)
                    results.append(result)
                    report("run", len(results), len(data))
                if len(batch) >= _BATCH or time.monotonic() - stored > _BATCH_S:
                    store.evaluations.add(evaluation.evaluation_id, batch)
                    batch, stored = [], time.monotonic()
    finally:
        _keep_rest(evaluation, [*results, *pool.leftovers()], store)
    return results


def _keep_rest(evaluation: Evaluation, results: Sequence[SampleResult], store: Store) -> None:
    """Store what is not there yet: an interrupt may come right before or after a batch is kept."""
    kept = {one.sample for one in store.evaluations.samples(evaluation.evaluation_id)}
    store.evaluations.add(
        evaluation.evaluation_id, [one for one in results if one.sample not in kept]
    )


def _here(task: Task, missing: Sequence[int]) -> Pool:
    """Devices on this machine, as many as there are references."""
    works = [_work(task, reference) for reference in task.references[: len(missing)]]
    return Pool(missing, lambda: open_device(task.job, task.firmware), works, task.name)


def open_device(job: pipeline.Job, firmware: Firmware) -> AbstractContextManager[Session]:
    """Start a device with a job's firmware."""
    request = job.request
    options = Options(timeout_s=request.timeout_s, load=request.load, wait_s=request.wait_s)
    return job.target.open(firmware, job.platform, options)


def _work(task: Task, reference: HostReference) -> Work:
    """What one worker does with a sample: the device, the host's reference, and what both say."""
    outputs = pipeline.output_specs(task.job)

    def work(device: Session, at: int) -> SampleResult:
        inputs = task.data.sample(at)
        return task.metric.judge(
            int(task.data.index[at]),
            task.data.label(at),
            inputs,
            infer(device, inputs, outputs),
            reference.run(inputs),
        )

    return work


@contextmanager
def _ending(evaluation: Evaluation, store: Store) -> Iterator[None]:
    """Keep how an evaluation ended that did not come to its end, and let the error go on."""
    try:
        yield
    except KeyboardInterrupt:
        _end(evaluation, "interrupted", store, ErrorInfo("interrupted", "run it again"))
        raise
    except HilError as error:
        status: RunStatus = "failed" if isinstance(error, RunFailed) else "error"
        _end(evaluation, status, store, ErrorInfo.of(error))
        raise
    except BaseException as error:
        _end(evaluation, "error", store, ErrorInfo.of(error))
        raise


def _finished(evaluation: Evaluation, accuracy: Accuracy, task: Task, store: Store) -> Evaluation:
    evaluation = dataclasses.replace(evaluation, accuracy=accuracy, done=accuracy.samples)
    if accuracy.equal == accuracy.samples:
        return _end(evaluation, "passed", store)
    wrong = accuracy.samples - accuracy.equal
    error = WrongOutput(
        f"outputs differ from {task.references[0].version} on {wrong:,} of "
        f"{accuracy.samples:,} samples (largest difference {accuracy.max_abs_diff:g}; "
        f"the first is sample {accuracy.differing[0]})",
        hint="an accuracy of wrong answers does not count; `hil run --inputs` with that sample "
        "and --keep DIR shows more",
    )
    return _end(evaluation, "failed", store, ErrorInfo.of(error))


def _end(evaluation: Evaluation, status: RunStatus, store: Store, *errors: ErrorInfo) -> Evaluation:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    ended = dataclasses.replace(evaluation, status=status, finished_at=now, errors=errors)
    store.evaluations.finish(ended)
    return ended
