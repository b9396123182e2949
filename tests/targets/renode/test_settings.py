"""A real Renode and the profiler's command: what it refuses, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.errors import RunFailed
from hil.resources import data_dir
from hil.targets.renode.process import RenodeProcess
from hil.targets.renode.script import path, quoted

FOLDER = data_dir("firmware_stubs") / "emulation" / "renode"
WINDOW = "begin=0x100,end=0x104"
FLASH = f"{WINDOW},flash=0,flash_size=0x1000,read=16,line=16"
REFUSED = {
    f"{WINDOW},color=1": "unknown argument 'color=1'",
    f"{WINDOW},slots": "unknown argument 'slots'",
    "begin=0x100": "begin and end are required",
    f"{WINDOW},windows=some": "'some' is not a number of 32 bits",
    f"{WINDOW},windows=0x1ffffffff": "'0x1ffffffff' is not a number of 32 bits",
    f"{WINDOW},sled=0x200": "slots is out of range",
    f"{WINDOW},sled=0x200,slots=16385": "slots is out of range",
    f"{WINDOW},flash_size=4096,read=6,line=12": "read and line must be powers of two",
    f"{WINDOW},flash_size=4096,read=4,line=512": "read and line must be powers of two",
    f"{FLASH},replace=3": "replace, whole or unified is out of range",
    f"{FLASH},icache=100": "a cache's size, line and ways do not go together",
    f"{FLASH},icache=64,iways=3": "a cache's size, line and ways do not go together",
    f"{FLASH},icache=2097152": "a cache's size, line and ways do not go together",
}


@pytest.fixture(scope="module")
def process(renode: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RenodeProcess]:
    """A machine with nothing in it but the profiler."""
    folder = tmp_path_factory.mktemp("renode")
    sources = " ".join(path(source) for source in sorted(FOLDER.glob("*.cs")))

    def commands(port: int) -> list[str]:
        return [
            f"include {sources}",
            'mach create "chip"',
            f"machine LoadPlatformDescription {path(FOLDER / 'mps2-an386.repl')}",
            f'emulation CreateServerSocketTerminal {port} "uart-socket" false',
        ]

    with RenodeProcess(renode, commands, folder=folder, symbolize=lambda at: None) as running:
        yield running


@pytest.mark.parametrize("settings", REFUSED)
def test_wrong_settings_are_refused(process: RenodeProcess, tmp_path: Path, settings: str) -> None:
    record = tmp_path / "record.bin"
    with pytest.raises(RunFailed) as caught:
        process.ask(f'sysbus.cpu HilProfile "{settings}" {quoted(record)}')
    assert f"hil_profiler: {REFUSED[settings]}" in str(caught.value)
    assert not record.exists()


@pytest.mark.parametrize("record", ["/dev/full", "/nonexistent/record.bin"])
def test_a_record_that_cannot_be_written_is_said(process: RenodeProcess, record: str) -> None:
    with pytest.raises(RunFailed, match="hil_profiler: cannot write the record file: "):
        process.ask(f'sysbus.cpu HilProfile "{FLASH}" {quoted(Path(record))}')


def test_the_record_begins_with_its_magic(process: RenodeProcess, tmp_path: Path) -> None:
    record = tmp_path / "a folder with spaces" / "record.bin"
    record.parent.mkdir()
    assert process.ask(f'sysbus.cpu HilProfile "{FLASH}" {quoted(record)}') == []
    assert record.read_bytes() == b"HILPROF1"
