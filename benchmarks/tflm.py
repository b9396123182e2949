"""TensorFlow Lite Micro against the aot engine on the MLPerf Tiny models, by the same marks.

    .venv/bin/python benchmarks/tflm.py aot tflm-ref tflm-cmsis
        [--models ../shared/models] [--profile nucleo-l4r5zi --profile stm32l4] [--optimize -O3]

Runs every int8 model on every engine named (`hil engine add` adds TFLM's) and prints a Markdown
table: cycles and instructions of one inference, arena and peak RAM, each as it is and as a ratio
to the first engine's, and how far the ops' cycles are from the total. A model that does not fit
has a line that says so; outputs that are not bit for bit the reference's, and so also those that
differ between two engines, end the script.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HIL = Path(sys.executable).with_name("hil")
MODELS = ("ad_int8", "kws_int8", "ic_int8", "vww_int8")
DOES_NOT_FIT = 3
COLUMNS = "| model | profile | engine | M cycles | ratio | M instr | ratio | cycles/MAC "
COLUMNS += "| arena B | ratio | RAM B | ratio | ops' cycles |"


def run(model: Path, profile: str, engine: str, optimize: str, db: Path) -> dict[str, Any] | str:
    """The run's data, or the message that says why it does not fit."""
    command = [str(HIL), "run", "--profile", profile, "--engine", engine, "--json"]
    command += ["--optimize", optimize, "--db", str(db), str(model)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    envelope = json.loads(result.stdout)
    if envelope["status"] == "passed":
        data: dict[str, Any] = envelope["data"]
        return data
    message = envelope["errors"][0]["message"]
    if result.returncode == DOES_NOT_FIT and "not fit" in message:
        return str(message)
    sys.exit(f"{model.name} on {profile} with {engine}: {message}")


def line(name: str, profile: str, engine: str, data: dict[str, Any], first: dict[str, Any]) -> str:
    figures = {key: row["value"] for key, row in data["measurements"].items()}
    base = {key: row["value"] for key, row in first["measurements"].items()}
    ops = sum(op["cycles"] for op in data["ops"])

    def ratio(key: str) -> str:
        return f"{figures[key] / base[key]:.2f}"

    return (
        f"| {name} | {profile} | {engine} "
        f"| {figures['cycles'] / 1e6:.2f} | {ratio('cycles')} "
        f"| {figures['instructions'] / 1e6:.2f} | {ratio('instructions')} "
        f"| {figures['cycles'] / data['model']['macs']:.2f} "
        f"| {figures['arena_bytes']:,.0f} | {ratio('arena_bytes')} "
        f"| {figures['ram_bytes']:,.0f} | {ratio('ram_bytes')} "
        f"| {100 * (ops / figures['cycles'] - 1):+.3f} % |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engines", nargs="+", help="the first one is what ratios refer to")
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--profile", action="append")
    parser.add_argument("--optimize", default="-O3")
    parser.add_argument("--db", type=Path, help="keep the runs there")
    args = parser.parse_args()
    print(COLUMNS)
    print("|" + "---|" * (COLUMNS.count("|") - 1))
    with tempfile.TemporaryDirectory() as folder:
        db = args.db or Path(folder) / "hil.db"
        for profile in args.profile or ["nucleo-l4r5zi", "stm32l4"]:
            for name in MODELS:
                found: list[tuple[str, dict[str, Any]]] = []
                for engine in args.engines:
                    data = run(args.models / f"{name}.tflite", profile, engine, args.optimize, db)
                    if isinstance(data, str):
                        print(f"| {name} | {profile} | {engine} | {data} |")
                        continue
                    found.append((engine, data))
                    print(line(name, profile, engine, data, found[0][1]), flush=True)


if __name__ == "__main__":
    main()
