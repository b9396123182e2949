"""The published results: complete, typed, and true to the copy they were made from."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hil.errors import StoreError
from hil.published import energy_pairs, mlperf_tiny, read_results

ORIGINAL = Path(__file__).resolve().parents[3] / "shared" / "published" / "mlperf_tiny_results.csv"


def test_every_row_is_there_and_typed() -> None:
    rows = mlperf_tiny()
    assert len(rows) == 334
    assert {row.version for row in rows} == {"0.5", "0.7", "1.0", "1.1", "1.2", "1.3"}
    reference = next(r for r in rows if r.submitter == "reference" and r.task == "kws")
    assert (reference.board, reference.clock_hz, reference.volts) == (
        "NUCLEO-L4R5ZI",
        120_000_000,
        1.8,
    )
    assert not reference.volts_stated
    assert reference.power_mw == pytest.approx(7373.704 / 180.538)


@pytest.mark.skipif(not ORIGINAL.is_file(), reason="the original table is not beside the project")
def test_figures_are_those_of_the_original() -> None:
    with ORIGINAL.open(encoding="utf-8", newline="") as file:
        original = list(csv.DictReader(file))
    for ours, theirs in zip(mlperf_tiny(), original, strict=True):
        pairs = [
            (ours.latency_ms, theirs["ms"]),
            (ours.energy_uj_per_inference, theirs["uJ"]),
            (ours.stated_power_mw, theirs["mW"]),
            (ours.energy_mode_latency_ms, theirs["ems"]),
            (ours.auc, theirs["auc"]),
        ]
        assert all(a == (float(b) if b else None) for a, b in pairs), ours.label
        assert (ours.task, ours.system, ours.note) == (
            theirs["task"],
            theirs["sys"],
            theirs["note"],
        )


def test_stated_power_agrees_with_the_derived() -> None:
    stated = [row for row in energy_pairs() if row.stated_power_mw]
    assert len(stated) == 12
    for row in stated:
        assert row.power_mw == pytest.approx(row.stated_power_mw, rel=0.01), row.label


def test_streaming_energy_is_no_pair() -> None:
    assert all(row.task != "sww" for row in energy_pairs())
    assert any(row.task == "sww" and row.energy_uj_per_inference for row in mlperf_tiny())


def test_doubts_are_kept() -> None:
    doubted = [(row.version, row.task) for row in mlperf_tiny() if row.doubt]
    assert ("0.5", "ad") in doubted
    assert ("1.1", "ic") in doubted
    assert len(doubted) == 4


@pytest.mark.parametrize(
    ("old", "new"), [(",ic,704", ",xx,704"), ("704.225", "fast"), ("task", "job")]
)
def test_a_damaged_file_names_the_row(tmp_path: Path, old: str, new: str) -> None:
    from hil.resources import data_dir

    text = (data_dir("reports") / "published" / "mlperf_tiny.csv").read_text(encoding="utf-8")
    path = tmp_path / "damaged.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StoreError, match=r"damaged\.csv, row \d"):
        read_results(path)
    with pytest.raises(StoreError, match="cannot read"):
        read_results(tmp_path / "none.csv")
