"""The flasher command: templates, quoted safely, carried out without a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hil.devices import load
from hil.errors import FlashFailed, MissingTool, UsageError
from hil.records import Platform
from hil.targets.flash.command import CommandFlasher
from hil.targets.flash.elf import image, intel_hex, parts
from hil.targets.flash.interface import FlashJob

from tests.support.processes import WAIT_S
from tests.support.stand_ins import HANGS, StandIn
from tests.support.tools import tool
from tests.targets.flash.conftest import PROFILE, Built

Job = Callable[..., FlashJob]


@pytest.fixture
def job(platform: Platform, built: Built) -> Job:
    elf = built(platform).elf

    def make(probe: str | None = None, timeout_s: float = WAIT_S, **options: str) -> FlashJob:
        return FlashJob(elf, load(PROFILE), probe=probe, options=options, timeout_s=timeout_s)

    return make


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(tmp_path, monkeypatch, "writer")
    made.answers(((), "written\n", 0))
    return made


def test_steps_are_carried_out_in_order_with_their_values(job: Job, writer: StandIn) -> None:
    asked = job(
        probe="$(touch x); 'A' \"B\"",
        port="/dev/tty USB0",
        flash="writer --probe={probe} {elf} {port} '{part} {profile}'",
        verify="writer check {address} {size}",
        reset="writer reset {probe}",
    )

    said = CommandFlasher().flash(asked)

    whole = image(asked.elf)
    probe = "$(touch x); 'A' \"B\""
    assert said == "written\n" * 3
    assert writer.calls == [
        [f"--probe={probe}", str(asked.elf), "/dev/tty USB0", f"STM32L475VG {PROFILE}"],
        ["check", f"0x{whole.address:08x}", str(len(whole.data))],
        ["reset", probe],
    ]
    CommandFlasher().reset(asked)
    assert writer.calls[3:] == [["reset", probe]]


def test_files_of_other_forms_hold_the_firmware(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """objcopy reads the HEX file, and makes the same binary of the ELF file."""
    objcopy = tool("arm-none-eabi-objcopy")
    kept = f"{sys.executable} -c 'import shutil, sys; [shutil.copy(f, sys.argv[1]) for f in "
    asked = job(flash=kept + f"sys.argv[2:]]' {tmp_path} {{hex}} {{bin}}")

    CommandFlasher().flash(asked)

    for name, source in (("elf.bin", asked.elf), ("hex.bin", tmp_path / "firmware.hex")):
        form = [] if name == "elf.bin" else ["-I", "ihex"]
        command = [objcopy, *form, "-O", "binary", "--gap-fill=0xff", source, tmp_path / name]
        subprocess.run(command, check=True)
        theirs = (tmp_path / name).read_bytes()  # filled up to the end of an empty section
        ours = (tmp_path / "firmware.bin").read_bytes()
        assert len(ours) > 4000
        assert theirs.rstrip(b"\xff") == ours.rstrip(b"\xff")


def test_addresses_above_64_kib_are_in_the_hex_file(tmp_path: Path) -> None:
    objcopy = tool("arm-none-eabi-objcopy")
    data = tmp_path / "data.bin"
    data.write_bytes(bytes(range(256)) * 3)
    elf, back = tmp_path / "data.elf", tmp_path / "back.bin"
    command = [objcopy, "-I", "binary", "-O", "elf32-littlearm", data, tmp_path / "data.o"]
    subprocess.run(command, check=True)
    linker = tool("arm-none-eabi-ld")
    flags = ["-e", "0", "--section-start=.data=0x0800ff08", "-z", "max-page-size=4"]
    subprocess.run([linker, *flags, tmp_path / "data.o", "-o", elf], check=True)

    (tmp_path / "data.hex").write_text(intel_hex(elf))

    subprocess.run([objcopy, "-I", "ihex", "-O", "binary", tmp_path / "data.hex", back], check=True)
    assert back.read_bytes() == data.read_bytes()
    assert [part.address for part in parts(elf)] == [0x0800FF08]


@pytest.mark.parametrize(
    ("text", "code", "options", "words"),
    [
        ("no probe\n", 3, {}, "the command 'flash' failed (exit code 3): no probe"),
        ("ERROR: timeout\n", 0, {"fails": "ERROR.*"}, "(it printed 'ERROR: timeout')"),
        ("writing\n", HANGS, {}, "did not end within 1 s; its last words: writing"),
        ("writing\n", -9, {}, "was ended by signal SIGKILL"),
    ],
)
def test_what_the_tool_says_is_in_the_error(
    job: Job, writer: StandIn, text: str, code: int, options: dict[str, str], words: str
) -> None:
    writer.answers(((), text, code))
    limit = 1.0 if code == HANGS else WAIT_S

    with pytest.raises(FlashFailed) as caught:
        CommandFlasher().flash(job(flash="writer {elf}", timeout_s=limit, **options))

    assert words in str(caught.value)
    assert caught.value.hint


def test_a_failed_verification_ends_it_before_the_reset(job: Job, writer: StandIn) -> None:
    writer.answers((("check",), "differs at 0x8\n", 1), ((), "", 0))

    with pytest.raises(FlashFailed, match=r"'verify' failed \(exit code 1\): differs at 0x8"):
        CommandFlasher().flash(job(flash="writer", verify="writer check", reset="writer reset"))

    assert writer.calls == [[], ["check"]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs the option 'flash'"),
        ({"flash": "  "}, "needs the option 'flash'"),
        ({"flash": "writer 'x"}, "cannot split the option 'flash'"),
        ({"flash": "writer {elv}"}, "did you mean 'elf'?"),
        ({"flash": "writer", "reset": "writer {0}"}, "the option 'reset' has an unknown"),
        (
            {"flash": "writer", "verify": ""},
            "the option 'verify' of the flasher 'command' is empty",
        ),
        ({"flash": "writer", "fails": "("}, "not a regular expression"),
        ({"flash": "writer {probe}"}, "a command has {probe}"),
        ({"flash": "writer {port}"}, "a command has {port}"),
        ({"flush": "writer"}, "did you mean 'flash'?"),
    ],
)
def test_a_wrong_template_is_refused(
    job: Job, writer: StandIn, options: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        CommandFlasher().flash(job(**options))

    assert words in f"{caught.value} {caught.value.hint}"
    assert writer.calls == []


def test_what_is_no_elf_file_is_refused(job: Job, writer: StandIn, tmp_path: Path) -> None:
    text = tmp_path / "firmware.elf"
    text.write_text("no ELF file")
    with pytest.raises(UsageError, match="is not an ELF file"):
        CommandFlasher().flash(replace(job(flash="writer {bin}"), elf=text))


def test_a_board_without_a_command_to_reset_it(job: Job) -> None:
    with pytest.raises(UsageError, match="no command that resets the board"):
        CommandFlasher().reset(job(flash="writer"))


def test_the_tool(job: Job, writer: StandIn) -> None:
    writer.answers((("--version",), "writer 1.7\n", 0))
    assert CommandFlasher().tool(job(flash="writer", version="writer --version")) == "writer 1.7"
    assert CommandFlasher().tool(job(flash="writer {elf}")) == "writer"
    with pytest.raises(MissingTool, match="nosuch is not on the PATH"):
        CommandFlasher().tool(job(flash="nosuch {elf}"))
    assert json.dumps(CommandFlasher().findings()) == "[]"
