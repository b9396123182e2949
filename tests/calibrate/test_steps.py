"""What a calibration with a board takes from the store, and what it would have to run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hil.boards import Board, MeterSetup
from hil.calibrate import match
from hil.calibrate.measurements import as_toml, read_measurements
from hil.calibrate.steps import Source, Subject, plan_of_models, require_sources, stored_plan
from hil.calibrate.with_board import code_messages, measured, portable
from hil.errors import UsageError
from hil.records import Measurement, RunRecord
from hil.store import Store
from hil.tflite.model import Model

from tests.support.hil import DIGITS

from .boards import PROGRAMS, Program, profile, run

DESK = Board(name="desk", profile="stm32l4", port="/dev/ttyACM0")
HIDDEN = 0.7


def board_run(program: Program, number: int = 50, **changes: Any) -> RunRecord:
    """A run of a program on the board, with what its counter measured."""
    kind = changes.pop("kind", "measured")
    cycles = program.on_board(HIDDEN)
    figures = {
        "cycles": Measurement(
            "cycles", cycles, "cycles", kind, 0.1, 15, 0.02, "cycle counter of the board at 80 MHz"
        )
    }
    provenance = {
        "optimize": "-O3",
        "board_usb": "0483:374b serial 066D",
        **changes.pop("more", {}),
    }
    fields: dict[str, Any] = {
        "target": "board",
        "machine": "desk",
        "measurements": figures,
        "provenance": provenance,
    }
    return run(program, number, **{**fields, **changes})


def metered(record: RunRecord, milliwatts: float) -> RunRecord:
    """The run with the power that a meter measured."""
    power = Measurement("power_mw", milliwatts, "mW", "measured", 1.0, 5, source="PPK2 C0FFEE")
    return dataclasses.replace(record, measurements={**record.measurements, "power_mw": power})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "runs.db")) as opened:
        yield opened


def keep(store: Store, *records: RunRecord) -> None:
    for record in records:
        store.finish(record)


def test_stored_runs_of_both_kinds_are_paired(store: Store) -> None:
    for at, program in enumerate(PROGRAMS[:3]):
        keep(store, run(program, at), board_run(program, 50 + at))
    plan = stored_plan(Subject(profile(), DESK), store)
    assert plan.missing == (0, 0)
    assert plan.messages == ()
    assert [step.model for step in plan.steps] == ["ad_int8", "ic_int8", "kws_int8"]
    for step in plan.steps:
        assert step.board_run is not None
        assert step.emulated_run is not None
        assert (step.board_run.target, step.emulated_run.target) == ("board", "qemu")
        assert step.board_run.model == step.emulated_run.model
    require_sources(plan, profile())


def test_the_newest_run_of_a_firmware_counts(store: Store) -> None:
    ad = PROGRAMS[0]
    keep(store, run(ad, 1), run(ad, 2), board_run(ad, 50), board_run(ad, 51))
    keep(store, run(ad, 3, status="failed"), board_run(ad, 52, status="failed"))
    (step,) = stored_plan(Subject(profile(), DESK), store).steps
    assert step.board_run is not None
    assert step.emulated_run is not None
    assert step.board_run.run_id == board_run(ad, 51).run_id
    assert step.emulated_run.run_id == run(ad, 2).run_id


def test_other_boards_engines_and_flags_are_not_taken(store: Store) -> None:
    ad, kws, ic = PROGRAMS[:3]
    keep(store, board_run(ad, 50, machine="bench"), board_run(kws, 51, engine="tflm"))
    keep(store, board_run(ic, 52, more={"optimize": "-Os"}))
    subject = Subject(profile(), DESK)
    assert {step.engine for step in stored_plan(subject, store).steps} == {"aot", "tflm"}
    chosen = dataclasses.replace(subject, engine="tflm")
    assert [step.model for step in stored_plan(chosen, store).steps] == ["kws_int8"]
    chosen = dataclasses.replace(subject, engine="aot", optimize="-O3")
    assert stored_plan(chosen, store).steps == ()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"measurements": {}}, "it has no cycles"),
        ({"kind": "modelled"}, "its board was virtual then"),
        ({"more": {"board_virtual": True}}, "its board was virtual then"),
        (
            {"profile": {**run(PROGRAMS[0]).profile, "clock": {"hz": 16_000_000}}},
            "the profile has changed since",
        ),
    ],
)
def test_a_run_that_cannot_be_used_is_named(
    store: Store, changes: dict[str, Any], why: str
) -> None:
    record = board_run(PROGRAMS[0], **changes)
    keep(store, record)
    plan = stored_plan(Subject(profile(), DESK), store)
    assert plan.steps == ()
    assert plan.messages == (f"the board's run {record.run_id} of ad_int8 is left out: {why}",)


def test_runs_of_a_real_board_do_not_count_for_a_virtual_one(store: Store) -> None:
    keep(store, board_run(PROGRAMS[0]))
    virtual = DESK.model_copy(update={"virtual": True})
    (message,) = stored_plan(Subject(profile(), virtual), store).messages
    assert "its board was a real one then" in message


def test_an_emulated_run_that_is_missing_needs_the_model(store: Store) -> None:
    keep(store, board_run(PROGRAMS[0]))
    plan = stored_plan(Subject(profile(), DESK), store)
    assert plan.missing == (0, 1)
    with pytest.raises(UsageError, match=r"no emulated run of ad_int8 \(aot, -O3\) on 'stm32l4'"):
        require_sources(plan, profile())


def test_a_model_that_is_still_there_is_a_source(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "digits_int8.tflite"
    file.write_bytes((DIGITS / "digits_int8.tflite").read_bytes())
    model = Model.read(file)
    info = dataclasses.replace(
        board_run(PROGRAMS[0]).model,  # type: ignore[type-var]
        name=model.name, path=str(file), sha256=model.sha256,
    )  # fmt: skip
    keep(store, board_run(PROGRAMS[0], model=info))
    (step,) = stored_plan(Subject(profile(), DESK), store).steps
    assert step.source == Source(model)
    file.write_bytes((DIGITS / "digits_float32.tflite").read_bytes())
    (step,) = stored_plan(Subject(profile(), DESK), store).steps
    assert step.source is None


def test_given_models_use_stored_runs_and_count_once(store: Store) -> None:
    model = Model.read(DIGITS / "digits_int8.tflite")
    info = dataclasses.replace(
        board_run(PROGRAMS[0]).model,  # type: ignore[type-var]
        name=model.name, sha256=model.sha256,
    )  # fmt: skip
    keep(store, board_run(PROGRAMS[0], model=info))
    other = Model.read(DIGITS / "digits_float32.tflite")
    sources = [Source(model), Source(model), Source(other)]
    plan = plan_of_models(Subject(profile(), DESK), sources, store, "aot", "-O3")
    assert [step.board_run is not None for step in plan.steps] == [True, False]
    assert plan.missing == (1, 2)
    assert plan_of_models(Subject(profile(), DESK), sources, store, "aot", "-O2").missing == (2, 2)


def test_other_code_is_run_again_where_it_is_older(store: Store) -> None:
    """The emulated run of an older engine or compiler is not the board's firmware."""
    model = Model.read(DIGITS / "digits_int8.tflite")
    info = dataclasses.replace(
        board_run(PROGRAMS[0]).model,  # type: ignore[type-var]
        name=model.name, sha256=model.sha256,
    )  # fmt: skip
    old = run(PROGRAMS[0], 1, model=info)
    keep(store, old, board_run(PROGRAMS[0], 10, model=info, more={"compiler": "gcc 14"}))
    subject, sources = Subject(profile(), DESK), [Source(model)]
    assert plan_of_models(subject, sources, store, "aot", "-O3").missing == (0, 1)
    keep(store, run(PROGRAMS[0], 20, model=info))
    plan = plan_of_models(subject, sources, store, "aot", "-O3")
    assert plan.missing == (0, 0)
    (message,) = code_messages(plan.steps)
    assert "ran different code" in message


def test_a_row_has_the_boards_cycles_and_the_meters_power(store: Store) -> None:
    ad = PROGRAMS[0]
    keep(store, run(ad, 1), metered(board_run(ad), 38.5))
    (step,) = stored_plan(Subject(profile(), DESK), store).steps
    supplied = DESK.model_copy(update={"meter": MeterSetup(name="ppk2", volts=3.3)})
    row = measured(step, supplied)
    assert (row.run, row.cycles, row.clock_hz) == (
        run(ad, 1).run_id,
        ad.on_board(HIDDEN),
        80_000_000,
    )
    assert (row.power_mw, row.volts) == (38.5, 3.3)
    assert (row.repetitions, row.spread_pct, row.virtual) == (15, 0.02, False)
    assert row.instrument == (
        "cycle counter of the board at 80 MHz; board desk (0483:374b serial 066D); "
        "power: PPK2 C0FFEE"
    )
    (pair,) = match(profile(), [row], store)
    assert (pair.measured_cycles, pair.power_mw, pair.volts) == (ad.on_board(HIDDEN), 38.5, 3.3)


def test_exported_rows_are_read_as_the_same(store: Store, tmp_path: Path) -> None:
    for at, program in enumerate(PROGRAMS[:3]):
        keep(store, run(program, at), metered(board_run(program, 50 + at), 38.0 + at))
    steps = stored_plan(Subject(profile(), DESK), store).steps
    rows = [portable(step, measured(step, DESK)) for step in steps]
    assert {row.run for row in rows} == {None}
    file = tmp_path / "rows.toml"
    file.write_text(as_toml(rows, [step.title for step in steps]))
    assert read_measurements(file) == rows
    assert "# kws_int8 (aot, -O3)" in file.read_text()
    assert "virtual" not in file.read_text()
    given = [measured(step, DESK) for step in steps]
    assert match(profile(), read_measurements(file), store) == match(profile(), given, store)
