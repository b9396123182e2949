"""`hil run --board` with an energy meter: a virtual board (QEMU on a pty) and a simulated meter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hil.devices import load
from hil.targets.board import energy
from hil.targets.dut.answers import InferResult
from hil.targets.dut.client import DutClient
from hil.targets.interface import EmulatedBoard
from hil.targets.registry import board_emulator

from tests.support.hil import DIGITS, Result, hil
from tests.support.meters.lpm01a import Lpm01aSimulator
from tests.support.meters.ppk2 import Ppk2Simulator
from tests.support.supply import Supply
from tests.support.tools import tool

MODEL = DIGITS / "digits_int8.tflite"
ACTIVE_W = 0.045


@dataclass
class Draw:
    """What the board draws: a supply of the windows that it was asked to run."""

    ran: list[tuple[int, float]] = field(default_factory=list)  # inferences, us for one

    def windows(self) -> Supply:
        windows = self.ran[-energy.WINDOWS :]
        runs, latency_us = windows[-1]
        return Supply(
            windows=len(windows),
            inferences=runs,
            latency_s=latency_us * 1e-6,
            idle_w=0.01,
            layers=[(1.0, ACTIVE_W)],
            noise_w=1e-3,
        )


class LatePpk2(Ppk2Simulator):
    """Sends its samples when it is stopped, as they depend on what the board ran."""

    draw: Callable[[], Supply]
    _started = False

    def _carry_out(self, command: bytes) -> None:
        if command[0] == 0x06:
            self._started = True
        elif command[0] == 0x07 and self._started:
            self._started = False
            self.supply = self.draw()
            self.say(self.stream())
        else:
            super()._carry_out(command)


class LateLpm01a(Lpm01aSimulator):
    draw: Callable[[], Supply]
    late = True

    def _say_end(self) -> None:
        self.supply = self.draw()
        self.say(self._decimal())
        super()._say_end()


@pytest.fixture
def board(qemu: Path) -> Iterator[EmulatedBoard]:
    tool("gdb-multiarch")
    emulator = board_emulator()
    with emulator.virtual_board(emulator.virtual_platform(load("stm32l4"))) as running:
        yield running


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Notes what the board is asked to run, and has it run less of it."""
    found = Draw()
    infer = DutClient.infer

    def noted(self: DutClient, runs: int = 1, warmups: int = 0) -> InferResult:
        result = infer(self, runs, warmups)
        found.ran.append((runs, result.elapsed_us / runs))
        return result

    monkeypatch.setattr(DutClient, "infer", noted)
    monkeypatch.setattr(energy, "WINDOW_S", 0.1)
    monkeypatch.setattr(energy, "PAUSE_S", 0.001)
    return found


@dataclass
class Desk:
    folder: Path
    board: EmulatedBoard

    def write(self, meter: str) -> None:
        (self.folder / "boards.toml").write_text(
            f'[boards.desk]\nprofile = "stm32l4"\nport = "{self.board.port}"\nvirtual = true\n'
            f'[boards.desk.flasher]\nname = "gdb"\noptions = {{ server = "{self.board.server}" }}\n'
            + meter
        )

    def run(self, *arguments: object) -> Result:
        env = {"HIL_BOARDS": str(self.folder / "boards.toml")}
        db = str(self.folder / "runs.db")
        return hil("run", MODEL, "--board", "desk", "--db", db, "--json", *arguments, env=env)


@pytest.fixture
def desk(tmp_path: Path, board: EmulatedBoard) -> Desk:
    return Desk(tmp_path, board)


def meter(name: str, port: str) -> str:
    options = f'{{ port = "{port}" }}'
    return f'[boards.desk.meter]\nname = "{name}"\nvolts = 3.3\noptions = {options}\n'


def measured(result: Result) -> dict:
    assert result.code == 0, result
    return result.envelope["data"]


def test_a_board_with_a_ppk2_is_powered_flashed_and_metered(desk, draw):
    simulator = LatePpk2(Supply())
    simulator.draw = draw.windows
    with simulator.running():
        desk.write(meter("ppk2", simulator.path))
        data = measured(desk.run())
    assert simulator.powered
    figure = data["measurements"]["energy_uj"]
    assert figure["value"] == pytest.approx(draw.windows().energy_uj, rel=5e-3)
    assert figure["kind"] == "modelled"  # nothing of a virtual board is measured
    assert "virtual board" in figure["source"]
    assert figure["n"] == energy.WINDOWS
    assert data["measurements"]["power_mw"]["value"] == pytest.approx(ACTIVE_W * 1e3, rel=5e-3)
    assert data["energy"]["windows"][0]["samples"] > 50
    assert data["provenance"]["meter"] == "ppk2"
    assert "source meter at 3.3 V" in data["provenance"]["meter_instrument"]
    assert len(json.dumps(data["energy"])) < 100_000


def test_an_lpm01a_gets_pulses_and_shows_them(desk, draw):
    simulator = LateLpm01a(Supply())
    simulator.draw = draw.windows
    with simulator.running():
        desk.write(meter("lpm01a", simulator.path))
        data = measured(desk.run())
    assert data["energy"]["sign"] == "pulses"
    figure = data["measurements"]["energy_uj"]
    assert figure["value"] == pytest.approx(draw.windows().energy_uj, rel=2e-2)  # 500 samples
    assert "by pulses of the window pin" in figure["source"]


def test_without_energy_the_meter_supplies_the_board_and_records_nothing(desk, draw):
    simulator = LatePpk2(Supply())
    simulator.draw = draw.windows
    with simulator.running():
        desk.write(meter("ppk2", simulator.path))
        data = measured(desk.run("--no-energy"))
    assert simulator.powered
    assert (6,) not in simulator.commands  # the recording was never started
    assert data["energy"] is None
    assert "x latency" in data["measurements"]["energy_uj"]["source"]


def test_a_recording_that_shows_other_windows_fails_the_run(desk, draw):
    simulator = LatePpk2(Supply())
    simulator.draw = lambda: Supply(windows=2)
    with simulator.running():
        desk.write(meter("ppk2", simulator.path))
        result = desk.run()
    assert result.code == 3
    assert "does not show the 5 windows" in result.envelope["errors"][0]["message"]


def test_energy_of_a_board_without_a_meter_is_refused(desk):
    desk.write("")
    result = desk.run("--energy")
    assert result.code == 2
    assert "has no energy meter" in result.envelope["errors"][0]["message"]


def test_a_meter_that_is_not_there_is_missing(desk):
    desk.write(meter("ppk2", "/dev/ttyABSENT9"))
    result = desk.run()
    assert result.code == 4
    assert "no serial port /dev/ttyABSENT9 of the PPK2" in result.envelope["errors"][0]["message"]


def test_windows_are_long_and_end_in_the_time_of_an_answer():
    assert energy.inferences_in_window(1e4, 60.0) == 100
    assert energy.inferences_in_window(1e4, 1.0) == 50
    assert energy.inferences_in_window(5e6, 60.0) == 1
    assert energy.inferences_in_window(0.0, 60.0) == 1
