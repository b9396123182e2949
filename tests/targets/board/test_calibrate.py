"""`hil calibrate --board` with a board that counts as a chip of known flash would."""

from __future__ import annotations

import pytest
from hil.devices import overlays

from tests.support.hil import hil
from tests.targets.board.conftest import MODEL, Bench
from tests.targets.board.test_gate import Counter

HIDDEN = 0.8
FLAGS = ("-O2", "-O3", "-Os")


def on_chip(bench: Bench, optimize: str) -> int:
    """Cycles that a chip whose prefetch hides ``HIDDEN`` of the sequential waits would count."""
    options = ("-p", "stm32l4", "--optimize", optimize, "--json", "--db", bench.folder / "other.db")
    figures = hil("run", *options, MODEL, env=bench.env).envelope["data"]["measurements"]
    parts = ("pipeline_cycles", "flash_wait_low_cycles", "flash_wait_high_cycles")
    pipeline, hidden, bare = (figures[name]["value"] for name in parts)
    return round(pipeline + bare - HIDDEN * (bare - hidden))


def test_stored_runs_get_their_emulated_runs(bench: Bench) -> None:
    """Three firmwares of one model; each is emulated with its own optimization, once."""
    counter = Counter(0)
    bench.plug(script=counter)
    for flag in FLAGS:
        counter.usual = on_chip(bench, flag)
        assert bench.run("--samples", 1, "--optimize", flag).code == 0
    out = bench.folder / "mine.toml"
    options = ("--board", "desk", "--db", bench.db, "-o", out, "--json")
    done = hil("calibrate", *options, env=bench.env)
    assert done.code == 0, done
    data = done.envelope["data"]
    assert len(data["runs"]) == 3
    found = overlays.read(out)
    assert found.flash is not None
    assert found.flash.prefetch_hidden == pytest.approx(HIDDEN, abs=0.01)
    assert not found.virtual
    assert len({row.run_id for row in found.rows}) == 3
    assert {row.instrument for row in found.rows} == {
        "cycle counter of the board at 80 MHz; board desk"
    }
    again = hil("calibrate", *options, env=bench.env).envelope["data"]
    assert again["runs"] == []
    assert again["calibration"]["rows"] == data["calibration"]["rows"]


def test_a_board_that_stops_answering_ends_it(bench: Bench) -> None:
    """What was measured before is kept; nothing is written."""
    board = bench.plug(script=lambda board, command: b"" if command == "hil-marks" else None)
    out = bench.folder / "mine.toml"
    options = ("--board", "desk", "--db", bench.db, "-o", out, "--timeout", 2)
    done = hil("calibrate", MODEL, *options, env=bench.env)
    done.refuses(3, "digits_int8 (aot, -O3)")
    assert not out.exists()
    assert bench.stored.status == "failed"
    bench.assert_free(board)
