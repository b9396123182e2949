"""A scripted board in boards.toml, and `hil` run on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hil import devices
from hil.records import RunRecord
from hil.store import Store
from hil.targets.board import lock
from hil.targets.dut.serial_port import open_port
from hil.tflite.model import Model

from tests.support.hil import DIGITS, REPOSITORY, Result, hil
from tests.support.packages import install
from tests.support.scripted_board import ScriptedBoard, plugged_in
from tests.support.tools import tool

PROFILE = "stm32l4"
MODEL = DIGITS / "digits_int8.tflite"
TIMEOUT_S = 3.0
"""What a silent board costs; what answers does so at once, in a thread of the test."""


@dataclass
class Bench:
    """A folder with boards.toml and a database."""

    folder: Path
    stack: ExitStack
    boards: list[str] = field(default_factory=list)
    plugged: list[ScriptedBoard] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {"HIL_BOARDS": str(self.folder / "boards.toml")}

    @property
    def db(self) -> str:
        return str(self.folder / "runs.db")

    def add(self, name: str, *keys: str) -> None:
        """Write a board into boards.toml."""
        self.boards.append("\n".join([f"[boards.{name}]", f'profile = "{PROFILE}"', *keys]))
        (self.folder / "boards.toml").write_text("\n".join(self.boards))

    def plug(self, name: str = "desk", **state: Any) -> ScriptedBoard:
        """Plug a scripted board in and add it."""
        model, profile = Model.read(MODEL), devices.load(PROFILE)
        board = ScriptedBoard(model, profile.clock.hz, **state)
        self.stack.enter_context(plugged_in(board, self.probe(name)))
        self.plugged.append(board)
        self.add(name, f'port = "{board.port}"', self.flasher(name))
        return board

    @property
    def scripted(self) -> ScriptedBoard:
        """The board that was plugged in last."""
        return self.plugged[-1]

    def probe(self, name: str) -> Path:
        """The socket of a board's flasher."""
        return self.folder / f"{name}.probe"

    def flasher(self, name: str, more: str = "") -> str:
        """The key of boards.toml for the flasher of a scripted board."""
        options = f'{{ board = "{self.probe(name)}"{more} }}'
        return f'flasher = {{ name = "bench", options = {options} }}'

    def run(self, *arguments: object, board: str = "desk", timeout_s: float = TIMEOUT_S) -> Result:
        """`hil run` of a model on a board."""
        words = ("--board", board, "--db", self.db, "--timeout", timeout_s, *arguments, MODEL)
        return hil("run", *words, env=self.env)

    @property
    def stored(self) -> RunRecord:
        """The newest stored run."""
        with Store.open(self.db) as store:
            return store.get("latest")

    def assert_free(self, board: ScriptedBoard) -> None:
        """Neither the board's locks nor its port are held any more."""
        for name in ("board desk", f"port {board.port}"):
            with lock.held(name, name, 0):
                pass
        open_port(board.port, 115200).close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name in ("arm-none-eabi-gcc", "cmake", "ninja"):
        tool(name)
    entry = "bench = tests.support.scripted_board:BenchFlasher"
    install(monkeypatch, tmp_path / "flashers", "hil.flashers", entry)
    paths = os.pathsep.join([str(tmp_path / "flashers"), str(REPOSITORY)])
    monkeypatch.setenv("PYTHONPATH", paths)  # for processes that hil starts
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)
