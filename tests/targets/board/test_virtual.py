"""A virtual board, emulated by the real QEMU and flashed through the real gdb, run as any board."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil.records import RunRecord
from hil.store import Store

from tests.support.hil import DIGITS, HIL, Result, hil
from tests.support.processes import WAIT_S, Processes
from tests.support.tools import tool

INT8, FLOAT = DIGITS / "digits_int8.tflite", DIGITS / "digits_float32.tflite"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, processes: Processes) -> Iterator[Run]:
    """`hil COMMAND --board desk`, with the board `desk` emulated meanwhile."""
    for name in ("qemu-system-arm", "gdb-multiarch", "arm-none-eabi-gcc", "cmake", "ninja"):
        tool(name)
    env = {"HIL_BOARDS": str(tmp_path / "boards.toml")}
    board = processes.start(
        *(HIL, "board", "virtual", "-p", "stm32l4", "--add", "desk", "--json"),
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
    )
    assert board.stdout is not None
    assert json.loads(board.stdout.readline())["status"] == "ok"

    def call(command: str, *arguments: object) -> Result:
        words = ("--board", "desk", "--db", tmp_path / "runs.db", "--timeout", WAIT_S)
        return hil(command, *words, *arguments, env=env)

    yield call
    board.terminate()
    board.communicate()


def stored(folder: Path) -> RunRecord:
    with Store.open(str(folder / "runs.db")) as store:
        return store.get("latest")


def test_nothing_of_a_virtual_board_is_measured(run: Run, tmp_path: Path) -> None:
    assert run("run", "--samples", 1, "--repeat", 2, INT8).code == 0

    found = stored(tmp_path)
    assert {m.kind for m in found.measurements.values()} == {"modelled", "static"}
    cycles = found.measurements["cycles"]
    assert cycles.source.startswith("virtual board 'desk'")
    assert (cycles.n, cycles.uncertainty_pct) == (2, None)
    assert {op.kind for op in found.ops} == {"modelled"}
    assert sum(op.cycles for op in found.ops) <= cycles.value
    assert any("nothing was measured" in note for note in found.notes)
    assert found.provenance["board_virtual"] is True
    assert found.provenance["firmware_build_id"]


def test_it_is_flashed_when_the_firmware_changes_and_repeats_its_cycles(
    run: Run, tmp_path: Path
) -> None:
    seen = []
    for model in (INT8, INT8, FLOAT, INT8):
        assert run("run", "--samples", 1, model).code == 0
        found = stored(tmp_path)
        seen.append((found.provenance["flashed"], found.measurements["cycles"].value))

    assert [flashed for flashed, _ in seen] == [True, False, True, True]
    assert seen[0][1] == seen[1][1] == seen[3][1] != seen[2][1]


def test_another_clock(run: Run, tmp_path: Path) -> None:
    assert run("run", "-p", "stm32l4@48MHz", "--samples", 1, INT8).code == 0

    found = stored(tmp_path)
    assert found.provenance["board_clock_hz"] == 48_000_000
    cycles, latency = (found.measurements[name].value for name in ("cycles", "latency_us"))
    assert latency == pytest.approx(cycles / 48)


def test_accuracy(run: Run) -> None:
    data = DIGITS / "digits_samples.npz"

    result = run("accuracy", "--data", data, "--limit", 3, "--json", INT8)

    assert result.code == 0, result
    assert result.envelope["data"]["accuracy"]["equal"] == 3
    assert result.envelope["data"]["target"] == "board"
