"""Many verdicts in one paragraph."""

from __future__ import annotations

from typing import Any

from hil.records import ModelInfo, RunRecord
from hil.report.compare.choose import cases
from hil.report.compare.summary import summary
from hil.report.words.format import NBSP

from .report_records import wrong_output
from .test_verdict import run, tflm


def model(number: int) -> ModelInfo:
    return ModelInfo(f"m{number}", "m.tflite", f"{number:02d}" * 32, "int8", 1, 1, 1)


def pair(number: int, **changes: Any) -> list[RunRecord]:
    """TFLM takes 190 on model ``number``; ``changes`` are our run's."""
    baseline = tflm(model=model(number))
    return [
        run(run_id=f"20261121T07{number:02d}00-aaaaaa", model=model(number), **changes),
        baseline,
    ]


def texts(*runs: RunRecord) -> list[str]:
    return [found.text.replace(NBSP, " ") for found in summary(cases(runs))]


def test_one_pair_has_its_own_verdict() -> None:
    (found,) = texts(*pair(1, ram=600))
    assert found.startswith("aot on the STM32L475VG at 80 MHz: 1.9x faster and 40 % less RAM than")


def test_pairs_are_summed_up_with_their_range() -> None:
    assert texts(*pair(1, ram=600), *pair(2, time=50, ram=900), *pair(3, time=380, ram=2500)) == [
        "aot against TFLite Micro with CMSIS-NN in 3 pairs of runs (3 models, 1 profile): "
        "1.9x to 3.8x faster in 2, 2.0x slower in 1; 10 % to 40 % less RAM in 2, 2.5x the RAM "
        "in 1; the same flash within 1 % in all 3; times modelled, ±8.0 %; outputs identical in "
        "all 3."
    ]


def test_what_cannot_be_told_apart_is_counted() -> None:
    (found,) = texts(
        *pair(1, time=185), *pair(2, time=160, band=10.0), *pair(3, time=170, band=1.0)
    )
    assert "1.12x faster in 1, no difference in time can be claimed in 2; " in found
    assert "times modelled, ±1.0 % to ±10 %;" in found


def test_pairs_that_did_not_pass_are_said_and_not_counted() -> None:
    failed = run(model=model(9), status="failed", run_id="20261121T080000-bbbbbb")
    (found,) = texts(*pair(1), *pair(2), failed, tflm(model=model(9)))
    assert "in 3 pairs of runs" in found
    assert "1.9x faster in both" in found
    assert found.endswith(" In 1 pair a run did not pass: nothing is claimed there.")


def test_nothing_passed() -> None:
    broken = [
        run(model=model(i), status="error", run_id=f"20261121T08000{i}-bbbbbb") for i in (1, 2)
    ]
    assert texts(*broken, tflm(model=model(1)), tflm(model=model(2))) == [
        "aot against TFLite Micro with CMSIS-NN in 2 pairs of runs (2 models, 1 profile): in none "
        "of them did both pass, so nothing is claimed."
    ]


def test_each_match_up_has_its_paragraph() -> None:
    lone = [run(model=model(5), run_id=f"20261121T09000{i}-{i:06d}") for i in (1, 2)]
    found = texts(*pair(1), *pair(2), *lone)
    assert [text.partition(" in ")[0] for text in found[:1]] == [
        "aot against TFLite Micro with CMSIS-NN"
    ]
    assert found[1].startswith("m5 on STM32L475VG: aot, 000002 on the STM32L475VG")


def test_nothing_to_compare_is_no_paragraph() -> None:
    assert texts(run()) == []
    assert texts(wrong_output()) == []
