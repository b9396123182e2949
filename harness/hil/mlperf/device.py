"""One device that runs a task's firmware: loads, inferences, outputs, and its clock checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from hil.bench import pipeline
from hil.bench.outputs import compare
from hil.errors import DeviceFault, LinkError, WrongOutput
from hil.mlperf.data import Load, model_input
from hil.mlperf_tasks import MlperfTask
from hil.records import Array, Firmware
from hil.targets.dut.answers import InferResult
from hil.targets.interface import Options, Session
from hil.tflite.host_reference import HostReference

_LEAST_TIMEOUT_S = 120.0  # a window is silent for 10 s and its warm-ups
_CLOCKS_AGREE = 0.03
_CLOCKS_SLACK_S = 1.0  # what the serial line and this computer add


@dataclass(frozen=True)
class Device:
    """A session with the task that its firmware is for. ``exact_clock``: silicon, whose clock is
    compared with this computer's.
    """

    session: Session
    job: pipeline.Job
    task: MlperfTask
    bytes_a_command: int
    exact_clock: bool

    def load(self, load: Load) -> None:
        """Send a load, checked by its CRC."""
        self.session.client.send(load.data, self.bytes_a_command)

    def infer(self, inferences: int, warmups: int) -> InferResult:
        """Run inferences; on silicon the time between the laps must be this computer's too.

        Raises:
            DeviceFault: it is not.
        """
        started = time.monotonic()
        result = self.session.client.infer(inferences, warmups)
        host_s = time.monotonic() - started
        if self.exact_clock:
            require_clock(result.elapsed_us * 1e-6, host_s, inferences, warmups)
        return result

    def elapsed_us(self, inferences: int, warmups: int) -> int:
        """Microseconds of the inferences by the device's clock."""
        return self.infer(inferences, warmups).elapsed_us

    def output(self) -> tuple[Array, ...]:
        """The output of the last inference."""
        [raw] = self.session.client.outputs()
        [tensor] = self.job.graph.output_tensors
        if len(raw) != tensor.nbytes:
            raise LinkError(
                f"the firmware's output has {len(raw)} bytes, the model's {tensor.nbytes}",
                hint="the firmware was built for another model; build it again",
            )
        return (np.frombuffer(raw, tensor.dtype).reshape(tensor.shape),)

    def expected(self, reference: HostReference, load: Load) -> tuple[Array, ...]:
        """What the model's output should be."""
        return reference.run((model_input(self.task, self.job.graph.input_tensors[0], load.data),))

    def check(self, reference: HostReference, loads: list[Load]) -> None:
        """Run each load once and compare its output with the reference's.

        Raises:
            WrongOutput: one differs; a time of wrong answers does not count.
        """
        for load in loads:
            self.load(load)
            self.infer(1, 0)
            found = compare([self.output()], [self.expected(reference, load)], reference.version)
            if not found.passed:
                raise WrongOutput(
                    f"the output for {load.name} differs from {reference.version} (largest "
                    f"difference {found.max_abs_diff:g})",
                    hint="the time of a wrong answer does not count",
                )


@contextmanager
def opened(
    job: pipeline.Job, firmware: Firmware, task: MlperfTask, bytes_a_command: int = 31
) -> Iterator[Device]:
    """Start a device with the task's firmware.

    Raises:
        LinkError: it answers for another task.
        HilError: as ``Target.open``.
    """
    options = Options(
        timeout_s=max(job.request.timeout_s, _LEAST_TIMEOUT_S),
        load="protocol",
        wait_s=job.request.wait_s,
    )
    with job.target.open(firmware, job.platform, options) as session:
        said = session.client.model_id()
        if said != task.model_id:
            raise LinkError(
                f"the device says that its model is '{said}', not '{task.model_id}'",
                hint="it runs another firmware; flash it again",
            )
        exact = job.platform.time == "measured"
        yield Device(session, job, task, bytes_a_command, exact)


def require_clock(device_s: float, host_s: float, inferences: int, warmups: int) -> None:
    """Compare the seconds of the inferences by the device with this computer's, warm-ups included.

    Raises:
        DeviceFault: they differ by more than 3 % and 1 s.
    """
    expected_s = device_s * (inferences + warmups) / inferences
    if abs(host_s - expected_s) > _CLOCKS_AGREE * expected_s + _CLOCKS_SLACK_S:
        raise DeviceFault(
            f"the device says that {inferences + warmups:,} inferences took {expected_s:.3f} s, "
            f"but its answer came after {host_s:.3f} s",
            hint="its clock is not the one that its firmware counts with; see the profile's clock",
        )
