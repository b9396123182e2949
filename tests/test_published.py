"""Published rows stand beside a run only where model and board are the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
from hil import devices
from hil.published import matching, mlperf_tiny
from hil.records import RunRecord
from hil.resources import data_dir

from tests.conftest import MODELS
from tests.report.report_records import passed

KWS = "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae"


def run(sha256: str, profile: str) -> RunRecord:
    record = passed()
    assert record.model is not None
    return dataclasses.replace(
        record,
        profile_name=profile,
        profile=devices.load(profile).model_dump(mode="json", by_alias=True),
        model=dataclasses.replace(record.model, sha256=sha256),
    )


def test_rows_of_the_model_and_the_board() -> None:
    rows = matching(run(KWS, "nucleo-l4r5zi"))
    assert {(row.task, row.board, row.division) for row in rows} == {
        ("kws", "NUCLEO-L4R5ZI", "closed")
    }
    expected = [r for r in mlperf_tiny() if (r.task, r.board) == ("kws", "NUCLEO-L4R5ZI")]
    assert len(rows) == len(expected) == 20
    latencies = [row.latency_ms for row in rows]
    assert latencies == sorted(latencies, key=lambda one: one or float("inf"))


def test_none_for_another_model_board_or_chip() -> None:
    assert matching(run("00" * 32, "nucleo-l4r5zi")) == ()
    assert matching(run(KWS, "stm32l4")) == ()
    record = run(KWS, "nucleo-l4r5zi")
    other = {**record.profile, "chip": {**record.profile["chip"], "part": "STM32L496"}}
    assert matching(dataclasses.replace(record, profile=other)) == ()
    assert matching(dataclasses.replace(record, model=None)) == ()


def test_at_another_clock_only_rows_of_that_clock_match() -> None:
    assert matching(run(KWS, "nucleo-l4r5zi@48MHz")) == ()
    record = run(KWS, "nucleo-l4r5zi")  # were 120 MHz not the profile's own clock
    assert len(matching(dataclasses.replace(record, profile_name="nucleo-l4r5zi@120MHz"))) == 20


def test_the_own_clock_spelled_out_is_the_profile_itself() -> None:
    record = run(KWS, "nucleo-l4r5zi@120MHz")
    assert len(matching(dataclasses.replace(record, profile_name=record.profile["name"]))) == 20


def test_the_data_names_boards_and_profiles_that_exist() -> None:
    path = data_dir("reports") / "published" / "mlperf_tiny_match.json"
    match = json.loads(path.read_text(encoding="utf-8"))
    parts = {row.board: row.part for row in mlperf_tiny()}
    for profile, board in match["boards"].items():
        assert devices.load(profile).chip.part == parts[board]


@pytest.mark.skipif(not MODELS.is_dir(), reason="the MLPerf Tiny models are not here")
@pytest.mark.parametrize("task", ["ad", "ic", "kws", "vww"])
def test_the_hashes_are_those_of_the_reference_models(task: str) -> None:
    sha256 = hashlib.sha256((MODELS / f"{task}_int8.tflite").read_bytes()).hexdigest()
    rows = matching(run(sha256, "nucleo-l4r5zi"))
    assert {row.task for row in rows} == {task}
