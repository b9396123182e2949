"""How fast labelled samples go through an emulated device, and where the time goes.

    .venv/bin/python benchmarks/accuracy.py [--models ../shared/models] [--samples 1000]
        [--profile stm32l4] [--jobs 1 2] [MODEL ...]

Runs `hil accuracy` as a user does (random int8 inputs and labels, a new database) with each number
of emulators and prints a Markdown row of wall seconds; then times the parts of one sample in one
emulator: writing the input and reading the output through the debug port, the command with the
inference, and the host's reference. Quote wall times with the load of the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
from hil import devices
from hil.bench import pipeline
from hil.targets.interface import Options
from hil.targets.session import infer
from hil.tflite.host_reference import reference_for
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model

ROOT = Path(__file__).resolve().parent.parent
HIL = Path(sys.executable).with_name("hil")
PARTS = ("write input", "command and inference", "read output", "reference on the host")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--profile", default="stm32l4")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("model", nargs="*", default=["kws_int8"])
    options = parser.parse_args()
    print("| model | samples | " + " | ".join(f"{n} emulators, s" for n in options.jobs) + " |")
    print("|---|---|" + "---|" * len(options.jobs))
    for name in options.model:
        model = options.models / f"{name}.tflite"
        times = [wall_s(model, options.profile, options.samples, jobs) for jobs in options.jobs]
        print(f"| {name} | {options.samples} | " + " | ".join(f"{w:.1f}" for w in times) + " |")
    print("\n| model | " + " | ".join(f"{part}, ms" for part in PARTS) + " |")
    print("|---|" + "---|" * len(PARTS))
    for name in options.model:
        cells = parts_ms(options.models / f"{name}.tflite", options.profile)
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def wall_s(model: Path, profile: str, samples: int, jobs: int) -> float:
    """Seconds of the whole command, from its start to its table."""
    graph = Model.read(model).graph
    random = np.random.Generator(np.random.PCG64(1))
    x = np.stack([one[0] for one in make_inputs("random:1", graph, samples)])
    outputs = graph.tensors[graph.outputs[0]]
    anomaly = outputs.shape == graph.tensors[graph.inputs[0]].shape
    y = random.integers(0, 2 if anomaly else max(2, outputs.elements), samples)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "data.npz", x=x, y=y)
        command = [HIL, "accuracy", "-p", profile, "--jobs", jobs, "--data", f"{folder}/data.npz"]
        begin = time.monotonic()
        done = subprocess.run(
            [*map(str, command), "--db", f"{folder}/hil.db", str(model)],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - begin
    if done.returncode:
        sys.exit(done.stderr)
    return seconds


def parts_ms(model: Path, profile: str, times: int = 100) -> list[float]:
    """Mean milliseconds of each part of a sample in one emulator."""
    job = pipeline.prepare(pipeline.Request(Model.read(model), devices.load(profile)))
    firmware = pipeline.build_firmware(job)
    reference = reference_for(job.model)
    inputs = job.inputs[0]
    with job.target.open(firmware, job.platform, Options()) as session:
        info, debugger, client = session.client.info(), session.memory, session.client
        assert debugger is not None
        writes = [(t.address, a.tobytes()) for t, a in zip(info.inputs, inputs, strict=True)]
        reads = [(tensor.address, tensor.nbytes) for tensor in info.outputs]
        infer(session, inputs, pipeline.output_specs(job))
        command = f"hil-infer {info.input_bytes}"
        data = b"".join(blob for _, blob in writes)

        def command_it() -> None:
            lines = client._command(command, 60.0)
            assert f"{crc32(data):08x}" in lines[0].lower()

        steps: tuple[Callable[[], object], ...] = (
            lambda: debugger.exchange((), writes),
            command_it,
            lambda: debugger.exchange(reads, ()),
            lambda: reference.run(inputs),
        )
        spent = [0.0] * len(steps)
        for _ in range(times):
            for at, step in enumerate(steps):
                begin = time.perf_counter()
                step()
                spent[at] += time.perf_counter() - begin
    return [1e3 * seconds / times for seconds in spent]


if __name__ == "__main__":
    main()
