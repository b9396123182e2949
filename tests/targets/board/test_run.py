"""Runs on a board that works: what is flashed, asked, measured and stored."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hil.errors import MissingTool
from hil.targets.board import lock
from hil.targets.dut.serial_port import open_port

from tests.support.hil import HIL, hil
from tests.support.processes import Processes, wait_until
from tests.support.scripted_board import CYCLES_OF_AN_OP, ScriptedBoard
from tests.targets.board.conftest import MODEL, Bench

HOLD = """
import sys
from hil.targets.board import lock
sys.argv[1:] = ["run", "--board", "desk", "--db", "postgresql://me:secret@host/db"]
with lock.held("it", "board desk", 0):
    print("held", flush=True)
    sys.stdin.read()
"""
OPEN = """
import sys
from hil.targets.dut.serial_port import open_port
port = open_port(sys.argv[1], 115200)
print("open", flush=True)
sys.stdin.read()
"""


def held_by(processes: Processes, code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a process that holds something, and wait until it does."""
    process = processes.start(
        sys.executable, "-c", code, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_a_board_is_flashed_once_and_measured(bench: Bench) -> None:
    board = bench.plug()

    first = bench.run("--samples", 2, "--repeat", 3, "--json")
    assert first.code == 0, first
    again = bench.run("--samples", 2, "--repeat", 3, "--json")

    assert board.flashed == 1
    assert [r.envelope["data"]["provenance"]["flashed"] for r in (first, again)] == [True, False]
    data = first.envelope["data"]
    cycles = data["measurements"]["cycles"]
    assert cycles["kind"] == "measured"
    assert cycles["value"] == board.ops * CYCLES_OF_AN_OP + 10
    assert cycles["source"] == "cycle counter of the board at 80 MHz"
    assert cycles["n"] == len(cycles["samples"]) == 2 * 3  # the two extremes are only checked
    assert cycles["spread_pct"] == 0
    assert data["measurements"]["latency_us"]["kind"] == "measured"
    assert "instructions" not in data["measurements"]
    assert {op["instructions"] for op in data["ops"]} == {None}
    assert not data.get("functions")
    assert board.count("infer") == 2 * (1 + 4 * 3)  # each run warms up once


def test_provenance_says_which_board(bench: Bench) -> None:
    board = bench.plug()

    assert bench.run("--samples", 1).code == 0

    stored = bench.stored
    assert (stored.target, stored.machine, stored.machine_exact) == ("board", "desk", True)
    facts = stored.provenance
    assert facts["board"] == "desk"
    assert facts["board_port"] == board.port
    assert facts["board_clock_hz"] == 80_000_000
    assert facts["board_virtual"] is False
    assert (facts["flasher"], facts["flasher_tool"]) == ("bench", "bench 1.0")
    assert facts["firmware_build_id"] == board.build
    assert "memory_model" not in facts
    assert {m.kind for m in stored.measurements.values()} >= {"measured", "static"}


def test_no_warm_up(bench: Bench) -> None:
    board = bench.plug()

    assert bench.run("--samples", 1, "--warmup", 0).code == 0

    assert board.count("infer") == 3


def test_another_clock_is_another_firmware(bench: Bench) -> None:
    board = bench.plug()
    board.clock_hz = 48_000_000

    result = bench.run("-p", "stm32l4@48MHz", "--samples", 1)

    assert result.code == 0, result
    assert bench.stored.measurements["latency_us"].source.endswith("at 48 MHz")


def test_the_profile_of_another_chip_is_refused(bench: Bench) -> None:
    bench.plug()
    bench.run("-p", "stm32f746").refuses(2, "is a STM32L475VG", "STM32F746")


def test_the_only_board_of_a_profile_needs_no_name(bench: Bench) -> None:
    bench.plug()
    words = ("run", "--target", "board", "-p", "stm32l4", "--db", bench.db, "--samples", 1)

    assert hil(*words, MODEL, env=bench.env).code == 0

    bench.add("second", 'port = "/dev/null"')
    hil(*words, MODEL, env=bench.env).refuses(2, "2 boards have the profile", "desk", "second")
    hil("run", "--target", "board", "-p", "stm32f746", MODEL, env=bench.env).refuses(
        2, "no board has the profile 'stm32f746'", "--board NAME"
    )


def test_board_and_target_or_machine_exclude_each_other(bench: Bench) -> None:
    bench.plug()
    bench.run("--target", "qemu").refuses(2, "--board and --target qemu")
    bench.run("--emulator-machine", "x").refuses(2, "--emulator-machine")
    bench.run("--load", "direct").refuses(2, "cannot be written directly")
    bench.run("--wait", "soon").refuses(2, "invalid --wait 'soon'")


def test_accuracy_on_a_board_uses_it_alone(bench: Bench, tmp_path: Path) -> None:
    board = bench.plug()
    samples = MODEL.parent / "digits_samples.npz"

    result = hil(
        *("accuracy", "--board", "desk", "--data", samples, "--limit", 5, "--json"),
        *("--db", bench.db, MODEL),
        env=bench.env,
    )

    assert result.code == 0, result
    assert result.envelope["data"]["machine"] == "desk"
    assert board.count("infer") == 5
    assert board.flashed == 1
    bench.assert_free(board)


def test_a_study_on_two_boards_takes_turns(bench: Bench, tmp_path: Path) -> None:
    board = bench.plug()
    study = tmp_path / "study.toml"
    study.write_text(
        f'schema = 1\nmodels = ["{MODEL}"]\nboards = ["desk"]\noptimize = ["-O2", "-O3"]\n'
        "[inputs]\nsamples = 1\n"
    )

    def sweep() -> list[dict[str, object]]:
        result = hil("sweep", study, "--jobs", 1, "--db", bench.db, "--json", env=bench.env)
        runs: list[dict[str, object]] = result.envelope["data"]["runs"]
        return runs

    assert [run["status"] for run in sweep()] == ["passed", "passed"]
    assert board.flashed == 2
    assert [run["resumed"] for run in sweep()] == [True, True]


def test_a_board_in_use_names_who_uses_it(bench: Bench, processes: Processes) -> None:
    bench.plug()
    holder = held_by(processes, HOLD)

    result = bench.run()

    result.refuses(
        4, "the board 'desk' is in use", f"process {holder.pid}", "run --board desk", "--wait"
    )
    assert "secret" not in result.stderr
    assert bench.stored.status == "error"
    bench.run("--wait", "0.2").refuses(4, "in use for 0.2 s")


def test_waiting_for_a_board_ends_when_it_is_free() -> None:
    got = threading.Event()

    def wait() -> None:
        with lock.held("it", "board desk", float("inf")):
            got.set()

    with lock.held("it", "board desk", 0):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not got.is_set()
    thread.join()
    assert got.is_set()


def test_a_port_that_another_program_has_open(bench: Bench, processes: Processes) -> None:
    board = bench.plug()
    holder = held_by(processes, OPEN, board.port)

    bench.run().refuses(4, "in use by another program", f"process {holder.pid}")

    assert bench.stored.errors[0].kind == "MissingTool"


def test_a_port_that_is_not_there(bench: Bench) -> None:
    bench.add("desk", 'port = "/dev/ttyNOWHERE"')
    bench.run().refuses(4, "no serial port /dev/ttyNOWHERE", "plugged in")
    assert bench.stored.status == "error"


def test_a_port_that_this_user_may_not_open(bench: Bench) -> None:
    board: ScriptedBoard = bench.plug()
    os.chmod(board.port, 0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(MissingTool, match="permission denied") as caught:
            open_port(board.port, 115200)
    finally:
        os.seteuid(user)
    assert "dialout" in caught.value.hint
    assert "udev" in caught.value.hint


class _Port:
    def __init__(self, device: str, serial: str) -> None:
        self.device, self.serial_number, self.vid, self.pid = device, serial, 0x0483, 0x374B


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], ["not attached", "0483:374b", "ports here: none"]),
        (
            [("/dev/ttyACM0", "066A"), ("/dev/ttyACM1", "066B")],
            ["2 serial ports have the USB identity", "/dev/ttyACM1 (serial 066B)"],
        ),
    ],
)
def test_a_usb_device_that_is_missing_or_ambiguous(
    there: list[tuple[str, str]], words: list[str], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = [_Port(*one) for one in there]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    bench.add("desk", "usb = { vendor = 0x0483, product = 0x374b }")

    bench.run().refuses(4, *words)


def test_a_usb_device_is_found_by_its_serial_number(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = bench.plug("other")
    ports = [_Port("/dev/null", "066A"), _Port(board.port, "066B")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    usb = 'usb = { vendor = 0x0483, product = 0x374b, serial = "066B" }'
    bench.add("desk", usb, bench.flasher("other"))

    assert bench.run("--samples", 1).code == 0
    assert bench.stored.provenance["board_usb"] == "0483:374b serial 066B"


def test_a_board_that_nobody_flashes(bench: Bench) -> None:
    board = bench.plug("other", build="00" * 20)
    bench.add("desk", f'port = "{board.port}"', 'flasher = { name = "none" }')

    bench.run().refuses(4, "runs another firmware", "has no flasher", "--keep DIR")

    assert bench.run("--samples", 1, board="other").code == 0
    assert bench.run("--samples", 1).code == 0, "it runs the firmware now"
    assert bench.stored.provenance["flasher"] == "none"


def test_a_flasher_whose_tool_is_missing_is_needed_for_flashing_only(bench: Bench) -> None:
    board = bench.plug("other")
    bench.add("desk", f'port = "{board.port}"', bench.flasher("other", ', missing = "yes"'))

    bench.run("--samples", 1).refuses(4, "there is no bench")

    assert bench.run("--samples", 1, board="other").code == 0
    assert bench.run("--samples", 1).code == 0
    assert bench.stored.provenance["flasher_tool"] == "bench, not used"


def test_an_interrupt_lets_the_board_go(bench: Bench, processes: Processes) -> None:
    asked = threading.Event()
    board = bench.plug()

    def script(seen: ScriptedBoard, command: str) -> bytes | None:
        if command.startswith("infer"):
            asked.set()
            return b""
        return None

    board.script = script
    child = processes.start(
        *(HIL, "run", "--board", "desk", "--db", bench.db, MODEL),
        env={**os.environ, **bench.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: asked.is_set() or child.poll() is not None)
    child.send_signal(2)
    _, said = child.communicate()

    assert child.returncode == 130, said
    assert bench.stored.status == "interrupted"
    assert not processes.living("hil")
    bench.assert_free(board)
