"""Performance mode: five inputs, a window each, the median of their throughputs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from hil.bench import pipeline
from hil.bench.keeper import Keeper
from hil.errors import RunFailed
from hil.mlperf import rules
from hil.mlperf.data import Inputs, RunnerData, inputs_of, model_inputs
from hil.mlperf.device import Device, opened
from hil.mlperf.result import (
    MlperfResult,
    WindowResult,
    facts,
    kind_of,
    obstacles,
    over_windows,
    without_loads,
)
from hil.mlperf_tasks import MlperfTask
from hil.records import InputSpec, Measurement, Progress
from hil.tflite.host_reference import reference_for
from hil.tflite.interpreter import prestart


def performance(
    request: pipeline.Request,
    task: MlperfTask,
    data: RunnerData | None,
    *,
    system: str,
    progress: Progress | None = None,
) -> MlperfResult:
    """Run performance mode on a device that counts its cycles.

    The outputs of all five inputs are compared with the reference first.

    Raises:
        UsageError: the model does not fit the task.
        WrongOutput: an output differs from the reference's.
        HilError: the device failed, or its clock is wrong.
    """
    report = progress or (lambda stage, done, total: None)
    prestart()
    job = pipeline.fitted(pipeline.prepare(request, report))
    inputs = inputs_of(task, data, rules.WINDOWS)
    reference = reference_for(job.model)
    report("build", 0, 0)
    firmware = pipeline.build_firmware(job)
    report("run", 0, rules.WINDOWS)
    with opened(job, firmware, task) as device:
        device.check(reference, inputs.loads)
        windows = _windows(device, task, inputs, report)
        tool, log = device.session.tool, device.session.client.link.transcript.text()
        seen = dict(device.session.facts)
    source = f"{rules.WINDOWS} windows of at least {rules.LEAST_S:g} s by the device's clock"
    return MlperfResult(
        mode="performance",
        task=task.model_id,
        system=system,
        target=job.platform.target,
        machine=job.platform.machine,
        kind=kind_of(job.platform),
        figures=_figures(job, windows, source),
        windows=tuple(windows),
        quality_met=None,
        obstacles=obstacles(job.platform, official=inputs.official),
        provenance=facts(job, firmware, tool, reference=reference.version, **seen),
        notes=(job.platform.note,) if job.platform.note else (),
        log=without_loads(log),
    )


def modelled_performance(
    request: pipeline.Request,
    task: MlperfTask,
    data: RunnerData | None,
    store: Keeper,
    *,
    system: str,
    progress: Progress | None = None,
) -> MlperfResult:
    """The same on an emulator, which has no time: one inference of each input by the timing model.

    The run is stored as ``hil run``'s are.

    Raises:
        RunFailed: the run failed.
        HilError: as :func:`hil.bench.pipeline.run`.
    """
    inputs = inputs_of(task, data, rules.WINDOWS)
    tensor = request.model.graph.input_tensors[0]
    arrays = model_inputs(task, tensor, inputs.loads)
    spec = InputSpec(f"{task.model_id} inputs", arrays=arrays)
    record = pipeline.run(replace(request, mlperf=None, inputs=spec), store, progress)
    if record.status != "passed":
        first = record.errors[0]
        raise RunFailed(first.message, hint=first.hint)
    job = pipeline.prepare(request)
    latency = record.measurements.get("latency_us")
    if latency is None:
        raise RunFailed(
            f"the target '{record.target}' has no time, not even a modelled one",
            hint="choose a board, or a target that models time",
        )
    throughput = replace(latency, name="throughput", value=1e6 / latency.value, unit="inf/s")
    return MlperfResult(
        mode="performance",
        task=task.model_id,
        system=system,
        target=record.target,
        machine=record.machine,
        kind="modelled",
        figures={"throughput": throughput, "latency_us": latency},
        windows=(),
        quality_met=None,
        obstacles=obstacles(job.platform, official=inputs.official),
        provenance={**record.provenance, "run": record.run_id},
        notes=(
            f"one inference of each of {rules.WINDOWS} inputs, priced by the timing model; "
            "no window was run",
            *record.notes,
        ),
    )


def _windows(
    device: Device, task: MlperfTask, inputs: Inputs, report: Progress
) -> list[WindowResult]:
    warmups = task.official_warmups
    device.load(inputs.loads[0])
    count = rules.inferences_for_a_window(device.elapsed_us, warmups)
    windows = []
    for load, label in zip(inputs.loads, inputs.labels, strict=True):
        answers: list[tuple[float, ...]] = []

        def infer(inferences: int, before: int, heard: list[tuple[float, ...]] = answers) -> int:
            found = device.infer(inferences, before)
            heard.append(found.results)
            return found.elapsed_us

        window = rules.valid_window(infer, count, warmups, functools.partial(device.load, load))
        count = max(count, window.inferences)
        windows.append(
            WindowResult(
                load.name, label, window.inferences, warmups, window.elapsed_us, answers[-1]
            )
        )
        report("run", len(windows), rules.WINDOWS)
    return windows


def _figures(
    job: pipeline.Job, windows: Sequence[WindowResult], source: str
) -> dict[str, Measurement]:
    kind = kind_of(job.platform)
    if job.platform.note:
        source = f"{source}; {job.platform.note}"
    rates = [rules.Window(w.inferences, w.elapsed_us or 0).throughput for w in windows]
    times = [rules.Window(w.inferences, w.elapsed_us or 0).latency_us for w in windows]
    return {
        "throughput": over_windows("throughput", "inf/s", rates, kind, source),
        "latency_us": over_windows("latency_us", "us", times, kind, source),
    }
