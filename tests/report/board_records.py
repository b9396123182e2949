"""Records of boards: the same firmware as an emulated run's, with what a board would give."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from hil.measure.metered import cut, energy_figures
from hil.records import Measurement, RunRecord

from tests.support.supply import Supply

BOARD_RUN = "20261121T025500-0bad00"
DESK = "desk"


def on_board(
    run: RunRecord, op_factors: Mapping[int, float] | None = None, *, virtual: bool = False,
    between: int = 12_000, **changes: Any,
) -> RunRecord:  # fmt: skip
    """``run`` on a board whose ops take ``op_factors`` times as long (1 where none is given)."""
    kind: Any = "modelled" if virtual else "measured"
    factors = op_factors or {}
    ops = tuple(
        dataclasses.replace(
            op,
            cycles=round(op.cycles * factors.get(op.index, 1)),
            latency_us=op.latency_us * factors.get(op.index, 1),
            instructions=0,
            kind=kind,
        )
        for op in run.ops
    )
    cycles = float(sum(op.cycles for op in ops) + between)
    source = f"cycle counter of the {'virtual ' * virtual}board at 80 MHz"
    figures = {
        **run.measurements,
        "cycles": Measurement("cycles", cycles, "cycles", kind, 0.1, 5, 0.02, source),
        "latency_us": Measurement("latency_us", cycles / 80, "us", kind, 0.1, 5, 0.02, source),
    }
    for name in ("stack_bytes", "heap_bytes"):
        figures[name] = dataclasses.replace(figures[name], kind=kind)
    for name in ("instructions", "cpi"):
        figures.pop(name, None)
    fields: dict[str, Any] = {
        "run_id": BOARD_RUN,
        "target": "board",
        "machine": DESK,
        "machine_exact": True,
        "measurements": figures,
        "ops": ops,
        "functions": (),
        "provenance": {**run.provenance, "target_tool": "serial port", "target_command": ""},
    }
    return dataclasses.replace(run, **{**fields, **changes})


def with_energy(run: RunRecord, microjoules: float) -> RunRecord:
    """The run with the energy that a meter measured."""
    energy = Measurement("energy_uj", microjoules, "uJ", "measured", 2.0, source="meter")
    return dataclasses.replace(run, measurements={**run.measurements, "energy_uj": energy})


def metered(run: RunRecord, **changes: Any) -> RunRecord:
    """The run with the recording of a meter that lost some samples between windows."""
    supply = Supply(windows=5, latency_s=0.0193, pause_s=0.05, noise_w=2e-3)
    whole = supply.run()
    values = whole.recording.values.copy()
    values[25_000:27_500] = np.nan  # between the first two windows
    recording = dataclasses.replace(
        whole.recording,
        values=values,
        lost=2_500,
        instrument="PPK2 (hardware 9173), source meter at 3.3 V",
        accuracy_pct=20.0,
    )
    found = cut(dataclasses.replace(whole, recording=recording, **changes))
    measurements = {**run.measurements, **energy_figures(found)}
    return dataclasses.replace(run, energy=found, measurements=measurements)
