"""Boards that misbehave: each ends in time, with the right words, and leaves nothing behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.scripted_board import (
    BOOT,
    ScriptedBoard,
    Sent,
    Unplugged,
    lines,
)
from tests.targets.board.conftest import Bench

Script = Callable[[ScriptedBoard, str], Sent]
FAULT = (
    b"m-infer-st\r\ne-[fault HardFault pc=0x08000124 lr=0x08000211 sp=0x20001f00 psr=0x61000000 "
    b"cfsr=0x00008200 hfsr=0x40000000 mmfar=0x00000000 bfar=0xf0000000]\r\n"
)


def always(sent: Sent) -> Script:
    """Whatever is asked."""
    return lambda board, command: sent


def at(name: str, sent: Sent, *, times: int | None = None) -> Script:
    """At a command, and ``times`` times only."""

    def script(board: ScriptedBoard, command: str) -> Sent:
        here = command.split(" ")[0] == name
        return sent if here and (times is None or board.count(name) <= times) else None

    return script


def in_mid_load(sent: Sent) -> Script:
    """At the second piece of a load."""
    return lambda board, command: sent if board.count("db") > 2 else None


def gone(when: Callable[[ScriptedBoard], bool]) -> Script:
    """The port goes away."""

    def script(board: ScriptedBoard, command: str) -> Sent:
        if when(board):
            raise Unplugged
        return None

    return script


def info(**changed: object) -> Script:
    """Wrong fields in the answer to hil-info, once the board was flashed."""

    def script(board: ScriptedBoard, command: str) -> Sent:
        return board.info(**changed) if command == "hil-info" and board.flashed else None

    return script


def other_sizes(board: ScriptedBoard, command: str) -> Sent:
    if command != "hil-info" or not board.flashed:
        return None
    return board.info().replace(b",64,1]", b",48,1]")


def damaged_loads(times: int | None) -> Script:
    return at("hil-crc", lines("m-hil-crc-[64,00000000]"), times=times)


def absurd_marks(board: ScriptedBoard, command: str) -> Sent:
    if command != "hil-marks":
        return None
    return board.right(command).replace(b"-cycles-[", b"-cycles-[1]\r\nm-hil-log-[")


def truncated_marks(board: ScriptedBoard, command: str) -> Sent:
    if command != "hil-marks":
        return None
    return lines(*board.right(command).decode().split("\r\n")[:-3])


def faults_when_flashed(board: ScriptedBoard, command: str) -> Sent:
    return FAULT if board.flashed else None


@dataclass(frozen=True)
class Case:
    """What a board does, the words of the error, and the kind of error that is stored."""

    script: Script
    words: str
    kind: str
    hint: str = ""


CASES = {
    "silent from the start": Case(always(b""), "did not start within 3 s", "DeviceTimeout"),
    "silent in mid-load": Case(in_mid_load(b""), "did not answer 'db ", "DeviceTimeout"),
    "silent in the inference": Case(
        at("infer", b""), "did not answer 'infer 1 0'", "DeviceTimeout"
    ),
    "babbles noise": Case(
        always(itertools.repeat(b"#~ 17 %d\r\n")), "not of the protocol", "Garbage", "baud"
    ),
    "an answer without an end": Case(
        at("infer", itertools.repeat(b"x" * 4096)), "without a line end", "Garbage", "baud"
    ),
    "lines without an end": Case(
        at("infer", itertools.repeat(b"m-hil-log-[still here]\r\n" * 100)),
        "did not end its answer to 'infer 1 0'",
        "DeviceTimeout",
        "keeps talking",
    ),
    "another baud rate": Case(
        always(b"\xfe\x80\x00\xf8" * 8), "not of the protocol", "Garbage", "baud rate"
    ),
    "noise in every answer": Case(
        at("hil-mem", b"\xff\xfe\r\n" + lines()), "not ASCII", "Garbage", "baud"
    ),
    "resets in the inference": Case(
        at("infer", b"m-warmup-start-0\r\n" + BOOT), "restarted while", "Restarted", "brown-out"
    ),
    "resets again and again": Case(
        lambda board, command: BOOT if command else None, "restarted while", "Restarted", "supply"
    ),
    "unplugged in mid-load": Case(
        gone(lambda board: board.count("db") > 2), "closed", "LinkClosed", "unplugged"
    ),
    "unplugged in the inference": Case(
        gone(lambda board: board.count("infer") > 0), "closed", "LinkClosed", "unplugged"
    ),
    "another build": Case(
        info(build="ab" * 20),
        "answers for another firmware: build abababababab",
        "LinkError",
        "probe",
    ),
    "no build id": Case(info(build=None), "another firmware: build none", "LinkError"),
    "tensors of other sizes": Case(other_sizes, "bytes", "LinkError", "another model"),
    "the slow clock": Case(
        info(clock=4_000_000),
        "runs at 4 MHz, the profile says 80 MHz",
        "DeviceFault",
        "PLL",
    ),
    "a clock that never settled": Case(
        info(clock=0), "does not know its clock, the profile says 80 MHz", "DeviceFault", "PLL"
    ),
    "another protocol": Case(
        info(version=2), "speaks version 2", "LinkError", "this version of hil"
    ),
    "damaged loads for ever": Case(damaged_loads(None), "damaged 4 times", "LinkError", "cable"),
    "a fault": Case(at("infer", FAULT), "HardFault on the device", "HardwareFault", "cfsr"),
    "an error of the engine": Case(
        at("infer", lines("e-[invoke -7]")), "with the error: invoke -7", "Rejected", "protocol"
    ),
    "no cycle counter": Case(info(counter=0), "does not count", "DeviceFault", "DWT"),
    "a counter that jumps": Case(
        absurd_marks, "not to be trusted: 1 cycles", "DeviceFault", "reset"
    ),
    "truncated marks": Case(truncated_marks, "is not what the protocol promises", "LinkError"),
    "half a firmware": Case(faults_when_flashed, "HardFault on the device", "HardwareFault"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_board_that_misbehaves_fails_the_run_and_is_let_go(name: str, bench: Bench) -> None:
    case = CASES[name]
    board = bench.plug(script=case.script)

    result = bench.run("--samples", 1)

    result.refuses(3, case.words, "desk" if case.kind in ("DeviceTimeout", "LinkClosed") else "")
    assert case.hint in result.stderr.split("hint:", 1)[1]
    stored = bench.stored
    assert (stored.status, stored.target, stored.machine) == ("failed", "board", "desk")
    assert [error.kind for error in stored.errors] == [case.kind]
    assert case.words in stored.errors[0].message
    assert stored.measurements == {}
    if "unplugged" not in name:
        bench.assert_free(board)


def test_a_damaged_load_is_sent_again(bench: Bench) -> None:
    bench.plug(script=damaged_loads(1))

    assert bench.run("--samples", 1).code == 0
    assert bench.stored.provenance["load_retries"] == 1


def test_noise_in_one_answer_is_asked_again(bench: Bench) -> None:
    bench.plug(script=at("hil-mem", b"\xff\xfe\r\n" + lines(), times=1))

    assert bench.run("--samples", 1).code == 0
    assert bench.stored.provenance["load_retries"] == 1


def test_what_an_interrupted_command_left_behind_is_no_error(bench: Bench) -> None:
    board = bench.plug()

    def script(seen: ScriptedBoard, command: str) -> Sent:
        first = command == "" and seen.count("") == 1
        return lines("e-[unknown-command db]") if first else None

    board.script = script
    assert bench.run("--samples", 1).code == 0


def test_a_flasher_that_fails_is_quoted(bench: Bench) -> None:
    board = bench.plug(fails="Error: flash is read protected")

    bench.run().refuses(3, "flash is read protected", "as the tool says")

    assert (bench.stored.status, bench.stored.errors[0].kind) == ("failed", "FlashFailed")
    bench.assert_free(board)


def test_a_flasher_that_only_says_so(bench: Bench) -> None:
    board = bench.plug(keeps_old=True, build="cd" * 20)

    bench.run().refuses(3, "another firmware: build cdcdcdcdcdcd", "boot pins")

    assert board.flashed == 1
    assert bench.stored.status == "failed"
