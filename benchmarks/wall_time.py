"""How long `hil` takes on this machine: cold, warm, and its help.

    .venv/bin/python benchmarks/wall_time.py [--models ../shared/models] [--repeats 5]

Prints a Markdown table: minimum, median and maximum of the wall time, and the limit that it should
keep. `cold` runs have an empty cache folder (nothing compiled: kernels, runtime, plugin) and an
empty database. The machine's own noise is in these numbers: compare medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HIL = Path(sys.executable).with_name("hil")


def seconds(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - start
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    return elapsed


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "HIL_CACHE_DIR": str(folder / "c"), "HIL_STATE_DIR": str(folder / "s")}


def run_command(model: Path, profile: str) -> list[str]:
    return [str(HIL), "run", "--profile", profile, str(model)]


def cold(model: Path, profile: str, repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            times.append(seconds(run_command(model, profile), environment(Path(folder))))
    return times


def warm(model: Path, profile: str, repeats: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        seconds(run_command(model, profile), env)
        return [seconds(run_command(model, profile), env) for _ in range(repeats)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--profile", default="stm32l4")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rows: list[tuple[str, float | None, list[float]]] = [
        ("hil --help", 0.3, [seconds([str(HIL), "--help"], dict(os.environ)) for _ in range(5)])
    ]
    digits = ROOT / "examples" / "digits" / "digits_int8.tflite"
    for model, cold_limit, warm_limit in (
        (digits, None, None),
        (args.models / "kws_int8.tflite", 3.0, 1.5),
        (args.models / "vww_int8.tflite", None, 3.0),
    ):
        if not model.is_file():
            print(f"{model} is not here: left out", file=sys.stderr)
            continue
        rows.append((f"{model.stem} cold", cold_limit, cold(model, args.profile, args.repeats)))
        rows.append((f"{model.stem} warm", warm_limit, warm(model, args.profile, args.repeats)))
    print("| command | limit s | min s | median s | max s |")
    print("|---|---|---|---|---|")
    for name, limit, times in rows:
        middle = statistics.median(times)
        bound = "" if limit is None else f"{limit:g}"
        print(f"| {name} | {bound} | {min(times):.2f} | {middle:.2f} | {max(times):.2f} |")


if __name__ == "__main__":
    main()
