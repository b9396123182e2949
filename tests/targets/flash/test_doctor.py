"""What `hil doctor` shows of flashers: a tool that is there, and one that a board needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hil import boards, doctor
from hil.records import Finding
from hil.targets.flash import pyocd

from tests.support.stand_ins import StandIn

NAMES = {"openocd", "pyocd", "gdb", "command"}


@pytest.fixture
def without_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No flasher's tool is on the PATH, and boards.toml is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(pyocd.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    return folder


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor._flashers() if finding.name in NAMES}


def test_without_boards_nothing_is_missing(without_tools: Path) -> None:
    assert found() == {}


def test_what_a_board_needs_is_named(without_tools: Path) -> None:
    boards.save(boards.Board(name="nucleo", profile="nucleo-l4r5zi", port="/dev/ttyACM0"))
    gdb = boards.FlasherSetup(name="gdb", options={"server": "a:1"})
    boards.save(boards.Board(name="desk", profile="stm32l4", port="/dev/pts/1", flasher=gdb))

    missing = found()

    assert set(missing) == {"openocd", "gdb"}
    assert missing["openocd"].state == "warn"
    assert missing["openocd"].detail == "openocd is not on the PATH (it flashes nucleo)"
    assert missing["openocd"].install == "sudo apt-get install -y openocd"
    assert "(it flashes desk)" in missing["gdb"].detail


def test_a_tool_that_is_here_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn(tmp_path, monkeypatch, "openocd").answers(
        (("--version",), "Open On-Chip Debugger 0.12.0\n", 0)
    )
    assert found()["openocd"] == Finding("openocd", "ok", "Open On-Chip Debugger 0.12.0")


def test_a_tool_that_does_not_run_is_reported(
    without_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards.save(boards.Board(name="nucleo", profile="nucleo-l4r5zi", port="/dev/ttyACM0"))
    broken = StandIn(tmp_path, monkeypatch, "openocd")
    broken.answers((("--version",), "error while loading shared libraries: libjim.so\n", 127))
    assert "libjim.so" in found()["openocd"].detail
