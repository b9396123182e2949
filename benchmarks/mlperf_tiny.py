"""The MLPerf Tiny models against TensorFlow Lite Micro's figures: arena and instructions.

    .venv/bin/python benchmarks/mlperf_tiny.py [--models ../shared/models] [--profile nucleo-l4r5zi]

Runs each model twice on 20 random inputs and the two extremes (outputs compared bit for bit) and
prints a Markdown table. The TFLM columns are instructions of its reference kernels and arena with
CMSIS-NN, TFLM main of 2026-08, GCC 12.2 -O2, Cortex-M4F, counted in QEMU.
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
TFLM = {  # model: (instructions of the reference kernels, arena bytes with CMSIS-NN)
    "ad_int8": (1.95e6, 2_580),
    "kws_int8": (43.1e6, 22_820),
    "ic_int8": (107.5e6, 54_996),
    "vww_int8": (100.5e6, 100_708),
}


def run(model: Path, profile: str, db: Path) -> dict[str, Any]:
    command = [str(HIL), "run", "--profile", profile, "--samples", "20", "--json"]
    result = subprocess.run(
        [*command, "--db", str(db), str(model)], capture_output=True, text=True, check=False
    )
    envelope = json.loads(result.stdout)
    if envelope["status"] != "passed":
        sys.exit(f"{model.name} on {profile}: {envelope['errors']}")
    data: dict[str, Any] = envelope["data"]
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--profile", action="append")
    args = parser.parse_args()
    print("| model | profile | inputs | M instr | of TFLM ref | cycles/MAC | arena B | of TFLM |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for profile in args.profile or ["nucleo-l4r5zi", "stm32l4"]:
            for name, (instructions, arena) in TFLM.items():
                first, second = (
                    run(args.models / f"{name}.tflite", profile, Path(folder) / "hil.db")
                    for _ in range(2)
                )
                figures = {k: v["value"] for k, v in first["measurements"].items()}
                for key in ("cycles", "instructions"):
                    if figures[key] != second["measurements"][key]["value"]:
                        sys.exit(f"{name} on {profile}: {key} differ between two runs")
                print(
                    f"| {name} | {profile} | {first['check']['inputs']} "
                    f"| {figures['instructions'] / 1e6:.2f} "
                    f"| {figures['instructions'] / instructions:.2f} "
                    f"| {figures['cycles'] / first['model']['macs']:.2f} "
                    f"| {figures['arena_bytes']:,.0f} | {figures['arena_bytes'] / arena:.2f} |"
                )


if __name__ == "__main__":
    main()
