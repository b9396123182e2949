"""The flasher pyocd: the real one without a probe, and stand-ins for what needs hardware."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from hil.devices import load, names
from hil.errors import FlashFailed, HilError, MissingTool, UsageError
from hil.records import Platform
from hil.targets.flash import pyocd
from hil.targets.flash.elf import parts
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.pyocd import PyOcdFlasher

from tests.support.processes import WAIT_S
from tests.support.stand_ins import HANGS, StandIn
from tests.targets.flash.conftest import PROFILE, Built

Job = Callable[..., FlashJob]
needs_pyocd = pytest.mark.skipif(find_spec("pyocd") is None, reason="pyocd is not installed")
PACKS = {"nucleo-l452re", "nucleo-l4r5zi", "stm32f411", "stm32f746", "stm32u575"}


@pytest.fixture
def job(platform: Platform, built: Built) -> Job:
    """Flash a real ELF file; the chip is the STM32L475."""
    device = load(PROFILE)
    found = FlashJob(built(platform).elf, device, device.flashing["pyocd"], timeout_s=WAIT_S)
    return lambda **changes: replace(found, **changes)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(tmp_path, monkeypatch, "pyocd")
    monkeypatch.setattr(pyocd.sys, "executable", str(tmp_path / "python"))  # none is beside it
    return made


@needs_pyocd
def test_the_real_one_finds_no_probe(job: Job) -> None:
    with pytest.raises(MissingTool, match=r"no debug probe is attached \(pyOCD: No connected"):
        PyOcdFlasher().flash(job())
    with pytest.raises(MissingTool, match=r"no such debug probe .*unique ID '066A'"):
        PyOcdFlasher().flash(job(probe="066A"))
    with pytest.raises(MissingTool, match="no debug probe is attached"):
        PyOcdFlasher().reset(job())
    assert PyOcdFlasher().probes() == []


@needs_pyocd
def test_the_real_one_knows_the_chips_that_need_no_pack() -> None:
    program = pyocd._program({})
    done = subprocess.run(
        [program, "list", "--targets"], capture_output=True, text=True, check=True
    )
    known = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    unknown = {name for name in names() if load(name).flashing["pyocd"][0] not in known}
    assert unknown == PACKS


@needs_pyocd
def test_the_real_one_has_a_version(job: Job) -> None:
    assert PyOcdFlasher().tool(job()).startswith("pyOCD 0.46.")
    (finding,) = PyOcdFlasher().findings()
    assert finding.state == "ok"


MATCH = "Comparing 16 bytes @ 0x00000000\nAll 16 bytes match.\n"


def test_what_it_is_called_with(job: Job, stand_in: StandIn) -> None:
    flasher = PyOcdFlasher()
    asked = job(probe="066A", options={"frequency": "1m", "connect": "under-reset"})
    wanted = parts(asked.elf)
    matching = MATCH * len(wanted)
    stand_in.answers((("load",), "Loading\n", 0), (("commander",), matching, 0), ((), "", 0))

    said = flasher.flash(asked)
    flasher.reset(asked)

    settings = ["--no-wait", "--no-config", "--color=never", "--target", "stm32l475xg"]
    settings += ["--uid", "066A", "--frequency", "1m", "--connect", "under-reset"]
    load_, compare, reset = stand_in.calls
    assert load_ == ["load", *settings, "--format", "elf", str(asked.elf)]
    assert compare[: len(settings) + 1] == ["commander", *settings]
    assert compare[len(settings) + 1 :: 2] == ["-c"] * (len(wanted) + 2)
    compared = [f"compare 0x{part.address:08x} {n}.bin" for n, part in enumerate(wanted)]
    assert compare[len(settings) + 2 :: 2] == ["halt", *compared, "reset"]
    assert reset == ["reset", *settings]
    assert said == "Loading\n" + matching


@pytest.mark.parametrize(
    ("command", "text", "code", "error", "words"),
    [
        # commands/commands.py: compare
        (
            "commander",
            "Mismatched byte at 0x00000008 (offset 0x8): 0xff (memory) != 0x20 (file)\n",
            0,
            FlashFailed,
            "differs from the firmware after it was written (pyOCD: Mismatched byte at 0x00000008",
        ),
        ("commander", "Comparing 16 bytes @ 0x00000000\n", 0, FlashFailed, "did not confirm"),
        # core/helpers.py
        (
            "load",
            "Enter the number of the debug probe or 'q' to quit> \n"
            "0000605 C Error: EOF when reading a line [__main__]\n",
            1,
            UsageError,
            "several probes are attached",
        ),
        (
            "load",
            "More than one debug probe matches unique ID '066':\n",
            1,
            UsageError,
            "several probes match (pyOCD: More than one debug probe matches unique ID '066':)",
        ),
        # board/board.py
        (
            "load",
            "C Target type stm32f411retx not recognized. Use 'pyocd list --targets' to see\n",
            1,
            UsageError,
            "pyOCD does not know the chip",
        ),
        # target/family/target_nRF52.py
        (
            "load",
            "W nRF52840 APPROTECT enabled: not automatically unlocking\nC Memory transfer fault\n",
            1,
            FlashFailed,
            "the chip is locked",
        ),
        # core/exceptions.py, flash/flash.py
        (
            "load",
            "C flash erase sector failure (address 0x08000000; result code 0x1)\n",
            1,
            FlashFailed,
            "the flash cannot be erased",
        ),
        (
            "load",
            "C flash program page failure (address 0x0)\n",
            1,
            FlashFailed,
            "cannot be written",
        ),
        ("load", "C No ACK received\n", 1, FlashFailed, "does not answer the probe"),
        (
            "load",
            "C Error: anything else\n",
            1,
            FlashFailed,
            "pyOCD failed: C Error: anything else",
        ),
        ("load", "Loading\n", -signal.SIGTERM, FlashFailed, "signal SIGTERM"),
        (
            "load",
            "Loading\n",
            HANGS,
            FlashFailed,
            "did not end within 1 s; its last words: Loading",
        ),
    ],
)
def test_what_pyocd_says_is_in_the_error(
    job: Job,
    stand_in: StandIn,
    command: str,
    text: str,
    code: int,
    error: type[HilError],
    words: str,
) -> None:
    stand_in.answers(((command,), text, code), (("load",), "", 0))

    with pytest.raises(error) as caught:
        PyOcdFlasher().flash(job(timeout_s=1.0 if code == HANGS else WAIT_S))

    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arguments": ()}, "has no name of the chip for pyocd"),
        ({"options": {"targets": "x"}}, "did you mean 'target'?"),
        ({"options": {"target": "a b"}}, "invalid value 'a b' for pyocd's --target"),
        ({"probe": "--erase chip"}, "invalid value"),
        ({"elf": Path("/nowhere.elf")}, "there is no firmware"),
    ],
)
def test_a_wrong_option_is_refused(
    job: Job, stand_in: StandIn, changes: dict[str, object], words: str
) -> None:
    stand_in.answers(((), "", 0))
    with pytest.raises(UsageError) as caught:
        PyOcdFlasher().flash(job(**changes))

    assert words in f"{caught.value} {caught.value.hint}"
    assert stand_in.calls == []


def test_probes_are_listed(stand_in: StandIn) -> None:
    found = '{"pyocd_version": "0.46.0", "boards": [{"unique_id": "066A"}, {"unique_id": "1"}]}\n'
    stand_in.answers((("json",), "a warning\n" + found, 0))
    assert PyOcdFlasher().probes() == ["066A", "1"]
    stand_in.answers((("json",), "no JSON\n", 1))
    assert PyOcdFlasher().probes() == ()


def test_pyocd_is_not_installed(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job()
    monkeypatch.setattr(pyocd.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="pyocd is not on the PATH") as caught:
        PyOcdFlasher().flash(asked)
    assert "hil[boards]" in caught.value.hint
    assert PyOcdFlasher().findings() == []
