"""The verdict's sentences, word by word."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hil.records import Check, ErrorInfo, Measurement, ModelInfo, RunRecord
from hil.report.compare.verdict import verdict
from hil.report.words.format import NBSP
from hil.report.words.judge import claims

from .report_records import bare, of_engine, passed, wrong_output

EXACT = Check("tflite-runtime 2.14.0 BUILTIN_REF", True, True, 0.0, 0.0, 0.0, 7, 0)
WHERE = "on the STM32L475VG at 80 MHz"


def figure(name: str, value: float, band: float | None, kind: str = "modelled") -> Measurement:
    unit = {"latency_us": "us", "energy_uj": "uJ", "cycles": "cycles", "instructions": ""}
    return Measurement(name, value, unit.get(name, "bytes"), kind, band)  # type: ignore[arg-type]


def run(
    engine: str = "aot", time: float = 100.0, band: float | None = 8.0, **more: Any
) -> RunRecord:
    """A run with time, cycles and instructions in proportion, 1,000 B of RAM, 9,000 B of flash."""
    sizes = {"ram": more.pop("ram", 1000), "flash": more.pop("flash", 9000)}
    kind = more.pop("kind", "modelled")
    extra = more.pop("figures", ())
    rows = [
        figure("latency_us", time, band, kind),
        figure("cycles", time * 80, band, kind),
        figure("instructions", more.pop("instructions", time * 60), 0.0),
        figure("ram_bytes", sizes["ram"], 0.0, "static"),
        figure("flash_bytes", sizes["flash"], 0.0, "static"),
        *extra,
    ]
    return passed(engine=engine, measurements={row.name: row for row in rows}, **more)


def tflm(time: float = 190.0, **more: Any) -> RunRecord:
    return run("tflm-cmsis", time, run_id="20261121T030000-cccccc", **more)


def text(baseline: RunRecord, other: RunRecord) -> str:
    return verdict(baseline, other).text.replace(NBSP, " ")


def test_faster_and_smaller() -> None:
    assert text(tflm(), run(ram=600)) == (
        f"aot {WHERE}: 1.9x faster and 40 % less RAM than TFLite Micro with CMSIS-NN; the same "
        "flash; time modelled, ±8.0 %; RAM and flash static; outputs identical."
    )


def test_what_is_claimed_is_strong() -> None:
    strong = [piece.text for piece in verdict(tflm(), run(ram=600)).pieces if piece.strong]
    assert [piece.replace(NBSP, " ") for piece in strong] == ["aot", "1.9x faster", "40 % less RAM"]


def test_mixed() -> None:
    assert text(tflm(), run(ram=600, flash=11_070)) == (
        f"aot {WHERE}: 1.9x faster and 40 % less RAM, but 23 % more flash, than TFLite Micro with "
        "CMSIS-NN; time modelled, ±8.0 %; RAM and flash static; outputs identical."
    )


def test_slower_but_smaller_tells_the_good_first_and_hides_nothing() -> None:
    assert text(tflm(100), run(time=150, ram=250, flash=900)) == (
        f"aot {WHERE}: 75 % less RAM and 90 % less flash, but 1.5x slower, than TFLite Micro with "
        "CMSIS-NN; time modelled, ±8.0 %; RAM and flash static; outputs identical."
    )


def test_worse_in_everything() -> None:
    assert text(tflm(100), run(time=1500, ram=2400, flash=9500)) == (
        f"aot {WHERE}: 15x slower, 2.4x the RAM and 5.6 % more flash than TFLite Micro with "
        "CMSIS-NN; time modelled, ±8.0 %; RAM and flash static; outputs identical."
    )


def test_overlapping_bands_claim_nothing_and_name_the_exact_count() -> None:
    other = run(time=95, instructions=4_000, ram=600)
    assert text(tflm(100, instructions=5_000), other) == (
        f"aot {WHERE}: 40 % less RAM than TFLite Micro with CMSIS-NN; the same flash; no "
        "difference in time can be claimed (0.95×, within the uncertainty of ±8.0 %); RAM and "
        "flash static; outputs identical. Both times come from one timing model of one chip, so "
        "most of its error is common to both; the instructions, counted exactly, are 20 % fewer."
    )


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        (5_000, "both carry out the same number of instructions."),
        (6_000, "the instructions, counted exactly, are 20 % more."),
        (5_001, "the instructions, counted exactly, are <0.1 % more."),
    ],
)
def test_instructions_beside_an_open_time(instructions: int, words: str) -> None:
    found = text(tflm(100, instructions=5_000), run(time=95, instructions=instructions))
    assert found.endswith(words)


def test_nothing_differs() -> None:
    assert text(tflm(100), run()) == (
        f"aot {WHERE}: the same time, RAM and flash as TFLite Micro with CMSIS-NN; time modelled, "
        "±8.0 %; RAM and flash static; outputs identical."
    )


def test_only_open_questions() -> None:
    one = dataclasses.replace(
        run(time=99), measurements={"latency_us": figure("latency_us", 99, 9)}
    )
    other = {"latency_us": figure("latency_us", 100, 5)}
    assert text(dataclasses.replace(tflm(), measurements=other), one) == (
        f"aot {WHERE}: against TFLite Micro with CMSIS-NN, no difference in time can be claimed "
        "(0.99×, within the uncertainty of ±9.0 % and ±5.0 %); outputs identical."
    )


def test_a_known_difference_below_a_hundredth_is_no_point_for_anybody() -> None:
    assert text(tflm(), run(flash=9_020)) == (
        f"aot {WHERE}: 1.9x faster than TFLite Micro with CMSIS-NN; the same RAM; nearly the same "
        "flash (+0.22 %); time modelled, ±8.0 %; RAM and flash static; outputs identical."
    )


@pytest.mark.parametrize(
    ("base", "time", "words"),
    [
        (100.0, 99.5, "nearly the same time (−0.50 %)"),
        (100.0, 98.0, "2.0 % faster than"),
        (100.0, 119.0, "19 % slower than"),
        (100.0, 120.0, "1.2x slower than"),
        (130.0, 100.0, "1.3x faster than"),
        (994.0, 100.0, "9.9x faster than"),
        (996.0, 100.0, "10x faster than"),
        (1e6, 100.0, "10,000x faster than"),
    ],
)
def test_how_much_faster(base: float, time: float, words: str) -> None:
    # Without a band every difference counts.
    assert words in text(tflm(base, band=0.0), run(time=time, band=0.0))


@pytest.mark.parametrize(
    ("base", "value", "words"),
    [
        (1000, 1, "99.9 % less RAM"),
        (1000, 980, "2.0 % less RAM"),
        (1000, 1900, "90 % more RAM"),
        (1000, 1999, "99.9 % more RAM"),
        (1000, 2000, "2.0x the RAM"),
        (1000, 25_000, "25x the RAM"),
        (0, 8, "more RAM (from none)"),
    ],
)
def test_how_much_memory(base: int, value: int, words: str) -> None:
    assert f": {words} than" in text(tflm(100, ram=base), run(ram=value))


def test_bands_of_both_sides_are_named_where_they_differ() -> None:
    found = text(tflm(band=10.0), run(band=5.0))
    assert "time modelled, ±5.0 % and ±10 %;" in found


def test_kinds_of_both_sides_are_named_where_they_differ() -> None:
    found = text(tflm(band=1.0, kind="measured"), run())
    assert "time modelled, ±8.0 %, against measured, ±1.0 %;" in found


def test_an_unknown_band_claims_nothing() -> None:
    found = text(tflm(band=None), run())
    assert "no difference in time can be claimed (0.53×, uncertainty unknown)" in found
    assert "faster" not in found


def test_energy_that_only_follows_the_time_is_not_told_twice() -> None:
    modelled = [figure("energy_uj", value, 5.0) for value in (190, 100)]
    pair = [tflm(figures=modelled[:1]), run(figures=modelled[1:])]
    assert [claim.figure for claim in claims(*pair)] == ["latency_us", "ram_bytes", "flash_bytes"]
    measured = [figure("energy_uj", value, 5.0, "measured") for value in (190, 100)]
    assert "47 % less energy" in text(tflm(figures=measured[:1]), run(figures=measured[1:]))
    other_power = figure("energy_uj", 80, 5.0)
    assert "58 % less energy" in text(tflm(figures=modelled[:1]), run(figures=[other_power]))


def test_wrong_outputs_make_no_comparison() -> None:
    assert text(tflm(), wrong_output()) == (
        "aot gives wrong outputs (on 2 of 7 inputs), so it is not compared with TFLite Micro "
        "with CMSIS-NN."
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("failed", "failed"),
        ("error", "could not be run"),
        ("interrupted", "was stopped before it finished"),
        ("running", "has not finished"),
    ],
)
def test_a_run_that_did_not_pass(status: str, words: str) -> None:
    other = bare(status, ErrorInfo("needs 105,000 bytes of RAM.\nThe chip has 98,304.", "int8"))
    assert text(tflm(), other) == (
        f"aot {words}: needs 105,000 bytes of RAM. It is not compared with TFLite Micro with "
        "CMSIS-NN."
    )


def test_a_baseline_that_did_not_pass() -> None:
    baseline = of_engine(wrong_output(), "tflm")
    assert text(baseline, run()) == (
        "The baseline, TFLite Micro, gives wrong outputs (on 2 of 7 inputs), so nothing is claimed "
        "against it."
    )
    gone = of_engine(bare("error"), "tflm")
    assert text(gone, run()) == (
        "The baseline, TFLite Micro, could not be run, so nothing is claimed against it."
    )


def test_different_chips() -> None:
    chip = {"chip": {"part": "STM32L4R5ZI"}, "clock": {"hz": 120e6}}
    other = run(profile_name="nucleo-l4r5zi", profile=chip)
    assert text(tflm(), other) == (
        "aot, nucleo-l4r5zi: 1.9x faster than TFLite Micro with CMSIS-NN, stm32l4; the same RAM "
        "and flash; time modelled, ±8.0 %; RAM and flash static; outputs identical. The chips "
        "differ (STM32L4R5ZI at 120 MHz against STM32L475VG at 80 MHz): the ratios also compare "
        "them."
    )


@pytest.mark.parametrize(
    ("exact", "words"),
    [((True, False), "This run"), ((False, True), "The baseline"), ((False, False), "Both runs")],
)
def test_stand_ins_are_said(exact: tuple[bool, bool], words: str) -> None:
    found = text(tflm(machine_exact=exact[0]), run(machine_exact=exact[1]))
    assert found.endswith(f"{words} used a stand-in machine instead of the chip's own.")


def variant(scheme: str, sha256: str) -> dict[str, Any]:
    model = ModelInfo("kws", "kws.tflite", sha256, "int8", 1, 1, 1)
    provenance = {"parent_sha256": "aa" * 32, "parent_name": "kws", "scheme": scheme}
    return {"model": model, "provenance": provenance}


def test_variants_of_one_model() -> None:
    baseline = run(time=190, run_id="x-1", **variant("int16x8", "11" * 32))
    found = text(baseline, run(**variant("int8", "22" * 32)))
    assert found.startswith(f"int8 {WHERE}: 1.9x faster than int16x8;")
    assert "outputs of each identical to its own model's reference." in found
    assert "variants of one model" not in found  # the names say it
    theirs = tflm(**variant("int16x8", "11" * 32))
    found = text(theirs, run(**variant("int8", "22" * 32)))
    assert found.endswith("variants of one model: the ratios also compare the quantization.")


def test_different_models() -> None:
    other = run(model=ModelInfo("ic", "ic.tflite", "77" * 32, "int8", 1, 1, 1))
    found = text(tflm(), other)
    assert found.startswith(f"aot, ic {WHERE}: 1.9x faster than TFLite Micro with CMSIS-NN, kws_")
    assert found.endswith(
        "The models differ (ic against kws_int8): the ratios also compare the models."
    )


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ((EXACT, EXACT), "; outputs identical."),
        ((None, EXACT), "; outputs not checked (the baseline's)."),
        ((EXACT, None), "; outputs not checked (its own)."),
        ((None, None), "; outputs not checked (its own and the baseline's)."),
        (
            (EXACT, Check("tflite", False, True, 1e-7, 1e-6, 1e-5, 7, 0)),
            "; outputs agree with the reference within the tolerance.",
        ),
    ],
)
def test_outputs(checks: tuple[Check | None, Check | None], words: str) -> None:
    assert text(tflm(check=checks[0]), run(check=checks[1])).endswith(words)


def test_outputs_on_different_inputs_are_not_called_identical_to_each_other() -> None:
    provenance = {**passed().provenance, "inputs_sha256": "ff"}
    assert "; outputs of both identical to the reference's, on different inputs." in text(
        tflm(), run(provenance=provenance)
    )


def test_one_engine_twice_is_told_apart_by_what_differs() -> None:
    provenance = {**passed().provenance, "optimize": "-Os"}
    found = text(run(time=190), run(run_id="20261121T060000-eeeeee", provenance=provenance))
    assert found.startswith(f"aot, -Os {WHERE}: 1.9x faster than aot, -O3;")
    same = text(run(time=190), run(run_id="20261121T060000-eeeeee"))
    assert same.startswith(f"aot, eeeeee {WHERE}: 1.9x faster than aot, a1b2c3;")


def test_no_figure_in_common() -> None:
    assert text(tflm(), passed(measurements={})) == (
        f"aot {WHERE}: no figure in common with TFLite Micro with CMSIS-NN; outputs identical."
    )


@pytest.mark.parametrize(
    ("engine", "provenance", "words"),
    [
        ("mine", {"engine_title": "My Engine"}, "My Engine"),
        ("other", {}, "other"),
    ],
)
def test_names_of_engines(engine: str, provenance: dict[str, str], words: str) -> None:
    baseline = run(engine, 190, provenance={**passed().provenance, **provenance})
    assert f"faster than {words};" in text(baseline, run())
