"""A modelled run beside a measured one of the same firmware: the error of the model."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hil.records import RunRecord
from hil.report import build_compare, build_report, render
from hil.report.compare.model_error import ModelError, model_errors
from hil.verdict.kinship import unlike_firmware

from .board_records import BOARD_RUN, on_board, with_energy
from .page import parse
from .report_records import bare, passed, scaled

SLOWER = {0: 1.2, 2: 0.98}
"""On this board op 0 takes 20 % longer than the model has it, op 2 takes 2 % less."""


def error(*runs: RunRecord) -> ModelError:
    (found,) = model_errors(runs)
    return found


def changed(run: RunRecord, **provenance: Any) -> RunRecord:
    return dataclasses.replace(run, provenance={**run.provenance, **provenance})


def test_the_error_is_modelled_against_measured_whatever_the_order() -> None:
    emulated, board = passed(), on_board(passed(), SLOWER)
    for runs in ((emulated, board), (board, emulated)):
        found = error(*runs)
        assert (found.modelled.run_id, found.board.run_id) == (emulated.run_id, BOARD_RUN)
        cycles = found.figures[0]
        ours, theirs = (run.measurements["cycles"].value for run in (emulated, board))
        assert cycles.name == "cycles"
        assert cycles.error_pct == pytest.approx(100 * (ours / theirs - 1))
        assert -2.5 < (cycles.error_pct or 0) < 0
        assert cycles.inside is True


def test_ops_are_sorted_by_what_they_add_to_the_error() -> None:
    found = error(passed(), on_board(passed(), SLOWER, between=2_000))
    first, second, third = found.ops[:3]
    assert [first.index, second.index, third.index] == [0, 2, None]
    assert first.error_pct == pytest.approx(-100 / 6, abs=0.01)
    assert second.error_pct == pytest.approx(100 * (1 / 0.98 - 1), abs=0.01)
    assert (first.inside, second.inside) == (False, True)
    assert (third.modelled, third.board) == (12_000, 2_000)
    assert third.op == "between the ops"
    total = found.figures[0].error_pct
    assert sum(op.share_pct for op in found.ops) == pytest.approx(total)
    assert len(found.ops) == 14
    nothing = next(op for op in found.ops if op.op == "RESHAPE")
    assert nothing.error_pct is None


def test_outside_of_the_band() -> None:
    board = on_board(passed(), dict.fromkeys(range(13), 1.3))
    found = error(passed(), board)
    assert found.figures[0].inside is False
    assert "23 % below what board desk measured" in found.headline.text.replace("\u00a0", " ")
    assert "outside its band" in found.headline.text


def test_a_band_that_is_not_known_is_neither() -> None:
    emulated = passed()
    cycles = dataclasses.replace(emulated.measurements["cycles"], uncertainty_pct=None)
    emulated = dataclasses.replace(
        emulated, measurements={**emulated.measurements, "cycles": cycles}
    )
    found = error(emulated, on_board(passed(), SLOWER))
    assert found.figures[0].inside is None
    assert {op.inside for op in found.ops} == {None}


def test_ram_that_differs_by_more_than_its_band_is_named() -> None:
    board = on_board(passed(), SLOWER)
    more = dataclasses.replace(board.measurements["ram_bytes"], value=19_384.0)
    other = dataclasses.replace(board, measurements={**board.measurements, "ram_bytes": more})
    assert "RAM the same" in error(passed(), board).headline.text
    text = error(passed(), other).headline.text.replace("\u00a0", " ")
    assert "RAM 400 B less in the model, outside its band" in text


def test_energy_only_where_a_meter_measured_it() -> None:
    board = on_board(passed(), SLOWER)
    assert "energy_uj" not in {one.name for one in error(passed(), board).figures}
    assert "energy" not in error(passed(), board).headline.text
    ours = passed().measurements["energy_uj"].value
    found = error(passed(), with_energy(board, ours * 0.8))
    (energy,) = [one for one in found.figures if one.name == "energy_uj"]
    assert energy.error_pct == pytest.approx(25.0)
    assert energy.inside is True  # of ±29 %
    assert (energy.modelled.kind, energy.board.kind) == ("modelled", "measured")
    assert "energy 25 % above the meter's" in found.headline.text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"engine": "tflm"}, "engine"),
        ({"profile": {**passed().profile, "clock": {"hz": 48_000_000}}}, "clock"),
        ({"profile": {**passed().profile, "chip": {"part": "STM32L4R5ZI"}}}, "chip"),
        ({"provenance": {**passed().provenance, "optimize": "-O2"}}, "optimization"),
        ({"provenance": {**passed().provenance, "engine_version": "2"}}, "engine"),
    ],
)
def test_another_firmware_has_no_error_but_a_note(changes: dict[str, Any], what: str) -> None:
    board = on_board(passed(), SLOWER, **changes)
    assert unlike_firmware(passed(), board) == (what,)
    assert model_errors([passed(), board]) == ()
    (case,) = build_compare([passed(), board]).cases
    assert any(f"not of one firmware (they differ in {what})" in text for text in case.warnings)


def test_runs_of_one_target_and_runs_that_failed_have_none() -> None:
    fast = scaled(passed(run_id="20261121T025000-bbbbbb"), 0.5)
    assert model_errors([passed(), fast]) == ()
    boards = [on_board(passed(), SLOWER), on_board(passed(), run_id="20261121T025600-0bad01")]
    assert model_errors(boards) == ()
    failed = on_board(passed(), SLOWER, status="failed")
    assert model_errors([passed(), failed, bare("failed", target="board")]) == ()


def test_the_last_run_of_each_place_counts() -> None:
    board = on_board(passed(), SLOWER)
    again = on_board(passed(), run_id="20261121T025600-0bad01")
    desk, bench = model_errors([passed(), board, again, dataclasses.replace(board, machine="b2")])
    assert (desk.board.run_id, bench.board.machine) == (again.run_id, "b2")


def test_elf_files_compilers_and_calibrations_that_differ_are_noted() -> None:
    emulated = changed(passed(machine="mps2-an386", machine_exact=False), calibration="2026-11-01")
    board = changed(on_board(passed(), SLOWER), firmware_sha256="ee" * 32, compiler="gcc 14")
    notes = " ".join(error(emulated, board).notes)
    assert "built for the machine mps2-an386, which is not the chip's own" in notes
    assert "The compilers differ" in notes
    assert "was calibrated (2026-11-01)" in notes
    plain = " ".join(error(passed(), on_board(passed(), SLOWER)).notes)
    assert "ELF" not in plain
    assert "calibrated" not in plain


def test_a_difference_from_a_board_is_neither_better_nor_worse() -> None:
    (case,) = build_compare([passed(), on_board(passed(), SLOWER)]).cases
    judged = {row.name: row.cells[1].judgement for row in case.figures}
    assert {one.verdict for one in judged.values() if one} == {"more", "same"}
    time = judged["latency_us"]
    assert time is not None
    assert time.verdict == "more"
    (verdict,) = case.verdicts
    assert verdict.headline.text.startswith("The model's time is ")
    assert "faster" not in verdict.headline.text
    assert "Outputs identical." in verdict.headline.text
    assert [column.name for column in case.columns] == ["aot, qemu", "aot, board desk"]


def test_a_virtual_board_is_never_called_measured() -> None:
    board = on_board(passed(), SLOWER, virtual=True)
    view = build_compare([passed(), board])
    for form in ("html", "md", "csv", "json"):
        text = render(view, form)
        assert "irtual board: not a measurement" in text, form
    (case,) = view.cases
    (found,) = case.model_errors
    assert (found.is_virtual, found.board_word, found.board_kind) == (
        True, "virtual board", "modelled",
    )  # fmt: skip
    assert "measured" not in found.headline.text
    assert any("is of desk, a virtual board" in warning for warning in case.warnings)


def test_the_section_of_the_page() -> None:
    board = with_energy(on_board(passed(), SLOWER), 9_000)
    page = parse(render(build_compare([passed(), board]), "html"))
    section = page.one("section", id="case-1-model-error")
    assert section.one("h3").text == "Error of the model against board desk"
    cells = [cell.text for cell in section.one("tr", data_error="latency_us").all("td")]
    assert cells[0].endswith("modelled")
    assert cells[1].endswith("measured")
    assert cells[3].startswith("inside")
    figures, ops = section.all("table")
    assert "measured" in figures.all("th")[2].text
    heads = [head.text for head in ops.all("th", scope="col")]
    assert heads[2:4] == ["qemu, modelled", "board desk, measured"]
    first = ops.all("tbody")[0].all("tr")[0]
    assert first.one("th").text.startswith("CONV_2D")
    assert first.all("td")[0].text == "0"
    assert "outside" in first.text


def test_markdown_csv_and_json_have_it() -> None:
    view = build_compare([passed(), on_board(passed(), SLOWER)])
    markdown = render(view, "md")
    assert "| Figure | qemu: modelled | board desk: measured | Error | Band |" in markdown
    assert "<summary>Error by op</summary>" in markdown
    (comparison,) = json.loads(render(view, "json"))["comparisons"]
    (found,) = comparison["model_errors"]
    assert (found["board"], found["virtual"]) == (BOARD_RUN, False)
    assert found["figures"]["cycles"]["board_kind"] == "measured"
    assert found["figures"]["cycles"]["inside"] is True
    assert found["ops"][0]["index"] == 0
    lines = [line for line in render(view, "csv").splitlines() if ",model_error," in line]
    assert any(",0 CONV_2D,part_of_error," in line for line in lines)
    assert any(",cycles," in line and ",inside," in line for line in lines)


def test_a_report_of_several_firmwares_counts_the_errors() -> None:
    other = dataclasses.replace(
        passed(run_id="20261121T024100-c0c0c0"),
        model=dataclasses.replace(passed().model, name="ic", sha256="8c" * 32),  # type: ignore[type-var]
    )
    runs = [
        passed(),
        on_board(passed(), SLOWER),
        other,
        on_board(other, dict.fromkeys(range(13), 0.7), run_id="20261121T025600-0bad01"),
    ]
    view = build_report(runs)
    (text,) = [verdict.text.replace("\u00a0", " ") for verdict in view.verdicts]
    assert text == (
        "The model's cycles against those of boards in 2 pairs of runs: −1.7 % to +43 %, "
        "on average 22 % off; 1 of 2 inside the band."
    )
    assert sum(len(case.model_errors) for case in view.comparisons) == 2
