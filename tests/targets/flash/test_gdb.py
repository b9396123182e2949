"""The flasher gdb: the real one at a real QEMU's gdb server, and what it says when it fails."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hil.devices import load
from hil.errors import FlashFailed, HilError, MissingTool, UsageError
from hil.records import Platform
from hil.targets.dut.client import DutClient
from hil.targets.dut.serial_port import open_link
from hil.targets.flash.gdb import GdbFlasher
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.registry import flasher
from hil.targets.interface import EmulatedBoard

from tests.support.processes import WAIT_S
from tests.support.stand_ins import HANGS, StandIn
from tests.support.tiny_engine import tiny_inputs, tiny_outputs
from tests.support.tools import tool
from tests.targets.flash.conftest import PROFILE, Built


@pytest.fixture
def client(board: EmulatedBoard) -> Iterator[Callable[[], DutClient]]:
    """Open the board's port anew."""
    links = []

    def connect() -> DutClient:
        for link in links:  # a port is for one at a time
            link.close()
        links.append(open_link(board.port))
        found = DutClient(links[-1], timeout_s=WAIT_S)
        found.wait_ready(knock=True)
        return found

    yield connect
    for link in links:
        link.close()


def test_an_empty_board_is_flashed_and_answers(
    job: FlashJob, client: Callable[[], DutClient]
) -> None:
    said = flasher("gdb").flash(job)

    assert ": matched." in said
    assert "MIS-MATCHED" not in said
    info = client().info()
    assert [tensor.nbytes for tensor in info.inputs] == [64, 4]
    assert info.clock_hz == load(PROFILE).clock.hz


def test_another_firmware_takes_the_place_of_the_first(
    job: FlashJob,
    client: Callable[[], DutClient],
    board: EmulatedBoard,
    platform: Platform,
    built: Built,
) -> None:
    gdb = GdbFlasher()
    gdb.flash(job)
    for n in (32, 64, 48):
        gdb.flash(replace(job, elf=built(platform, n).elf))
        assert client().info().inputs[0].nbytes == n


def test_a_reset_starts_the_firmware_anew(job: FlashJob, client: Callable[[], DutClient]) -> None:
    gdb = GdbFlasher()
    gdb.flash(job)
    inputs = tiny_inputs(seed=1)
    expected = tuple(array.tobytes() for array in tiny_outputs(inputs, invocation=1))
    for _ in range(2):
        dut = client()
        dut.load(inputs)
        dut.infer()
        assert dut.outputs() == expected  # they count the inferences since the reset
        gdb.reset(job)


def test_a_flashing_that_was_cut_off_is_repeated(
    job: FlashJob, client: Callable[[], DutClient]
) -> None:
    """gdb is killed before it is done: the next one finds a board that can be flashed."""
    with pytest.raises(FlashFailed, match=r"did not end within 0\.02 s"):
        GdbFlasher().flash(replace(job, timeout_s=0.02))

    GdbFlasher().flash(job)

    assert client().info().inputs[0].nbytes == 64


def test_a_warning_of_a_gdb_that_succeeded_is_no_error(
    elf: FlashJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "warning: Cannot access memory at address 0x0\n" + MATCHED + DONE
    StandIn(tmp_path, monkeypatch, "gdb-multiarch").answers(((), text, 0))
    assert GdbFlasher().flash(elf) == text


def test_cycles_repeat_exactly_and_ops_make_up_the_whole(
    job: FlashJob, client: Callable[[], DutClient]
) -> None:
    GdbFlasher().flash(job)
    dut = client()
    counted = set()
    for _ in range(3):
        dut.load(tiny_inputs(seed=1))
        dut.infer(2)
        counted.add(dut.marks())

    ((total, ops),) = counted
    assert dut.info().counter
    assert len(ops) == 3
    assert 0 < sum(ops) <= total


def test_nothing_listens_at_the_server(job: FlashJob) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(MissingTool, match="no gdb server answers") as caught:
        GdbFlasher().flash(replace(job, options={"server": closed}))

    assert closed in str(caught.value)
    assert "HOST:PORT" in caught.value.hint


@pytest.fixture
def elf(tmp_path: Path) -> FlashJob:
    """A job of an ELF file that has no firmware in it."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(b"\x7fELF")
    return FlashJob(path, load(PROFILE), options={"server": "localhost:3333"}, timeout_s=WAIT_S)


def test_what_listens_is_no_gdb_server(elf: FlashJob) -> None:
    tool("gdb-multiarch")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(1)

        thread = threading.Thread(target=refuse)
        thread.start()
        server = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(FlashFailed):
            GdbFlasher().flash(replace(elf, options={"server": server}))
        thread.join()


def test_a_server_that_says_nothing_is_left_in_time(elf: FlashJob) -> None:
    tool("gdb-multiarch")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(FlashFailed, match="did not end within 1 s"):
            GdbFlasher().flash(replace(elf, options={"server": server}, timeout_s=1.0))


MATCHED = "Start address 0x0800a9cc, load size 46684\nSection .text, range 0x0 -- 0x9: matched.\n"
DONE = "hil: all commands were carried out\n"


@pytest.mark.parametrize(
    ("text", "code", "error", "words"),
    [
        # gdb/cli/../target.c and symfile.c, gdb 13
        (
            MATCHED + "Section .data, range 0x800b660 -- 0x800b664: MIS-MATCHED!\n"
            "warning: One or more sections of the target image does not match\n" + DONE,
            0,
            FlashFailed,
            "the flash differs from the firmware after it was written (gdb: Section .data",
        ),
        ("Loading section .text\nLoad failed\n", 1, FlashFailed, "cannot be written (gdb: Load"),
        (
            "Error erasing flash with vFlashErase packet\n",
            1,
            FlashFailed,
            "the flash cannot be erased (gdb: Error erasing flash with vFlashErase packet)",
        ),
        ("Remote connection closed\n", 1, FlashFailed, "the gdb server closed the connection"),
        ("Loading section .text\n" + DONE, 0, FlashFailed, "did not confirm what it wrote"),
        (MATCHED, 0, FlashFailed, "gdb failed"),
        (MATCHED + "Undefined monitor command\n", 1, FlashFailed, "Undefined monitor command"),
        (MATCHED, -signal.SIGKILL, FlashFailed, "was ended by signal SIGKILL"),
        (MATCHED, HANGS, FlashFailed, "did not end within 1 s; its last words: Start address"),
    ],
)
def test_what_gdb_says_is_in_the_error(
    elf: FlashJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    code: int,
    error: type[HilError],
    words: str,
) -> None:
    StandIn(tmp_path, monkeypatch, "gdb-multiarch").answers(((), text, code))

    with pytest.raises(error) as caught:
        GdbFlasher().flash(replace(elf, timeout_s=1.0 if code == HANGS else WAIT_S))

    assert words in str(caught.value)
    assert caught.value.hint


def test_the_reset_is_an_option(
    elf: FlashJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands are in a file, which the stand-in prints."""
    folder = tmp_path / "stand-ins"
    folder.mkdir()
    script = folder / "gdb-multiarch"
    script.write_text('#!/bin/sh\ncat "$5"\necho ": matched. Start address"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    options = {"server": "[::1]:3333", "reset": "monitor reset halt; monitor resume"}

    said = GdbFlasher().flash(replace(elf, options=options)).splitlines()

    assert said[said.index("compare-sections") :][:4] == [
        "compare-sections",
        "monitor reset halt",
        "monitor resume",
        "detach",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"options": {}}, "needs the option 'server'"),
        ({"options": {"sever": "a:1"}}, "did you mean 'server'?"),
        ({"options": {"server": "| sh -c true"}}, "invalid gdb server"),
        ({"options": {"server": "localhost"}}, "invalid gdb server 'localhost'"),
        ({"options": {"server": "a:1", "reset": "x\nshell id"}}, "control character"),
        ({"probe": "1234"}, "takes neither a probe nor arguments"),
        ({"arguments": ("x",)}, "takes neither a probe nor arguments"),
        ({"elf": Path("/nowhere.elf")}, "there is no firmware /nowhere.elf"),
    ],
)
def test_a_wrong_option_is_refused(elf: FlashJob, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        GdbFlasher().flash(replace(elf, **changes))  # type: ignore[arg-type]

    assert words in f"{caught.value} {caught.value.hint}"


def test_gdb_is_not_installed(
    elf: FlashJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingTool, match="gdb-multiarch is not on the PATH") as caught:
        GdbFlasher().flash(elf)

    assert "apt-get install -y gdb-multiarch" in caught.value.hint
    assert GdbFlasher().findings() == []


def test_the_tool_is_the_one_of_the_option(elf: FlashJob, tmp_path: Path) -> None:
    path = tool("gdb-multiarch")
    options = {"server": "a:1", "program": path}
    assert GdbFlasher().tool(replace(elf, options=options)).startswith("GNU gdb")
    with pytest.raises(MissingTool, match="/nowhere/gdb is not on the PATH"):
        GdbFlasher().tool(replace(elf, options={"server": "a:1", "program": "/nowhere/gdb"}))
