"""Accuracy mode: every file of the data set through the device, by the official protocol.

It is an evaluation (:mod:`hil.evaluation`), so that it is stored, compared with the reference and
continued where it stopped. The numbers that the device answers, which the runner's figures are
computed from, are kept beside the database until the result is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hil.bench import pipeline
from hil.evaluation import DataRequest, evaluate
from hil.evaluation.evaluate import Task, open_device
from hil.evaluation.pool import Pool
from hil.mlperf import scores
from hil.mlperf.data import Load, RunnerData, model_input, model_inputs
from hil.mlperf.device import Device
from hil.mlperf.result import MlperfResult, WindowResult, kind_of, obstacles
from hil.mlperf_tasks import MlperfTask
from hil.records import Estimate, Evaluation, InputSpec, Kind, Measurement, Progress, SampleResult
from hil.resources import state_dir
from hil.store import Store
from hil.targets.interface import Session
from hil.targets.registry import target as find_target

_BYTES_A_COMMAND = 31


@dataclass(frozen=True)
class _Samples:
    """Each load of a data set: the position of its file, and which of the file's loads it is."""

    data: RunnerData
    places: tuple[tuple[int, int], ...]

    def load(self, sample: int) -> Load:
        """Return the load of a sample."""
        file, window = self.places[sample]
        return self.data.loads(self.data.rows[file])[window]


def accuracy(
    request: pipeline.Request,
    task: MlperfTask,
    data: RunnerData,
    store: Store,
    *,
    system: str,
    limit: int | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> tuple[MlperfResult, Evaluation]:
    """Run accuracy mode, continue where it stopped, and keep the evaluation.

    ``limit`` takes the first so many files; such a result does not count.

    Raises:
        HilError: as :func:`hil.evaluation.evaluate`.
    """
    request = replace(request, mlperf=task.model_id, load="protocol")
    samples = _Samples(data, _places(data))
    spread = _Spread(task, samples)
    asked = DataRequest(
        _spec(request, task, data),
        metric=task.metric,
        limit=limit,
        data_type=task.data,
        jobs=1,
        restart=restart,
    )
    evaluation = evaluate(request, asked, store, progress, spread, here=True)
    count = len(data.rows) if limit is None else limit
    wanted = [at for at, (file, _) in enumerate(samples.places) if file < count]
    answers = _journal_of(evaluation).read()
    if any(at not in answers for at in wanted):
        evaluation = evaluate(
            request, replace(asked, restart=True), store, progress, spread, here=True
        )
        answers = _journal_of(evaluation).read()
    grouped: list[list[tuple[float, ...]]] = [[] for _ in range(count)]
    for at in wanted:
        grouped[samples.places[at][0]].append(answers[at])
    return _result(request, task, data, evaluation, grouped, system), evaluation


def _places(data: RunnerData) -> tuple[tuple[int, int], ...]:
    return tuple(
        (at, window) for at, row in enumerate(data.rows) for window in range(len(data.loads(row)))
    )


def _spec(request: pipeline.Request, task: MlperfTask, data: RunnerData) -> str | InputSpec:
    """The data as the evaluation takes it: recordings from the folder, else prepared here."""
    if task.scored:
        return str(data.folder)
    loads = [data.loads(row)[0] for row in data.rows]
    inputs = model_inputs(task, request.model.graph.input_tensors[0], loads)
    return InputSpec(str(data.folder), arrays={"x": inputs, "y": np.array(data.labels)})


@dataclass(frozen=True)
class _Journal:
    """What the device answered to each sample, a line of JSON each."""

    path: Path

    def read(self) -> dict[int, tuple[float, ...]]:
        """Return what is known; a line that an interruption cut off is not."""
        found: dict[int, tuple[float, ...]] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="ascii", errors="replace").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    found[int(entry["sample"])] = tuple(map(float, entry["results"]))
        return found

    def add(self, sample: int, results: tuple[float, ...]) -> None:
        """Append an answer; one that cannot be kept is asked for again when it is needed."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="ascii") as file:
                file.write(json.dumps({"sample": sample, "results": results}) + "\n")


def _journal(firmware_sha256: str, data_sha256: str, target: str, machine: str) -> _Journal:
    parts = "\n".join((firmware_sha256, data_sha256, target, machine))
    name = hashlib.sha256(parts.encode()).hexdigest()[:32]
    return _Journal(state_dir() / "mlperf" / f"{name}.jsonl")


def _journal_of(stored: Evaluation) -> _Journal:
    return _journal(stored.firmware_sha256, stored.data_sha256, stored.target, stored.machine)


@dataclass(frozen=True)
class _Spread:
    """Puts samples through one device; also those whose answers were lost."""

    task: MlperfTask
    samples: _Samples

    def __call__(self, work: Task, missing: Sequence[int]) -> Pool:
        platform = work.job.platform
        journal = _journal(
            work.firmware.sha256, work.data.sha256, platform.target, platform.machine
        )
        reference = work.references[0]

        def one(session: Session, at: int) -> SampleResult:
            sample = int(work.data.index[at])
            load = self.samples.load(sample)
            device = Device(session, work.job, self.task, _BYTES_A_COMMAND, exact_clock=False)
            device.load(load)
            results = device.infer(1, 0).results
            journal.add(sample, results)
            given = model_input(self.task, work.job.graph.input_tensors[0], load.data)
            return work.metric.judge(
                sample,
                work.data.label(at),
                (given,),
                device.output(),
                device.expected(reference, load),
            )

        return Pool(missing, lambda: open_device(work.job, work.firmware), [one], work.name)


def _result(
    request: pipeline.Request,
    task: MlperfTask,
    data: RunnerData,
    evaluation: Evaluation,
    answers: Sequence[Sequence[tuple[float, ...]]],
    system: str,
) -> MlperfResult:
    platform = find_target(request.target).platform(request.profile, request.machine)
    kind = kind_of(platform)
    rows = data.rows[: len(answers)]
    labels = [row.label for row in rows]
    figures: dict[str, Measurement] = {}
    if not task.scored:
        figures["top1"] = _figure("top1", scores.top1(task, answers, labels), kind)
    found = scores.area(task, answers, labels)
    if found is not None:
        figures["auc"] = _figure("auc", found, kind)
    reasons = list(obstacles(platform, official=data.official))
    if len(rows) < len(data.rows):
        reasons.append(f"{len(rows):,} of {len(data.rows):,} files")
    if evaluation.errors:
        reasons.append(evaluation.errors[0].message)
    judged = figures.get(task.metric)
    met = judged is not None and judged.value >= task.quality
    return MlperfResult(
        mode="accuracy",
        task=task.model_id,
        system=system,
        target=evaluation.target,
        machine=evaluation.machine,
        kind=kind,
        figures=figures,
        windows=tuple(
            WindowResult(row.file, row.label, len(given), 0, None, scores.averaged(task, given))
            for row, given in zip(rows, answers, strict=True)
        ),
        quality_met=met,
        obstacles=tuple(reasons),
        provenance={**evaluation.provenance, "evaluation": evaluation.evaluation_id},
        notes=(platform.note,) if platform.note else (),
    )


def _figure(name: str, found: Estimate, kind: Kind) -> Measurement:
    interval = f"95 % interval {found.low:.4f} to {found.high:.4f} ({found.method})"
    return Measurement(
        name=name,
        value=found.value,
        unit="share",
        kind=kind,
        uncertainty_pct=None,
        n=found.n,
        source=f"the device's answers, three decimals; {interval}",
    )
