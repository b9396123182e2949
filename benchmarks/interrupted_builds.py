"""Kills `hil run` at random moments of a cold build, with another model following at once.

    .venv/bin/python benchmarks/interrupted_builds.py [--times 200] [--seed 1]

Prints how many followers gave a wrong firmware or failed, how many caches were not usable
afterwards (the killed model is run again and must give its firmware too), and how many killed runs
had a process left after 2 s. Ends with 1 where any of these is not 0. The firmwares of both models
from an empty cache are what the others are compared with.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from hil.tflite.model import Model

ROOT = Path(__file__).resolve().parent.parent
HIL = Path(sys.executable).with_name("hil")
LEFT_S = 2.0  # when no process of a killed run may be left any more
MARK = "HIL_INTERRUPTED_BUILDS"


@dataclass
class Counts:
    """What went wrong, over all moments."""

    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def start(model: Path, folder: Path, mark: str) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        MARK: mark,
        "HIL_CACHE_DIR": str(folder / "cache"),
        "HIL_STATE_DIR": str(folder / "state"),
    }
    return subprocess.Popen(
        [str(HIL), "run", "--json", "--profile", "stm32l4", str(model)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def result(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The hash of the firmware of a run that passed, or "" and what it said."""
    out, err = process.communicate()
    if process.returncode:
        return "", err.strip()
    return str(json.loads(out)["data"]["provenance"]["firmware_sha256"]), ""


def living(mark: str) -> list[str]:
    """Command lines of the processes that have the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes().split(b"\0"):
                command = path.with_name("cmdline").read_bytes().replace(b"\0", b" ")
                found.append(os.fsdecode(command)[:200])
        except OSError:
            continue
    return found


def expected(model: Path) -> tuple[str, float]:
    """The firmware's hash from an empty cache, and how long that run took."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        sha256, said = result(start(model, Path(folder), "expected"))
        if not sha256:
            sys.exit(f"hil run {model} failed:\n{said}")
        return sha256, time.perf_counter() - begin


def one(moment_s: float, models: list[tuple[Path, str]], counts: Counts) -> None:
    """Kill a cold run of the first model at a moment, run the second, and the first again."""
    name = f"at {moment_s:.3f} s"
    with tempfile.TemporaryDirectory() as folder:
        mark = uuid.uuid4().hex
        first = start(models[0][0], Path(folder), mark)
        time.sleep(moment_s)
        first.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        follower = start(models[1][0], Path(folder), "follower")
        first.communicate()
        time.sleep(max(0.0, killed + LEFT_S - time.monotonic()))
        counts.left += [f"{name}: {command}" for command in living(mark)]
        sha256, said = result(follower)
        if not sha256:
            counts.failed.append(f"{name}: {said}")
        elif sha256 != models[1][1]:
            counts.wrong.append(f"{name}: {sha256}")
        for model, wanted in models:
            sha256, said = result(start(model, Path(folder), "again"))
            if sha256 != wanted:
                counts.broken.append(f"{name}: {model.name}: {sha256 or said}")


def other_weights(model: Path, folder: Path) -> Path:
    """A model of the same ops, so of the same CMake tree, whose largest constant is reversed."""
    read = Model.read(model)
    data = max((t.data.tobytes() for t in read.graph.tensors if t.data is not None), key=len)
    other = folder / f"{model.stem}_other.tflite"
    other.write_bytes(read.content.replace(data, data[::-1]))
    return other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    digits = ROOT / "examples" / "digits" / "digits_int8.tflite"
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=digits)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(
            campaign(args.times, args.seed, (args.model, other_weights(args.model, Path(folder))))
        )


def campaign(times: int, seed: int, files: tuple[Path, Path]) -> int:
    """Kill a run ``times`` times; print the counts and return the exit code."""
    moments = random.Random(seed)
    known = [(model, *expected(model)) for model in files]
    models = [(model, sha256) for model, sha256, _ in known]
    counts = Counts()
    for number in range(times):
        one(moments.uniform(0, known[0][2]), models, counts)
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {times}", end="", file=sys.stderr)
    print(f"{times} random moments of a cold run of {known[0][2]:.1f} s (seed {seed})")
    for what, found in (
        ("followers with another firmware", counts.wrong),
        ("followers that failed", counts.failed),
        ("caches that were not usable afterwards", counts.broken),
        (f"processes left after {LEFT_S:g} s", counts.left),
    ):
        print(f"{what}: {len(found)}")
        for line in found:
            print(f"  {line}")
    return int(bool(counts.wrong or counts.failed or counts.broken or counts.left))


if __name__ == "__main__":
    main()
