"""How fast QEMU runs with the profiler plugin: bare, counting blocks, and simulating caches.

    .venv/bin/python benchmarks/profiler.py [--models ../shared/models] [--inferences 60]

Per model the same firmware, inputs and session three ways, in turn, `--repeats` times; prints a
Markdown table of the fastest of each. Boot, loading and reading outputs are subtracted by a
session of one inference. The machine's noise is in it: compare the columns of one run.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from hil import devices
from hil.bench import pipeline
from hil.records import Firmware, Trace
from hil.targets import session
from hil.targets.interface import Options
from hil.tflite.model import Model

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("bare", "counting", "caches")


def timed(job: pipeline.Job, firmware: Firmware, way: str, inferences: int) -> tuple[Trace, float]:
    """One session and its seconds; every inference is recorded unless the way is bare."""
    start = time.perf_counter()
    trace = session.run(
        job.target,
        firmware,
        job.platform,
        job.inputs[:1],
        pipeline.output_specs(job),
        Options(
            profile_windows=0 if way == "bare" else inferences,
            flash=job.request.profile.flash if way == "caches" else None,
        ),
        n_ops=len(job.graph.ops),
        repeat=inferences,
    )
    return trace, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--profile", default="nucleo-l4r5zi")
    parser.add_argument("--inferences", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    profile = devices.load(args.profile)
    print("| model | bare M instr/s | counting | of bare | caches | of bare |")
    print("|---|---|---|---|---|---|")
    for name in ("kws_int8", "ic_int8", "vww_int8"):
        path = args.models / f"{name}.tflite"
        if not path.is_file():
            print(f"{path} is not here: left out", file=sys.stderr)
            continue
        job = pipeline.prepare(pipeline.Request(Model.read(path), profile))
        firmware = pipeline.build_firmware(job)
        counted = timed(job, firmware, "counting", 1)[0].inferences[0].profile
        assert counted is not None
        best = dict.fromkeys(WAYS, float("inf"))
        for _ in range(args.repeats):
            for way in WAYS:
                many = timed(job, firmware, way, args.inferences)[1]
                best[way] = min(best[way], many - timed(job, firmware, way, 1)[1])
        total = counted.instructions * (args.inferences - 1) / 1e6
        rate = {way: total / best[way] for way in WAYS}
        print(
            f"| {name} | {rate['bare']:.0f} "
            f"| {rate['counting']:.0f} | {rate['counting'] / rate['bare']:.2f} "
            f"| {rate['caches']:.0f} | {rate['caches'] / rate['bare']:.2f} |"
        )


if __name__ == "__main__":
    main()
