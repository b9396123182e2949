"""Energy mode: five windows as in performance mode, recorded by the board's meter.

As in the official runner (``benchmark/runner`` of https://github.com/mlcommons/tiny) the serial
line is slow (9600 baud) with 26 bytes a command, and a falling edge of the pin marks both ends of a
window. The median of the energies of an inference counts.
"""

from __future__ import annotations

import dataclasses

from hil.bench import pipeline
from hil.errors import MeterFailed, UsageError
from hil.measure.metered import cut
from hil.mlperf import rules
from hil.mlperf.data import Load, RunnerData, inputs_of
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
from hil.records import MeasuredEnergy, Measurement, MeteredRun, Progress, Recording, WindowSign
from hil.targets.dut.answers import InferResult
from hil.targets.interface import Metered
from hil.tflite.host_reference import reference_for
from hil.tflite.interpreter import prestart

BAUD = 9600
BYTES_A_COMMAND = 26
_PIN = "HIL_WINDOW_PIN"


def energy(
    request: pipeline.Request,
    task: MlperfTask,
    data: RunnerData | None,
    *,
    system: str,
    baud: int = BAUD,
    progress: Progress | None = None,
) -> MlperfResult:
    """Run energy mode on a board with a meter; the outputs are checked first.

    Raises:
        UsageError: the board has no meter, or the model does not fit the task.
        WrongOutput: an output differs from the reference's.
        MeterFailed: the recording does not show the window, or it is too short.
        HilError: the device or the meter failed.
    """
    report = progress or (lambda stage, done, total: None)
    prestart()
    job = _job(pipeline.prepare(request, report), baud)
    inputs = inputs_of(task, data, rules.WINDOWS)
    reference = reference_for(job.model)
    report("build", 0, 0)
    firmware = pipeline.build_firmware(job)
    report("run", 0, rules.WINDOWS)
    with opened(job, firmware, task, BYTES_A_COMMAND) as device:
        device.check(reference, inputs.loads)
        windows, found = _windows(device, inputs.loads, inputs.labels, report)
        tool, log = device.session.tool, device.session.client.link.transcript.text()
        seen = dict(device.session.facts)
    return MlperfResult(
        mode="energy",
        task=task.model_id,
        system=system,
        target=job.platform.target,
        machine=job.platform.machine,
        kind=kind_of(job.platform),
        figures=_figures(job, found),
        windows=tuple(windows),
        quality_met=None,
        obstacles=obstacles(job.platform, official=inputs.official),
        provenance=facts(job, firmware, tool, reference=reference.version, baud=baud, **seen),
        notes=(job.platform.note,) if job.platform.note else (),
        log=without_loads(log),
    )


def _job(job: pipeline.Job, baud: int) -> pipeline.Job:
    platform = job.platform
    if platform.meter is None:
        raise UsageError(
            f"{platform.machine or 'an emulator'} has no energy meter",
            hint="energy mode needs --board with a meter in boards.toml (docs/energy.md); `hil "
            "mlperf performance` needs none",
        )
    slow = dataclasses.replace(platform, baud=baud)
    return pipeline.fitted(dataclasses.replace(job, platform=slow))


def _windows(
    device: Device, loads: list[Load], labels: list[int | None], report: Progress
) -> tuple[list[WindowResult], list[MeasuredEnergy]]:
    """The windows, and the energy of each; warm-ups only where the pin separates them."""
    sign: WindowSign = "pulses" if _PIN in device.job.platform.defines else "none"
    warmups = device.task.official_warmups if sign == "pulses" else 0
    device.load(loads[0])
    count = rules.inferences_for_a_window(device.elapsed_us, warmups)
    windows, energies = [], []
    for load, label in zip(loads, labels, strict=True):
        device.load(load)
        answer, recording = _recorded(device, count, warmups)
        run = MeteredRun(recording, sign, 1, count, answer.elapsed_us / count)
        found = cut(run, virtual=not device.exact_clock)
        length_s = found.windows[0].end_s - found.windows[0].start_s
        if length_s < rules.LEAST_S:
            raise MeterFailed(
                f"the window of {load.name} took {length_s:.3f} s by the meter, "
                f"{answer.elapsed_us / 1e6:.3f} s by the device's clock; {rules.LEAST_S:g} s are "
                "needed",
                hint="the time of an inference varies, or one of the clocks is wrong",
            )
        elapsed_us = round(length_s * 1e6)
        windows.append(
            WindowResult(
                load.name, label, count, warmups, elapsed_us, answer.results, found.energy_uj
            )
        )
        energies.append(found)
        report("run", len(windows), rules.WINDOWS)
    return windows, energies


def _recorded(device: Device, count: int, warmups: int) -> tuple[InferResult, Recording]:
    answers: list[InferResult] = []
    session = device.session
    recording = (
        session.recorded(lambda: answers.append(device.infer(count, warmups)))
        if isinstance(session, Metered)
        else None
    )
    if recording is None:
        raise MeterFailed(
            "the board's session has no meter", hint="see the board's entry in boards.toml"
        )
    return answers[0], recording


def _figures(job: pipeline.Job, found: list[MeasuredEnergy]) -> dict[str, Measurement]:
    """The medians; their uncertainty is the largest of the windows', without the scatter."""
    kind = kind_of(job.platform)
    first = found[0]
    source = f"{first.instrument}, {first.rate_hz:g} samples/s; {len(found)} windows"
    energies = over_windows("energy_uj", "uJ", [one.energy_uj for one in found], kind, source)
    powers = over_windows("power_mw", "mW", [one.power_mw for one in found], kind, source)
    return {
        "energy_uj": dataclasses.replace(
            energies, uncertainty_pct=max(one.uncertainty_pct for one in found)
        ),
        "power_mw": dataclasses.replace(
            powers, uncertainty_pct=max(one.power_uncertainty_pct for one in found)
        ),
    }
