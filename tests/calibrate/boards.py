"""Synthetic boards: emulated runs, and what a board of known parameters would measure."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from pathlib import Path

from hil import devices
from hil.calibrate import Pair
from hil.devices import Profile
from hil.measure.calibration import ALL_HIDDEN, NONE_HIDDEN, PIPELINE
from hil.records import Measurement, ModelInfo, RunRecord

PROFILE = "stm32l4"


@dataclass(frozen=True)
class Program:
    """A firmware as emulation sees it: cycles without waits, and its waits at both ends."""

    name: str
    pipeline: float
    all_hidden: float
    none_hidden: float
    dtype: str = "int8"

    def on_board(self, hidden: float) -> float:
        """Cycles on a board whose prefetcher hides ``hidden`` of the sequential waits."""
        return self.pipeline + self.none_hidden + hidden * (self.all_hidden - self.none_hidden)


PROGRAMS = (
    Program("ad_int8", 600_000, 90_000, 160_000),
    Program("kws_int8", 6_000_000, 20_000, 700_000),
    Program("ic_int8", 25_000_000, 60_000, 2_000_000),
    Program("vww_int8", 17_000_000, 90_000, 3_000_000),
    Program("mlp_int8", 90_000, 5_000, 14_000),
    Program("cnn_int8", 1_500_000, 40_000, 260_000),
)


def profile() -> Profile:
    return devices.load(PROFILE, overlays=False)


def pair(program: Program, measured: float | None, **changes: object) -> Pair:
    made = Pair(
        run_id=f"run-{program.name}",
        model=program.name,
        model_sha256="0" * 64,
        firmware_sha256="f" * 64,
        engine="aot",
        dtype=program.dtype,
        instrument="DWT",
        repetitions=10,
        measured_cycles=measured,
        spread_pct=0.1,
        power_mw=None,
        volts=3.0,
        pipeline_cycles=program.pipeline,
        all_hidden_cycles=program.all_hidden,
        none_hidden_cycles=program.none_hidden,
        rules_band_pct=5.0,
        band_pct=9.0,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def board(hidden: float, *, noise_pct: float = 0.0, seed: int = 0) -> list[Pair]:
    """Every program measured on a board of known parameters, with relative noise."""
    rng = random.Random(seed)
    return [
        pair(program, program.on_board(hidden) * (1 + rng.gauss(0, noise_pct / 100)))
        for program in PROGRAMS
    ]


def run(program: Program, number: int = 0, **changes: object) -> RunRecord:
    """The emulated run of a program, as `hil run` stores it."""

    def cycles(name: str, value: float) -> Measurement:
        return Measurement(name, value, "cycles", "modelled", 9.0, source="emulated")

    middle = program.on_board(0.5)
    figures = {
        "cycles": cycles("cycles", middle),
        PIPELINE: cycles(PIPELINE, program.pipeline),
        ALL_HIDDEN: cycles(ALL_HIDDEN, program.all_hidden),
        NONE_HIDDEN: cycles(NONE_HIDDEN, program.none_hidden),
    }
    sha256 = f"{PROGRAMS.index(program):064x}"
    record = RunRecord(
        run_id=f"20260101T0000{number:02d}-{program.name[:3]}{number:03d}",
        status="passed",
        started_at=f"2026-01-01T00:00:{number:02d}.000+00:00",
        finished_at=f"2026-01-01T00:01:{number:02d}.000+00:00",
        profile_name=PROFILE,
        profile=profile().model_dump(mode="json", by_alias=True),
        target="qemu",
        machine="b-l475e-iot01a",
        machine_exact=True,
        engine="aot",
        model=ModelInfo(program.name, f"{program.name}.tflite", sha256, program.dtype, 1, 1, 1),
        measurements=figures,
        ops=(),
        functions=(),
        plan=None,
        flash_by_owner={},
        ram_by_owner={},
        check=None,
        provenance={"firmware_sha256": "ab" * 32, "optimize": "-O3"},
        notes=(),
        errors=(),
    )
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


def write_file(path: Path, *rows: dict[str, object], clock_hz: int = 80_000_000) -> Path:
    """A TOML file of measurements."""
    lines = ['instrument = "DWT cycle counter"', f"clock_hz = {clock_hz}", "repetitions = 10"]
    for row in rows:
        lines.append("[[measurement]]")
        lines += [f"{k} = {v if isinstance(v, int | float) else repr(v)}" for k, v in row.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
