"""`hil board check`: each link of a board, on ptys, sockets and a virtual board."""

from __future__ import annotations

import json
import os
import pty
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hil import boards
from hil.boards import Board, FlasherSetup, MeterSetup
from hil.devices import load
from hil.targets.board import lock
from hil.targets.registry import board_emulator

from tests.support.fake_dut import FakeDut, Mischief, on_pty, on_tcp
from tests.support.hil import hil
from tests.support.processes import Processes
from tests.support.stand_ins import StandIn
from tests.support.tools import tool

Add = Callable[..., None]


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))


def add(port: str, **values: Any) -> None:
    given: dict[str, Any] = {"profile": "stm32l4", "flasher": FlasherSetup(name="none"), **values}
    boards.save(Board(name="desk", port=port, **given), replace=True)


def links(*options: str, code: int = 0) -> dict[str, dict[str, str]]:
    """The links of the board, by name; the command must end with ``code``."""
    found = hil("board", "check", "desk", "--json", *options)
    assert found.code == code, found
    data = found.envelope["data"]
    assert data["board"] == "desk"
    failed = [link for link in data["links"] if link["state"] == "failed"]
    assert all(link["hint"] for link in failed)
    assert [error["hint"] for error in found.envelope["errors"]] == [one["hint"] for one in failed]
    return {link["name"]: link for link in data["links"]}


def states(found: dict[str, dict[str, str]], state: str) -> set[str]:
    return {name for name, link in found.items() if link["state"] == state}


@pytest.fixture
def virtual(session_cache: Path) -> Iterator[None]:
    """A virtual board, called ``desk``."""
    for name in ("arm-none-eabi-gcc", "cmake", "ninja", "gdb-multiarch"):
        tool(name)
    emulator = board_emulator()
    with emulator.virtual_board(emulator.virtual_platform(load("stm32l4"))) as running:
        flasher = FlasherSetup(name="gdb", options={"server": running.server})
        add(running.port, flasher=flasher, virtual=True)
        yield


@pytest.mark.usefixtures("virtual")
def test_every_link_of_a_virtual_board() -> None:
    empty = links("--timeout", "1", code=3)
    assert states(empty, "failed") == {"answer"}
    assert "--flash" in empty["answer"]["hint"]
    assert empty["clock"] == {
        **{"name": "clock", "state": "skipped", "detail": "needs: firmware", "hint": ""}
    }
    flashed = links("--flash")
    assert states(flashed, "skipped") == {"no other user", "probe", "meter", "window pin"}
    assert "gdb wrote and compared" in flashed["flash"]["detail"]
    assert flashed["clock"]["detail"] == "80 MHz"
    assert "cycles for one inference" in flashed["cycle counter"]["detail"]
    again = links()
    assert again["firmware"] == flashed["firmware"]
    assert states(again, "skipped") == states(flashed, "skipped") | {"flash"}
    text = hil("board", "check", "desk").stdout
    assert all(name in text for name in again)


def test_a_board_that_is_flashed_by_hand() -> None:
    with on_pty(FakeDut()) as port:
        add(port)
        found = links()
        assert states(found, "ok") == {
            *("entry", "lock", "port", "permission", "no other user", "open"),
            *("answer", "firmware", "clock", "cycle counter", "memory"),
        }
        assert "by hand" in found["flasher"]["detail"]
        refused = links("--flash", code=4)
        assert "has no flasher" in refused["flash"]["detail"]
        assert refused["answer"]["detail"] == "needs: flash"


def test_a_port_of_another_machine() -> None:
    with on_tcp(FakeDut()) as url:
        add(url)
        found = links()
    assert found["permission"]["detail"] == "a port of another machine"
    assert found["memory"]["state"] == "ok"


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    add(str(tmp_path / "ttyACM0"))
    found = links(code=4)
    assert states(found, "failed") == {"port"}
    assert states(found, "ok") == {"entry", "lock"}
    assert found["open"]["detail"] == "needs: port"


def test_a_usb_device_that_is_not_there() -> None:
    boards.save(Board(name="desk", profile="stm32l4", usb=boards.parse_usb("0483:374b:NONE")))
    found = links(code=4)
    assert "0483:374b" in found["port"]["detail"]


def test_a_port_that_this_user_may_not_open(processes: Processes) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    code = (
        "import grp, os, pwd, sys\n"
        "from hil.targets.board.access import permission\n"
        "from hil.errors import MissingTool\n"
        "os.setuid(int(sys.argv[2]))\n"
        "try: permission(sys.argv[1])\n"
        "except MissingTool as error: print(error.message, '|', error.hint)\n"
    )
    master, slave = pty.openpty()
    try:
        os.fchmod(slave, 0o600)
        nobody = pwd.getpwnam("nobody").pw_uid
        child = processes.start(
            sys.executable, "-c", code, os.ttyname(slave), str(nobody), stdout=subprocess.PIPE
        )
        said = child.communicate()[0]
    finally:
        os.close(slave)
        os.close(master)
    assert "the user nobody may not open /dev/pts/" in said
    assert "sudo adduser nobody" in said


def test_another_program_has_the_port(processes: Processes) -> None:
    with on_pty(FakeDut()) as port:
        add(port)
        code = "import sys, signal; f = open(sys.argv[1]); print(flush=True); signal.pause()"
        other = processes.start(sys.executable, "-c", code, port, stdout=subprocess.PIPE)
        assert other.stdout is not None
        other.stdout.readline()
        found = links(code=4)
    assert f"process {other.pid}: " in found["no other user"]["detail"]
    assert found["answer"]["state"] == "ok"


def test_another_hil_has_the_board() -> None:
    with on_pty(FakeDut()) as port:
        add(port)
        with lock.held("the board", "board desk", 0):
            found = links(code=4)
        assert states(found, "failed") == {"lock"}
        assert f"process {os.getpid()}" in found["lock"]["detail"]
        with lock.held("the port", f"port {os.path.realpath(port)}", 0):
            assert states(links(code=4), "failed") == {"port"}
        links()


@pytest.mark.parametrize(
    ("mischief", "failed", "words"),
    [
        (Mischief(silent_at="hil-info"), "firmware", "did not answer 'hil-info'"),
        (Mischief(version=2), "firmware", "speaks version 2 of the protocol"),
        (Mischief(fault_at="infer"), "cycle counter", "HardFault"),
        (Mischief(die_at="hil-mem"), "memory", "closed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_device_does_wrong(mischief: Mischief, failed: str, words: str) -> None:
    with on_pty(FakeDut(mischief)) as port:
        add(port)
        found = links("--timeout", "2", code=3)
    assert failed in states(found, "failed")
    assert words in found[failed]["detail"]


def test_the_clock_of_another_profile() -> None:
    with on_pty(FakeDut()) as port:
        add(port, profile="stm32l4@48MHz")
        found = links(code=3)
    assert states(found, "failed") == {"clock"}
    assert found["clock"]["detail"] == "the firmware runs at 80 MHz, the profile says 48 MHz"
    assert found["memory"]["state"] == "ok"


def test_a_flasher_that_cannot_work() -> None:
    with on_pty(FakeDut()) as port:
        add(port, flasher=FlasherSetup(name="gdb"))
        found = links(code=2)
        assert states(found, "failed") == {"flasher"}
        assert "needs the option 'server'" in found["flasher"]["detail"]
        add(port, flasher=FlasherSetup(name="gbd"))
        assert "there is no flasher 'gbd'" in links(code=2)["flasher"]["detail"]


RECORDER = """
import signal, sys
def write(*_):
    lines = ["power_mw,d0"] + [f"{10 + high},{high}" for high in %r]
    open(sys.argv[1], "w").write("\\n".join(lines) + "\\n")
    sys.exit()
signal.signal(signal.SIGINT, write)
signal.pause()
"""


@pytest.mark.usefixtures("virtual")
@pytest.mark.parametrize(
    ("line", "state"), [([1, 1, 0, 0, 1, 1], "ok"), ([1, 1, 1, 1, 1, 1], "failed")]
)
def test_the_meter_sees_the_window_pin(tmp_path: Path, line: list[int], state: str) -> None:
    """The recorder stands for an instrument: what it saw of the pin is in the file it writes."""
    script = tmp_path / "recorder.py"
    script.write_text(RECORDER % line)
    options = {
        "file": str(tmp_path / "recording.csv"),
        "command": f"{sys.executable} {script} {{file}}",
        "rate_hz": "1000",
        "accuracy_pct": "1",
    }
    board = boards.load("desk")
    meter = MeterSetup(name="recording", volts=3.3, options=options)
    boards.save(board.model_copy(update={"meter": meter}), replace=True)
    found = links("--flash", code=0 if state == "ok" else 3)
    assert found["meter"]["state"] == "ok"
    assert found["window pin"]["state"] == state
    assert ("2 edges in 6 samples" if state == "ok" else "no edge") in found["window pin"]["detail"]
    assert "--flash" in links()["window pin"]["detail"]
    no_folder = {**options, "file": str(tmp_path / "none" / "recording.csv")}
    meter = MeterSetup(name="recording", volts=3.3, options=no_folder)
    boards.save(board.model_copy(update={"meter": meter}), replace=True)
    found = links(code=4)
    assert states(found, "failed") == {"meter"}
    assert found["memory"]["state"] == "ok"


@pytest.mark.parametrize(
    ("probe", "attached", "state"),
    [
        ("066B", ["066A", "066B"], "ok"),
        (None, ["066A", "066B"], "failed"),
        ("066C", ["066A", "066B"], "failed"),
        (None, ["066A"], "ok"),
        ("066A", [], "skipped"),
    ],
)
def test_debug_probes(
    probe: str | None,
    attached: list[str],
    state: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What pyOCD lists, of hardware that is not here."""
    stand_in = StandIn(tmp_path, monkeypatch, "pyocd")
    text = json.dumps({"status": 0, "boards": [{"unique_id": one} for one in attached]})
    stand_in.answers((("--version",), "0.46.0\n", 0), (("--probes",), text, 0))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))  # no real pyocd beside it
    with on_pty(FakeDut()) as port:
        add(port, flasher=FlasherSetup(name="pyocd", probe=probe))
        assert links(code=4 if state == "failed" else 0)["probe"]["state"] == state


def test_waiting_for_a_board_in_use() -> None:
    with on_pty(FakeDut()) as port:
        add(port)
        with lock.held("the board", "board desk", 0):
            found = links("--wait", "0.1", code=4)
        assert "in use for 0.1 s" in found["lock"]["detail"]
        links("--wait", "forever")
    hil("board", "check", "desk", "--wait", "long").refuses(2, "invalid --wait 'long'")


def test_what_is_refused_at_once(tmp_path: Path) -> None:
    hil("board", "check", "desk").refuses(2, "there is no board 'desk'")
    add("/dev/null", profile="none")
    assert states(links(code=2), "failed") == {"entry"}
    model = tmp_path / "m.tflite"
    hil("board", "check", "desk", "--model", model).refuses(2, "--model needs --flash")
    hil("board", "check", "desk", "--flash", "--model", model).refuses(2, "m.tflite")
