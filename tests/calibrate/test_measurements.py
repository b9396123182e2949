"""Files of measurements: TOML and CSV, and every way to get a row wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hil.calibrate import read_measurements
from hil.errors import UsageError

from tests.calibrate.boards import write_file


def test_toml_with_values_for_all_rows(tmp_path: Path) -> None:
    path = write_file(
        tmp_path / "m.toml",
        {"model": "kws", "cycles": 1_000_000},
        {"run": "abc", "latency_us": 2000.0, "energy_uj": 80.0, "instrument": "scope"},
    )
    first, second = read_measurements(path)
    assert (first.measured_cycles, first.time_us) == (1_000_000, 12_500)
    assert (first.instrument, first.repetitions) == ("DWT cycle counter", 10)
    assert second.measured_cycles == pytest.approx(160_000)
    assert second.measured_mw == pytest.approx(40.0)
    assert second.instrument == "scope"


def test_csv_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        "model, cycles, clock_hz, power_mw, instrument, spread_pct\n"
        "kws, 1000000, 80000000, 40.5, DWT, 0.2\n"
        "ad, , 80000000, 39, meter,\n"
    )
    first, second = read_measurements(path)
    assert (first.cycles, first.power_mw, first.spread_pct) == (1e6, 40.5, 0.2)
    assert (second.cycles, second.measured_mw, second.spread_pct) == (None, 39, None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"cycles": 1}, "one of run, model and model_sha256"),
        ({"model": "a", "run": "b", "cycles": 1}, "one of run, model"),
        ({"model": "a"}, "give cycles or latency_us"),
        ({"model": "a", "cycles": 1, "latency_us": 1}, "not both"),
        ({"model": "a", "energy_uj": 1}, "give cycles or latency_us"),
        ({"model": "a", "cycles": -1}, "cycles"),
        ({"model": "a", "cycles": 1, "repetitions": 0}, "repetitions"),
        ({"model": "a", "cycle": 1}, "cycle"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: dict[str, object], reason: str) -> None:
    path = write_file(tmp_path / "m.toml", {"model": "good", "cycles": 1}, row)
    with pytest.raises(UsageError, match="measurement 2") as caught:
        read_measurements(path)
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.toml", "", "no measurements"),
        ("m.toml", "clock_hz = ", "not valid TOML"),
        ("m.toml", "clockhz = 1\n[[measurement]]\nmodel='a'", "unknown key 'clockhz'"),
        ("m.toml", "measurement = 3", r"written as \[\[measurement\]\]"),
        ("m.toml", "[[measurement]]\nmodel='a'\ncycles=1", "clock_hz"),
        ("m.csv", "model,cycles\n", "no measurements"),
        ("m.csv", "model,cycles,clock_hz,instrument\na,fast,1,x", "cycles"),
        ("m.csv", "model,cycles,clock_hz,instrument\na,1,1,x,9", "too many cells"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, content: str, reason: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError, match=reason):
        read_measurements(path)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_measurements(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not text"):
        read_measurements(tmp_path / "bytes.toml")
