"""`hil board virtual`: where it says it is, what it leaves behind, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hil import boards
from hil.devices import load, names
from hil.errors import FlashFailed, RunFailed, UsageError
from hil.records import Platform
from hil.targets.flash import choice
from hil.targets.interface import EmulatedBoard
from hil.targets.qemu.emulator import probe
from hil.targets.registry import board_emulator

from tests.support.hil import HIL, hil
from tests.support.processes import Processes, wait_until
from tests.targets.flash.conftest import PROFILE, Built

Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def boards_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "boards.toml"
    monkeypatch.setenv("HIL_BOARDS", str(path))
    return path


@pytest.fixture
def start(processes: Processes, boards_toml: Path, qemu: Path) -> Start:
    """Start the command; return its process and what its line of JSON says."""

    def run(*options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        command = [HIL, "board", "virtual", "-p", PROFILE, "--json", *options]
        process = processes.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()
        envelope = json.loads(line)
        assert (envelope["schema"], envelope["status"]) == ("hil.board.virtual/1", "ok")
        return process, envelope["data"]

    return run


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_in_the_file_until_a_signal_ends_it(
    start: Start, processes: Processes, boards_toml: Path, number: signal.Signals
) -> None:
    process, data = start("--add", "desk")

    board = boards.load("desk")
    assert (board.virtual, board.port, board.machine) == (True, data["port"], None)
    assert board.flasher.name == "gdb"
    assert board.flasher.options == {"server": data["server"]}
    process.send_signal(number)

    assert ended(process) == (0, "virtual board ended\n")
    assert boards.load_all() == {}
    assert processes.living() == []


def test_its_command_adds_it(start: Start, boards_toml: Path) -> None:
    process, data = start()
    words = shlex.split(data["command"])

    added = hil(*words[1:])

    assert added.code == 0, added
    assert words[:3] == ["hil", "board", "add"]
    assert boards.load("virtual").model_dump() == data["board"] | {"usb": None}
    process.terminate()
    ended(process)


def test_killed_it_leaves_no_emulator(start: Start, processes: Processes) -> None:
    process, _ = start("--add", "desk")
    (emulator,) = processes.living("-icount")

    process.kill()
    process.wait()

    wait_until(lambda: emulator not in processes.living())
    again, other = start("--add", "desk")  # what it left in the file is replaced
    assert boards.load("desk").flasher.options == {"server": other["server"]}
    again.terminate()
    assert ended(again)[0] == 0


def test_its_end_by_itself_is_an_error(start: Start, processes: Processes) -> None:
    process, _ = start("--add", "desk")
    (emulator,) = processes.living("-icount")

    os.kill(emulator, signal.SIGSEGV)
    code, stderr = ended(process)

    assert code == 3
    assert "the virtual board ended with signal SIGSEGV" in stderr
    assert boards.load_all() == {}


def test_a_board_of_that_name_is_kept(boards_toml: Path, qemu: Path) -> None:
    text = '[boards.desk]\nprofile = "stm32l4"\nport = "/dev/ttyACM0"\n'
    boards_toml.write_text(text)

    hil("board", "virtual", "-p", PROFILE, "--add", "desk").refuses(2, "another board 'desk'")

    assert boards_toml.read_text() == text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "no profile given"),
        (("-p", "stm32l5"), "did you mean 'stm32l4'"),
        (("-p", PROFILE, "--add", "a b"), "invalid board name"),
        (("-p", PROFILE, "--machine", "mps2-an385"), "cortex-m3"),
        (("-p", PROFILE, "--machine", "nosuch"), "'nosuch' is unknown"),
    ],
)
def test_what_cannot_be_is_refused(
    boards_toml: Path, qemu: Path, options: tuple[str, ...], words: str
) -> None:
    hil("board", "virtual", *options).refuses(2, words)


@pytest.mark.parametrize("profile", names())
def test_every_profile_has_a_virtual_board_at_its_clock(qemu: Path, profile: str) -> None:
    device = load(profile)
    platform = board_emulator().virtual_platform(device)

    assert platform.time == "modelled"
    assert platform.clock_hz == device.clock.hz
    assert platform.defines["HIL_OWN_COUNTER"] == "1"
    assert platform.ram.size == device.main_ram.size_bytes


def test_a_profile_without_a_machine_that_counts_has_one_all_the_same(qemu: Path) -> None:
    device = load(PROFILE).model_copy(update={"emulation": {"qemu": ("b-l475e-iot01a",)}})
    assert board_emulator().virtual_platform(device).machine == "mps2-an386"


def test_another_clock_is_the_board_s(qemu: Path) -> None:
    platform = board_emulator().virtual_platform(load(f"{PROFILE}@48MHz"))
    assert platform.clock_hz == 48_000_000
    assert platform.defines["HIL_MPS2_CLOCK_HZ"] == "48000000"


def test_a_machine_without_a_counter_is_refused(platform: Platform) -> None:
    with (
        pytest.raises(UsageError, match="cannot be a virtual board"),
        board_emulator().virtual_board(replace(platform, machine="microbit")),
    ):
        pass


def test_firmware_without_a_vector_table_ends_it(
    board: EmulatedBoard, platform: Platform, built: Built
) -> None:
    """QEMU gives up where reset and HardFault lead nowhere, and the error says so."""
    no_vectors = "set {int}4 = 0; set {int}12 = 0; monitor system_reset"
    entry = boards.Board(
        name="desk",
        profile=PROFILE,
        port=board.port,
        flasher=boards.FlasherSetup(
            name="gdb", options={"server": board.server, "reset": no_vectors}
        ),
    )
    profile = load(PROFILE)
    with contextlib.suppress(FlashFailed):  # where QEMU is gone before gdb has detached
        choice.chosen(entry, profile).flash(choice.job(entry, profile, built(platform).elf))

    with pytest.raises(RunFailed, match="Lockup"):
        board.wait()


def test_the_same_on_the_oldest_qemu(
    other_qemu: Path, monkeypatch: pytest.MonkeyPatch, built: Built
) -> None:
    monkeypatch.setenv("HIL_EMULATOR", str(other_qemu))
    profile = load(PROFILE)
    emulator = board_emulator()
    platform = emulator.virtual_platform(profile)
    with emulator.virtual_board(platform) as running:
        entry = boards.Board(
            name="desk",
            profile=PROFILE,
            port=running.port,
            flasher=boards.FlasherSetup(name="gdb", options={"server": running.server}),
        )
        said = choice.chosen(entry, profile).flash(choice.job(entry, profile, built(platform).elf))
    assert running.tool == probe(other_qemu).version
    assert ": matched." in said
