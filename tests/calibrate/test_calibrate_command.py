"""`hil run` and `hil calibrate` as users run them: real emulated runs, a synthetic board."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from hil.store import Store

from tests.calibrate.boards import PROGRAMS, run, write_file
from tests.support.hil import DIGITS, Result, hil

HIDDEN = 0.7
MODEL = DIGITS / "digits_int8.tflite"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HIL_DB": str(tmp_path / "runs.db"), "HIL_OVERLAY_DIR": str(tmp_path / "overlays")}


def board_file(tmp_path: Path, env: dict[str, str], *, scale: float = 1.0) -> Path:
    """What a board with HIDDEN would measure of the runs in the store, 0.1 % up and down."""
    rows: list[dict[str, object]] = []
    with Store.open(env["HIL_DB"]) as store:
        for i, one in enumerate(reversed(store.find(status="passed"))):
            value = {name: figure.value for name, figure in one.measurements.items()}
            hidden, bare = value["flash_wait_low_cycles"], value["flash_wait_high_cycles"]
            cycles = value["pipeline_cycles"] + bare - HIDDEN * (bare - hidden)
            wiggle = 1 + 0.001 * (-1) ** i
            rows.append({"run": one.run_id, "cycles": cycles * scale * wiggle, "power_mw": 38.5})
    return write_file(tmp_path / "board.toml", *rows)


def stored(env: dict[str, str]) -> None:
    with Store.open(env["HIL_DB"]) as store:
        for number, program in enumerate(PROGRAMS[:4]):
            store.finish(run(program, number))


def assert_parts_add_up(result: Result, hidden: float) -> None:
    """The stored parts give the run's own cycles for what it took prefetch to hide."""
    figures = result.envelope["data"]["measurements"]
    low, high = (figures[f"flash_wait_{end}_cycles"]["value"] for end in ("low", "high"))
    assert 0 < low < high
    expected = figures["pipeline_cycles"]["value"] + high - hidden * (high - low)
    assert figures["cycles"]["value"] == pytest.approx(expected, abs=1)


def test_a_calibrated_run_says_so_and_is_narrower(tmp_path: Path, env: dict[str, str]) -> None:
    stored(env)
    before = hil("run", "--profile", "stm32l4", str(MODEL), "--json", env=env)
    assert before.code == 0, before
    measurements = board_file(tmp_path, env)
    done = hil("calibrate", "-p", "stm32l4", "--measurements", measurements, "--json", env=env)
    assert done.code == 0, done
    found = done.envelope["data"]["calibration"]
    assert done.envelope["schema"] == "hil.calibrate/1"
    assert found["flash"]["prefetch_hidden"] == pytest.approx(HIDDEN, abs=0.05)
    assert found["cycles"]["n"] == 5
    after = hil("run", "--profile", "stm32l4", str(MODEL), "--json", env=env)
    was, now = (
        one.envelope["data"]["measurements"]["cycles"]["uncertainty_pct"] for one in (before, after)
    )
    assert now == found["cycles"]["uncertainty_pct"]
    assert now < was
    assert_parts_add_up(before, 0.5)
    assert_parts_add_up(after, found["flash"]["prefetch_hidden"])
    source = after.envelope["data"]["provenance"]["calibration"]
    assert source.endswith(f"5 firmwares, hil {version('hil')}")
    assert before.envelope["data"]["provenance"]["calibration"] == "none"
    shown = hil("profile", "show", "stm32l4", env=env)
    assert "calibrated 2" in shown.stdout
    assert "prefetch_hidden" in shown.stdout
    words = hil("run", "--profile", "stm32l4", str(MODEL), env=env).stdout
    assert "used for cycles and power" in words


def test_the_table_and_o(tmp_path: Path, env: dict[str, str]) -> None:
    stored(env)
    out = tmp_path / "mine.toml"
    measurements = board_file(tmp_path, env)
    shown = hil("calibrate", "-p", "stm32l4", "--measurements", measurements, "-o", out, env=env)
    assert shown.code == 0, shown
    for words in ("prefetch hides 7", "band of cycles: ±", "was ±9 %", "38.5 mW", "kws_int8"):
        assert words in shown.stdout
    assert out.is_file()
    assert not Path(env["HIL_OVERLAY_DIR"]).exists()


def test_refusals_write_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    arguments = ("calibrate", "-p", "stm32l4", "--measurements")
    hil(*arguments, tmp_path / "none.toml", env=env).refuses(2, "cannot read")
    stored(env)
    slow = board_file(tmp_path, env, scale=1.4)
    hil(*arguments, slow, env=env).refuses(2, "above the", "every wait")
    few = write_file(tmp_path / "few.toml", {"model": "ad_int8", "cycles": 700_000})
    hil(*arguments, few, env=env).refuses(2, "needs 3 firmwares")
    other = write_file(tmp_path / "clock.toml", {"model": "ad_int8", "cycles": 1}, clock_hz=1000)
    hil(*arguments, other, env=env).refuses(2, "wait states and power go with the clock")
    assert not Path(env["HIL_OVERLAY_DIR"]).exists()
