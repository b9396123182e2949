"""`hil run --memory-model`: what the flash costs, with the words that go with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hil.resources import data_dir

from tests.run.test_run import INT8
from tests.support.hil import hil


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "hil.db"


def run(db: Path, *arguments: str, profile: str | Path = "stm32l4") -> dict[str, Any]:
    envelope = hil("run", "-p", profile, "--json", "--db", db, *arguments, INT8).envelope
    assert envelope["status"] == "passed", envelope["errors"]
    data: dict[str, Any] = envelope["data"]
    return data


def test_waits_are_simulated_unless_they_are_left_out(db: Path) -> None:
    cache, ideal = run(db), run(db, "--memory-model", "ideal")
    assert cache["provenance"]["memory_model"] == "cache"
    assert ideal["provenance"]["memory_model"] == "ideal"
    figures = [data["measurements"] for data in (cache, ideal)]
    assert figures[0]["cycles"]["value"] > 1.02 * figures[1]["cycles"]["value"]
    assert figures[0]["instructions"]["value"] == figures[1]["instructions"]["value"]
    assert figures[0]["cycles"]["uncertainty_pct"] > figures[1]["cycles"]["uncertainty_pct"]
    assert any("hiding every sequential miss to hiding none" in note for note in cache["notes"])
    assert any("ideal memory" in note for note in ideal["notes"])
    assert all(c["cycles"] >= i["cycles"] for c, i in zip(cache["ops"], ideal["ops"], strict=True))


def test_flash_without_waits_needs_no_caches(db: Path) -> None:
    slow = "stm32l4@16MHz"  # its flash keeps up with that clock
    data = run(db, profile=slow)
    assert data["provenance"]["memory_model"] == "ideal"
    assert not any("memory" in note for note in data["notes"])
    assert (
        run(db, "--memory-model", "cache", profile=slow)["measurements"]["cycles"]
        == data["measurements"]["cycles"]
    )


def test_a_calibrated_prefetcher_narrows_the_band(db: Path, tmp_path: Path) -> None:
    text = (data_dir("device_profiles") / "stm32l4.toml").read_text(encoding="utf-8")
    known = tmp_path / "known.toml"
    line = "prefetch = true\n"
    known.write_text(text.replace(line, line + "prefetch_hidden = 0.5\n"), encoding="utf-8")
    unknown, calibrated = run(db), run(db, profile=known)
    bands = [d["measurements"]["cycles"]["uncertainty_pct"] for d in (unknown, calibrated)]
    assert bands[1] < bands[0]
    cycles = [d["measurements"]["cycles"]["value"] for d in (unknown, calibrated)]
    assert cycles[1] == pytest.approx(cycles[0], rel=1e-6)  # half hidden is the middle
    assert any("hides 50 %" in note for note in calibrated["notes"])


def test_an_unknown_model_is_refused(db: Path) -> None:
    result = hil("run", "-p", "stm32l4", "--memory-model", "perfect", "--db", db, INT8)
    result.refuses(2, "--memory-model", "perfect", "'ideal', 'cache'")
