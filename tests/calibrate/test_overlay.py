"""An overlay survives its file, changes the profile, narrows the band, and refuses strangers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hil import devices
from hil.calibrate import calibrate
from hil.devices import overlays
from hil.devices.overlays import Calibration
from hil.errors import ProfileError
from hil.measure.calibration import PIPELINE, applicable, calibration_notes, narrowed
from hil.measure.power_band import power_band
from hil.records import Measurement

from tests.calibrate.boards import PROGRAMS, board, profile, run


def calibration(hidden: float = 0.75, power_mw: float = 38.0) -> Calibration:
    pairs = [
        dataclasses.replace(one, power_mw=power_mw) for one in board(hidden, noise_pct=0.2, seed=11)
    ]
    return calibrate(profile(), pairs, date="2026-01-02").calibration


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIL_OVERLAY_DIR", str(tmp_path / "overlays"))
    return tmp_path / "overlays"


def test_round_trip(tmp_path: Path) -> None:
    made = calibration()
    path = tmp_path / "deep" / "stm32l4.toml"
    overlays.write(made, path)
    assert overlays.read(path) == made
    overlays.write(overlays.read(path), path)
    assert overlays.read(path) == made
    assert [p.name for p in path.parent.iterdir()] == ["stm32l4.toml"]


@pytest.mark.parametrize("text", ['quote " and \\ back', "line\nbreak\ttab", "µ, 測, \x07", ""])
def test_any_text_survives(tmp_path: Path, text: str) -> None:
    made = calibration()
    row = made.rows[0].model_copy(update={"instrument": text})
    odd = made.model_copy(update={"rows": (row, *made.rows[1:])})
    overlays.write(odd, tmp_path / "x.toml")
    assert overlays.read(tmp_path / "x.toml") == odd


def test_load_applies_it_and_can_leave_it_out(folder: Path) -> None:
    overlays.write(calibration(), folder / "stm32l4.toml")
    loaded, plain = devices.load("stm32l4"), devices.load("stm32l4", overlays=False)
    assert loaded.flash.prefetch_hidden == pytest.approx(0.75, abs=0.03)
    assert plain.flash.prefetch_hidden is None
    assert plain.calibration is None
    assert loaded.power.milliwatts(loaded.clock.hz) == 38.0
    band = power_band(loaded)
    assert (band.pct, band.words) == (2.0, "calibrated 2026-01-02")
    assert band.pct < power_band(plain).pct
    assert devices.load("nucleo-l452re").calibration is None


def test_without_a_folder_there_is_no_calibration(folder: Path) -> None:
    assert devices.load("stm32l4").calibration is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ("prefetch_hidden = 0.", "prefetch_hiding = 0.", "prefetch_hiding"),
        ("[cycles]", "[cycles]\nscale = 1", "cycles.scale"),
        ("[flash]", "colour = 1\n[flash]", "colour"),
        ("prefetch_hidden = 0.", "prefetch_hidden = 3.", "prefetch_hidden"),
        ("n = 6", "n = 2", "cycles.n"),
        ("schema = 1", "schema = ", "not valid TOML"),
        ("clock_hz = 80000000", "clock_hz = 48000000", "for STM32L475VG at 48 MHz"),
        ('part = "STM32L475VG"', 'part = "STM32L476RG"', "for STM32L476RG"),
    ],
)
def test_an_overlay_of_another_kind_is_refused(
    folder: Path, old: str, new: str, reason: str
) -> None:
    text = overlays.as_toml(calibration())
    assert old in text
    folder.mkdir()
    (folder / "stm32l4.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        devices.load("stm32l4")
    assert reason in caught.value.message
    assert str(folder / "stm32l4.toml") in caught.value.hint


def test_a_profile_cannot_bring_its_own(tmp_path: Path) -> None:
    source = (devices.data_dir("device_profiles") / "stm32l4.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(source + "\n[calibration]\nn = 9\n")
    with pytest.raises(ProfileError, match="not a key of profiles"):
        devices.load(str(path))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfileError, match="cannot write the calibration"):
        overlays.write(calibration(), tmp_path / "file" / "x.toml")


def figures() -> dict[str, Measurement]:
    found = dict(run(PROGRAMS[1]).measurements)
    found["latency_us"] = Measurement("latency_us", 1.0, "us", "modelled", 9.0)
    return found


def test_the_band_narrows_where_the_calibration_holds() -> None:
    made = calibration()
    calibrated = devices.calibrated(profile(), made)
    after = narrowed(calibrated, "int8", figures())
    assert made.cycles is not None
    for name in ("cycles", "latency_us"):
        assert after[name].uncertainty_pct == made.cycles.uncertainty_pct
        assert made.cycles.uncertainty_pct < 1.5 < (figures()[name].uncertainty_pct or 0)
        assert "calibration of 2026-01-02, 6 firmwares" in after[name].source
    assert after[PIPELINE] == figures()[PIPELINE]
    assert "used for cycles and power" in calibration_notes(calibrated, "int8", after)[0]


def test_it_does_not_hold_for_other_data_types_nor_for_ideal_memory() -> None:
    calibrated = devices.calibrated(profile(), calibration())
    assert narrowed(calibrated, "float32", figures()) == figures()
    ideal: dict[str, Any] = {k: v for k, v in figures().items() if k != PIPELINE}
    assert applicable(calibrated, "int8", ideal) is None
    notes = calibration_notes(calibrated, "float32", figures())
    assert "used for power" in notes[0]
    assert "int8 models" in notes[1]


def test_without_a_calibration_nothing_is_said() -> None:
    assert narrowed(profile(), "int8", figures()) == figures()
    assert calibration_notes(profile(), "int8", figures()) == ()
