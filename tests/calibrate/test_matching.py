"""Measurements find their emulated runs in a real store, or are refused with a reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hil.calibrate import Measured, Pair, match
from hil.errors import UsageError
from hil.records import Measurement
from hil.store import Store

from tests.calibrate.boards import PROGRAMS, profile, run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "runs.db")) as opened:
        for number, program in enumerate(PROGRAMS):
            opened.finish(run(program, number))
        yield opened


def measured(**values: Any) -> Measured:
    base = {"clock_hz": 80_000_000, "instrument": "DWT", "cycles": 1e6}
    return Measured.model_validate({**base, **values})


def matched(store: Store, *rows: Measured) -> list[Pair]:
    return match(profile(), rows, store)


@pytest.mark.parametrize("name", ["kws_int8", "kws_int8.tflite", "some/where/kws_int8.tflite"])
def test_a_model_is_found_by_name(store: Store, name: str) -> None:
    (found,) = matched(store, measured(model=name))
    kws = PROGRAMS[1]
    assert (found.model, found.run_id[-6:]) == ("kws_int8", "kws001")
    assert found.measured_cycles == 1e6
    assert found.modelled(0.25) == pytest.approx(kws.on_board(0.25))
    assert found.rules_band_pct > 0


def test_a_run_is_found_by_id_and_a_model_by_hash(store: Store) -> None:
    by_id = matched(store, measured(run="20260101T000002-ic_002"))
    by_hash = matched(store, measured(model_sha256=f"{2:064x}"))
    assert by_id == by_hash
    assert by_id[0].model == "ic_int8"


def test_the_newest_run_counts_and_rows_of_one_run_are_one_pair(store: Store) -> None:
    store.finish(run(PROGRAMS[1], 30))
    rows = [measured(model="kws_int8", cycles=c, spread_pct=c / 1e6) for c in (1e6, 3e6, 2e6)]
    (found,) = matched(store, *rows)
    assert found.run_id.endswith("kws030")
    assert (found.measured_cycles, found.repetitions, found.spread_pct) == (2e6, 3, 3.0)


def test_engine_optimization_and_firmware_choose_among_runs(store: Store) -> None:
    other = run(PROGRAMS[1], 31)
    changed = {"firmware_sha256": "cd" * 32, "optimize": "-O2"}
    store.finish(dataclasses.replace(other, provenance=changed))
    (newest,) = matched(store, measured(model="kws_int8"))
    (o3,) = matched(store, measured(model="kws_int8", optimize="-O3"))
    (same,) = matched(store, measured(model="kws_int8", firmware_sha256="AB" * 32))
    assert newest.run_id.endswith("kws031")
    assert o3.run_id == same.run_id
    assert same.run_id.endswith("kws001")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"model": "unknown"}, "no emulated run of unknown"),
        ({"model": "kws_int8", "engine": "tflm"}, "no emulated run of kws_int8, engine tflm"),
        ({"model": "kws_int8", "optimize": "-Os"}, "-Os"),
        ({"model": "kws_int8", "firmware_sha256": "00"}, "another firmware"),
        ({"model": "kws_int8", "clock_hz": 48_000_000}, "at 48 MHz, the profile 'stm32l4' is at"),
        ({"run": "nonsense"}, "no run 'nonsense'"),
    ],
)
def test_what_does_not_belong_is_refused(store: Store, row: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        matched(store, measured(**row))
    assert caught.value.hint


def changed_flash(**values: Any) -> dict[str, Any]:
    data = profile().model_dump(mode="json", by_alias=True)
    return {**data, "flash": {**data["flash"], **values}}


ON_BOARD = Measurement("cycles", 1000.0, "cycles", "measured", 0.1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "failed"}, "is a failed run"),
        ({"target": "board", "measurements": {"cycles": ON_BOARD}}, "(board)"),
        ({"profile_name": "nucleo-l452re"}, "on 'nucleo-l452re'"),
        ({"profile": changed_flash(wait_states=3)}, "has changed since run"),
        ({"measurements": {}}, "does not say what its cycles are made of"),
    ],
)
def test_runs_that_cannot_serve_are_refused(
    store: Store, changes: dict[str, Any], reason: str
) -> None:
    store.finish(run(PROGRAMS[0], 40, **changes))
    with pytest.raises(UsageError) as caught:
        matched(store, measured(run="20260101T000040-ad_040"))
    assert reason in caught.value.message


def test_a_sequel_run_made_with_a_calibration_still_serves(store: Store) -> None:
    """The parts of the cycles do not depend on the calibration that was in use."""
    used = changed_flash(prefetch_hidden=0.9)
    store.finish(run(PROGRAMS[0], 41, profile=used))
    (found,) = matched(store, measured(model="ad_int8"))
    assert found.modelled(0.0) == pytest.approx(PROGRAMS[0].on_board(0.0))
