"""`hil time` on real programs: figures, their JSON, and what it refuses."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hil.bench.program_region import Timing, time_region
from hil.devices import load
from hil.errors import RunFailed, UsageError
from hil.firmware.program import open_program
from hil.targets.qemu.emulator import Emulator
from hil.targets.qemu.machines import choose_machine

from tests.support.hil import DIGITS, HIL, REPOSITORY, Result, hil
from tests.support.processes import WAIT_S, Processes
from tests.support.tools import tool
from tests.timing.building import M0, M3, M4, M7, M33, M55, ROUNDS, STM32L4, Board, build
from tests.timing.conftest import need_machine, profile_for

MARKERS = ("--begin", "region_begin", "--end", "region_end")


def timed(elf: Path, board: Board = M4, **options: object) -> Timing:
    settings: dict[str, object] = {"begin": "region_begin", "end": "region_end", **options}
    return time_region(elf, profile_for(board), **settings)  # type: ignore[arg-type]


def command(elf: Path, *options: str | Path) -> Result:
    return hil("time", elf, "--profile", "stm32l4", *MARKERS, *options)


@pytest.mark.parametrize("board", [M0, M3, M4, M7, M33], ids=lambda board: str(board.machine))
def test_the_figures_of_every_core(tmp_path: Path, board: Board) -> None:
    need_machine(board)
    machine = board.machine if board is M0 else None
    timing = timed(build(tmp_path, board), board, machine=machine)
    assert timing.machine == board.machine
    figures = timing.figures
    cycles, instructions = figures["cycles"], figures["instructions"]
    assert cycles.kind == "modelled"
    assert cycles.uncertainty_pct
    assert figures["cpi"].value == pytest.approx(cycles.value / instructions.value)
    hz = timing.profile.clock.hz
    assert figures["latency_us"].value == pytest.approx(cycles.value * 1e6 / hz)
    assert sum(row.instructions for row in timing.functions) == instructions.value
    assert sum(row.cycles for row in timing.functions) == pytest.approx(cycles.value, abs=4)
    assert {"sort", "weigh", "region_begin"} <= {row.name for row in timing.functions}
    assert len(timing.blocks) == 10
    assert timing.notes


def test_a_core_without_a_timing_model_has_instructions_only(tmp_path: Path) -> None:
    need_machine(M55)
    elf = build(tmp_path, M55, passes=3)
    timing = timed(elf, M55, machine=M55.machine, windows=3)
    assert set(timing.figures) == {"instructions"}
    same = timed(build(tmp_path, M33, passes=3), M33, windows=3)
    assert timing.figures["instructions"].value == pytest.approx(
        same.figures["instructions"].value, rel=0.2
    )
    assert "instructions only" in timing.notes[0]
    profile = tmp_path / "m55.toml"
    text = (REPOSITORY / "device_profiles" / "stm32u575.toml").read_text()
    profile.write_text(text.replace('core = "cortex-m33f"', 'core = "cortex-m55"'))
    arguments = ("time", elf, "--profile", profile, "--machine", M55.machine, *MARKERS)
    assert "instructions only" in hil(*arguments).stdout
    data = hil(*arguments, "--json").envelope["data"]
    assert data["cycles"] is None
    assert data["instructions"] > ROUNDS
    hil("run", "--profile", profile, DIGITS / "digits_int8.tflite").refuses(2, "cortex-m55")


def test_a_loop_costs_what_the_manual_says(work: Path) -> None:
    """Two instructions and a taken branch (TRM 3.3.1: 1 + 1 + P, P = 1) are three cycles."""
    timing = timed(work, begin="count_down", model="ideal")
    (loop, *_) = timing.blocks
    assert loop.executed == ROUNDS
    assert loop.cycles == pytest.approx(3 * ROUNDS, abs=2)
    assert loop.name == "count_alias"  # of a function's names, the first of the alphabet


def test_the_median_window_is_shown(work: Path) -> None:
    timing = timed(work, windows=3)
    assert len(timing.totals) == 3
    assert timing.figures["cycles"].value == sorted(timing.totals)[1]


def test_cycles_are_the_same_in_repeats_and_on_another_qemu(
    work: Path, other_qemu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [timed(work, windows=3) for _ in range(5)]
    monkeypatch.setenv("HIL_EMULATOR", str(other_qemu))
    runs.append(timed(work, windows=3))
    assert len({run.trace.tool for run in runs}) == 2
    assert len({run.totals for run in runs}) == 1
    assert len({run.blocks for run in runs}) == 1


def test_flash_waits_depend_on_the_memory_model(work: Path) -> None:
    ideal, cache = timed(work, model="ideal"), timed(work, model="cache")
    assert ideal.figures["cycles"].value < cache.figures["cycles"].value
    assert ideal.figures["instructions"] == cache.figures["instructions"]
    assert any("ideal memory" in note for note in ideal.notes)


def test_code_without_a_symbol_has_a_name_of_its_own(tmp_path: Path) -> None:
    elf = build(tmp_path)
    program = open_program(elf)
    begin, end = (hex(program.address(name)) for name in ("region_begin", "region_end"))
    subprocess.run([tool("arm-none-eabi-strip"), str(elf)], check=True)
    timing = timed(elf, begin=begin, end=end)
    assert [row.name for row in timing.functions] == ["(no symbol)"]
    assert all(block.name.startswith("0x0000") for block in timing.blocks)


def test_the_command_shows_everything(work: Path) -> None:
    result = command(work, "--windows", "3", "--blocks", "2")
    assert result.code == 0, result
    assert result.stderr.startswith("sorting\n")
    for words in (
        "on stm32l4 (cortex-m4f at 80 MHz) [qemu mps2-an386], median of 3 passes",
        "latency",
        "modelled",
        "function ",
        "timing model of Arm Cortex-M4",
        "the 2 hottest blocks",
        "taken branch in",
        "address just computed +1",
    ):
        assert words in result.stdout, words
    assert "sorting" not in result.stdout


def test_the_json_of_the_command(work: Path) -> None:
    result = command(work, "--json")
    assert result.code == 0, result
    envelope = result.envelope
    assert (envelope["schema"], envelope["status"]) == ("hil.time/1", "ok")
    assert envelope["errors"] == []
    data = envelope["data"]
    timing = timed(work)
    assert data["cycles"] == timing.figures["cycles"].value
    assert data["instructions"] == timing.figures["instructions"].value
    assert data["uncertainty_pct"] == pytest.approx(timing.figures["cycles"].uncertainty_pct)
    assert (data["machine"], data["core"]) == ("mps2-an386", "cortex-m4f")
    assert set(data["functions"][0]) == {"name", "cycles", "instructions"}
    block = data["blocks"][0]
    lines = sum(line["cycles"] for line in block["instructions"]) + block["flash_wait"]
    assert lines * block["executed"] == pytest.approx(block["cycles"])
    assert all(line["reasons"] for line in block["instructions"])


def test_a_failure_has_its_json_too(tmp_path: Path) -> None:
    result = command(build(tmp_path, M4, "ENDLESS"), "--json", "--timeout", "1")
    result.refuses(3, "never to 'region_end'", "--timeout")
    assert result.envelope["status"] == "failed"
    assert result.envelope["data"] is None


def test_refusals_of_the_command(work: Path) -> None:
    command(Path(shutil.which("true") or "/bin/true")).refuses(2, "not Arm")
    command(work, "--begin", "region_begn").refuses(2, "did you mean 'region_begin'")
    command(work, "--machine", "mps9").refuses(2, "mps9")
    command(work, "--memory-model", "perfect").refuses(2, "perfect")
    hil("time", work, "--profile", "stm32l4").refuses(2, "--begin")
    hil("time", work, *MARKERS).refuses(2, "no profile given")


def test_a_program_for_another_core(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Armv8-M\.main, which a cortex-m4f does not") as caught:
        timed(build(tmp_path, M33), M4)
    assert "-mcpu=cortex-m4" in caught.value.hint
    timed(build(tmp_path, M3), M4)  # the smaller architecture is part of the larger one


def test_a_program_linked_for_another_machine(tmp_path: Path) -> None:
    elf = build(tmp_path, Board("elsewhere", M4.cpu, flash=0x0030_0000))
    with pytest.raises(UsageError, match="linked to 0x00300000; mps2-an386 starts from") as caught:
        timed(elf, machine="mps2-an386")
    assert caught.value.hint
    with pytest.raises(UsageError, match="fits no machine for cortex-m4f"):
        timed(elf)


def test_the_machine_follows_from_where_the_program_is_linked_to(tmp_path: Path) -> None:
    need_machine(STM32L4)
    assert timed(build(tmp_path, STM32L4)).machine == "b-l475e-iot01a"
    assert timed(build(tmp_path)).machine == "mps2-an386"


def test_a_machine_of_another_core(work: Path) -> None:
    with pytest.raises(UsageError, match="'mps2-an500' runs cortex-m7f"):
        timed(work, machine="mps2-an500")


def test_a_machine_that_hil_does_not_know_is_taken_at_the_users_word(work: Path) -> None:
    emulator = Emulator("qemu", "1", ("mps2-an386", "own-board"), ())
    program = open_program(work)
    assert choose_machine(load("stm32l4"), program, "own-board", emulator) == "own-board"
    with pytest.raises(UsageError, match="fits no machine"):
        choose_machine(load("stm32l4"), program, None, Emulator("qemu", "1", ("own-board",), ()))


def test_recursion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="recursive"):
        timed(build(tmp_path, M4, "RECURSIVE"), begin="recurse")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_no_emulator(
    tmp_path: Path, processes: Processes, number: int, code: int
) -> None:
    process = processes.start(
        *(HIL, "time", build(tmp_path, M4, "CHATTY"), "--profile", "stm32l4", *MARKERS),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "HIL_TIMEOUT_S": "3600"},
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "sorting\n"  # the program is at work
    process.send_signal(number)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == code
    assert processes.living() == []
