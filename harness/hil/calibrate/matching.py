"""Finds the emulated run of each measurement."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from hil.calibrate.measurements import Measured
from hil.devices import Profile
from hil.errors import UsageError
from hil.measure.calibration import ALL_HIDDEN, NONE_HIDDEN, PIPELINE
from hil.measure.cycles.bands import band
from hil.measure.cycles.cores import core_table
from hil.records import Kind, RunRecord
from hil.verdict.kinship import BOARD, on_board

if TYPE_CHECKING:
    from hil.store import Store

_FLASH_KEYS = ("wait_states", "line_bytes", "prefetch", "icache_bytes", "dcache_bytes")


@dataclass(frozen=True)
class Pair:
    """One firmware: what the board measured, and what its cycles are made of in emulation.

    ``all_hidden_cycles`` and ``none_hidden_cycles`` are the flash waits at both ends of what
    prefetch may hide. ``rules_band_pct`` is the band of the core's rules without flash.
    """

    run_id: str
    model: str
    model_sha256: str
    firmware_sha256: str
    engine: str
    dtype: str
    instrument: str
    repetitions: int
    measured_cycles: float | None
    spread_pct: float | None
    power_mw: float | None
    volts: float
    pipeline_cycles: float
    all_hidden_cycles: float
    none_hidden_cycles: float
    rules_band_pct: float
    band_pct: float | None

    def modelled(self, share: float) -> float:
        """Cycles of the model where prefetch hides ``share`` of the sequential waits."""
        sequential = self.none_hidden_cycles - self.all_hidden_cycles
        return self.pipeline_cycles + self.none_hidden_cycles - share * sequential

    def residual(self, share: float) -> float:
        """``modelled / measured - 1``."""
        assert self.measured_cycles is not None
        return self.modelled(share) / self.measured_cycles - 1


def match(profile: Profile, rows: Sequence[Measured], store: Store) -> list[Pair]:
    """Pair each measurement with its emulated run; several of one run count once, by the median.

    Raises:
        UsageError: no such run, or it is of another profile, firmware or clock.
    """
    by_run: dict[str, tuple[RunRecord, list[Measured]]] = {}
    for row in rows:
        if row.clock_hz != profile.clock.hz:
            raise UsageError(
                f"{row.firmware} was measured at {row.clock_hz / 1e6:g} MHz, the profile "
                f"'{profile.name}' is at {profile.clock.hz / 1e6:g} MHz",
                hint="wait states and power go with the clock: measure at the profile's clock, or "
                "write a profile for the other one",
            )
        record = _run_of(profile, row, store)
        by_run.setdefault(record.run_id, (record, []))[1].append(row)
    return [_pair(profile, record, measured) for record, measured in by_run.values()]


def _run_of(profile: Profile, row: Measured, store: Store) -> RunRecord:
    candidates = [store.get(row.run)] if row.run else _candidates(profile, row, store)
    fitting = [run for run in candidates if _built_as_asked(run, row)]
    if not fitting:
        wanted = "".join(
            f", {key} {value}"
            for key, value in (("engine", row.engine), ("", row.optimize))
            if value
        )
        raise UsageError(
            f"no emulated run of {row.firmware}{wanted} on '{profile.name}' is stored",
            hint=f"`hil run --profile {profile.name} MODEL` makes one; `hil history` shows them",
        )
    same = [run for run in fitting if _same_firmware(run, row)]
    if not same:
        found = fitting[0].provenance.get("firmware_sha256", "")
        raise UsageError(
            f"{row.firmware} was measured with another firmware: {row.firmware_sha256} there, "
            f"{found} in run {fitting[0].run_id}",
            hint="measure and emulate the same ELF, or take firmware_sha256 out of the row if the "
            "two differ only in what the emulator's machine needs",
        )
    _refuse_unusable(profile, same[0])
    return same[0]


def _candidates(profile: Profile, row: Measured, store: Store) -> list[RunRecord]:
    found = store.find(
        model_sha256=row.model_sha256, profile=profile.name, engine=row.engine, status="passed"
    )
    name = PurePath(row.model or "").name.removesuffix(".tflite")
    runs = (
        store.get(run.run_id)
        for run in found
        if not row.model or (run.model is not None and _stem(run.model.name) == name)
    )
    return [run for run in runs if _kind_of_cycles(run) == "modelled" and not on_board(run)]


def _kind_of_cycles(run: RunRecord) -> Kind | None:
    cycles = run.measurements.get("cycles")
    return cycles.kind if cycles is not None else None


def _stem(name: str) -> str:
    return name.removesuffix(".tflite")


def _built_as_asked(run: RunRecord, row: Measured) -> bool:
    return row.engine in (None, run.engine) and row.optimize in (
        None,
        run.provenance.get("optimize"),
    )


def _same_firmware(run: RunRecord, row: Measured) -> bool:
    if row.firmware_sha256 is None:
        return True
    return str(run.provenance.get("firmware_sha256", "")).startswith(row.firmware_sha256.lower())


def is_usable(profile: Profile, run: RunRecord) -> bool:
    """Whether a stored run is an emulated one that a calibration of ``profile`` can use."""
    try:
        _refuse_unusable(profile, run)
    except UsageError:
        return False
    return _kind_of_cycles(run) == "modelled" and run.target != BOARD


def _refuse_unusable(profile: Profile, run: RunRecord) -> None:
    again = f"run it again: `hil run --profile {profile.name} MODEL`"
    measured = on_board(run)
    if run.profile_name != profile.name or run.status != "passed" or measured:
        raise UsageError(
            f"run {run.run_id} is a {run.status} run on '{run.profile_name}' ({run.target})",
            hint=f"a calibration of '{profile.name}' needs its passed, emulated runs",
        )
    if timing_part(run.profile) != timing_part(profile.model_dump(mode="json", by_alias=True)):
        raise UsageError(
            f"the profile '{profile.name}' has changed since run {run.run_id}", hint=again
        )
    if "cycles" not in run.measurements or (
        profile.flash.wait_states and PIPELINE not in run.measurements
    ):
        raise UsageError(
            f"run {run.run_id} does not say what its cycles are made of (an older version, or "
            "ideal memory)",
            hint=again,
        )


def timing_part(profile: Mapping[str, Any]) -> list[Any]:
    """What decides the cycles in a profile as plain data; a change of it makes runs unusable."""
    flash, chip, clock = profile["flash"], profile["chip"], profile["clock"]
    return [chip["part"], chip["core"], clock["hz"], *(flash.get(key) for key in _FLASH_KEYS)]


def _pair(profile: Profile, run: RunRecord, rows: list[Measured]) -> Pair:
    assert run.model is not None
    figures = run.measurements
    cycles = [row.measured_cycles for row in rows if row.measured_cycles is not None]
    power = [row.measured_mw for row in rows if row.measured_mw is not None]
    volts = {row.volts for row in rows if row.volts is not None and row.measured_mw is not None}
    if len(volts) > 1:
        raise UsageError(
            f"{run.model.name}: power was measured at different supplies",
            hint="calibrate with the rows of one supply",
        )
    spreads = [row.spread_pct for row in rows if row.spread_pct is not None]
    waits = [figures[name].value if name in figures else 0.0 for name in (ALL_HIDDEN, NONE_HIDDEN)]
    pipeline = figures[PIPELINE if PIPELINE in figures else "cycles"].value
    kind = "float" if run.model.dtype.startswith("float") else "integer"
    return Pair(
        run_id=run.run_id,
        model=run.model.name,
        model_sha256=run.model.sha256,
        firmware_sha256=str(run.provenance.get("firmware_sha256", "")),
        engine=run.engine,
        dtype=run.model.dtype,
        instrument=", ".join(sorted({row.instrument for row in rows})),
        repetitions=sum(row.repetitions for row in rows),
        measured_cycles=statistics.median(cycles) if cycles else None,
        spread_pct=max(spreads) if spreads else None,
        power_mw=statistics.median(power) if power else None,
        volts=volts.pop() if volts else profile.power.volts,
        pipeline_cycles=pipeline,
        all_hidden_cycles=waits[0],
        none_hidden_cycles=waits[1],
        rules_band_pct=band(core_table(profile.chip.core), kind).pct,  # type: ignore[arg-type]
        band_pct=figures["cycles"].uncertainty_pct,
    )
