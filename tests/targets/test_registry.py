"""Targets by name, and the boundary around each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import hil
import pytest
from hil.devices import load
from hil.errors import MissingTool, UsageError
from hil.targets import registry
from hil.targets.interface import ProgramRunner
from hil.targets.machines import MPS2
from hil.targets.qemu.machines import MACHINES
from hil.targets.qemu.target import QemuTarget

from tests.support import packages

PACKAGE = Path(hil.__file__).parent
BOARDS = {board.name for board in MPS2}  # Arm's, in other emulators too
OF_QEMU = re.compile(
    "|".join(["qemu", "gdbstub", r"hil_profiler(?!\.cs)", "microbit", *({*MACHINES} - BOARDS)]),
    re.IGNORECASE,
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda entry: packages.install(monkeypatch, tmp_path / "more", "hil.targets", entry)


class First(QemuTarget):
    """A target of another package that wants to be the default."""

    name = "first"
    rank = 1


def test_the_default_is_the_lowest_rank(install: Callable[[str], None]) -> None:
    install(f"first = {__name__}:First")
    assert registry.names()[0] == "first"
    assert registry.target().name == "first"
    assert registry.target("qemu").name == "qemu"


def test_an_unknown_name_has_the_nearest_in_its_hint() -> None:
    with pytest.raises(UsageError, match="there is no target 'qmeu'") as caught:
        registry.target("qmeu")
    assert "did you mean 'qemu'?" in caught.value.hint


@pytest.mark.parametrize("value", ["no_such_package:Target", f"{__name__}:NoSuchClass"])
def test_a_damaged_target_harms_only_who_asks_for_it(
    install: Callable[[str], None], value: str
) -> None:
    install(f"broken = {value}")
    assert registry.target().name == "qemu"
    assert "broken" not in registry.names()
    with pytest.raises(MissingTool, match="the target 'broken' cannot be loaded"):
        registry.target("broken")


def test_without_any_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingTool, match="no target is installed"):
        registry.target()


def test_programs_run_on_the_first_target_that_can() -> None:
    assert isinstance(registry.program_runner(), ProgramRunner)
    assert registry.program_runner().name == "qemu"


def test_nothing_outside_its_folder_names_qemu() -> None:
    outside = [p for p in PACKAGE.rglob("*.py") if "qemu" not in p.relative_to(PACKAGE).parts]
    assert len(outside) > 100
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in outside
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OF_QEMU.search(line)
    ]
    assert found == []


def test_a_profile_without_emulation_runs_where_its_core_does(qemu: Path) -> None:
    bare = load("nucleo-l4r5zi").model_copy(update={"emulation": {}})
    assert QemuTarget().platform(bare).machine == "mps2-an386"


def test_machines_of_another_target_say_nothing(qemu: Path) -> None:
    other = load("nucleo-l4r5zi").model_copy(update={"emulation": {"renode": ("stm32l4",)}})
    assert QemuTarget().platform(other).machine == "mps2-an386"
