"""The build and its caches, with the real compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hil.errors import BuildFailed, DoesNotFit, MissingTool, UsageError
from hil.records import MemoryRegion, Platform

from tests.firmware import dut
from tests.firmware.conftest import Build
from tests.support.processes import WAIT_S, Processes

Fake = Callable[[str, str], None]


@pytest.fixture
def fake_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a shell script in front of PATH."""
    folder = tmp_path / "fakes"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


def test_the_second_build_starts_neither_cmake_nor_ninja(make: Build, fake_tool: Fake) -> None:
    first = make(dut.SCALE, dut.M4F)
    fake_tool("cmake", "exit 1")
    fake_tool("ninja", "exit 1")
    second = make(dut.SCALE, dut.M4F)
    assert second.cached
    assert (second.elf, second.sha256, second.flags) == (first.elf, first.sha256, first.flags)
    with pytest.raises(BuildFailed):  # the fakes do stand in the way of everything else
        make(dut.SCALE, dut.M4F, stack_bytes=5000)


def test_the_same_sources_give_the_same_elf_anywhere(make: Build, tmp_path: Path) -> None:
    other = make(dut.SCALE, dut.M4F, cache=tmp_path / "cache", keep=tmp_path / "kept")
    assert not other.cached
    assert other.sha256 == make(dut.SCALE, dut.M4F).sha256
    kept = tmp_path / "kept"
    (kept / "firmware.elf").unlink()
    subprocess.run(other.build_command, shell=True, check=True, stdout=subprocess.DEVNULL)
    again = (kept / "build" / "firmware.elf").read_bytes()
    assert again == other.elf.read_bytes()


def test_everything_that_matters_is_in_the_key(make: Build) -> None:
    variants = [
        make(dut.SCALE, dut.M4F),
        make(dut.SCALE, dut.M4F, optimize="-Os"),
        make(dut.SCALE, dut.M4F, stack_bytes=8192),
        make(dut.SCALE, dut.M4F, heap_bytes=64),
        make(dut.SCALE, dut.PLATFORMS["m4"]),
        make(dut.engine(), dut.M4F),
    ]
    assert len({variant.elf for variant in variants}) == len(variants)
    assert len({variant.sha256 for variant in variants}) == len(variants)


def test_a_damaged_entry_is_built_again(make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = make(dut.SCALE, dut.M4F, cache=cache)
    first.elf.with_name("firmware.json").write_text('{"sha256": ')
    assert not make(dut.SCALE, dut.M4F, cache=cache).cached
    first.elf.unlink()
    again = make(dut.SCALE, dut.M4F, cache=cache)
    assert again.sha256 == first.sha256
    assert again.elf.is_file()


def test_a_tree_that_was_left_in_pieces_is_made_anew(make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = make(dut.SCALE, dut.M4F, cache=cache)
    shutil.rmtree(cache / "firmware" / "elf")
    (build_dir,) = (cache / "firmware" / "trees").glob("*/build")
    (build_dir / "CMakeCache.txt").write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/nowhere\n")
    (build_dir.parent / "configured.cmake").unlink()
    assert make(dut.SCALE, dut.M4F, cache=cache).sha256 == first.sha256


def test_two_threads_of_two_models_at_once_each_get_their_own(make: Build, tmp_path: Path) -> None:
    models = {"a": dut.SCALE, "b": dut.engine(), "c": dut.SCALE}
    built: dict[str, str] = {}

    def run(name: str) -> None:
        built[name] = make(models[name], dut.M4F, cache=tmp_path / "cache").sha256

    threads = [threading.Thread(target=run, args=(name,)) for name in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built["a"] == built["c"] == make(dut.SCALE, dut.M4F).sha256
    assert built["b"] == make(dut.engine(), dut.M4F).sha256


def test_two_processes_build_the_same_at_once(tmp_path: Path, processes: Processes) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.firmware import dut;"
        "from hil.firmware.build import build;"
        "print(build(dut.SCALE, dut.M4F, stack_bytes=4096, heap_bytes=0, baud=115200,"
        "cache=Path(sys.argv[1])).sha256)"
    )
    command = (sys.executable, "-c", script, tmp_path / "cache")
    root = Path(__file__).parents[2]
    pair = [processes.start(*command, stdout=subprocess.PIPE, cwd=root) for _ in range(2)]
    hashes = {process.communicate(timeout=WAIT_S)[0] for process in pair}
    assert [process.returncode for process in pair] == [0, 0]
    assert len(hashes) == 1
    left = list((tmp_path / "cache" / "firmware" / "elf").iterdir())
    assert len(left) == 1


def small(flash: int = 4 * dut.MIB, ram: int = 4 * dut.MIB) -> Platform:
    return replace(dut.M4F, flash=MemoryRegion(0, flash), ram=MemoryRegion(dut.M4F.ram.origin, ram))


@pytest.mark.parametrize(
    ("platform", "region", "size"),
    [(small(flash=4096), "flash", 4096), (small(ram=5000), "RAM", 5000)],
)
def test_an_overflow_of_a_region_is_told_in_bytes(
    platform: Platform, region: str, size: int, make: Build
) -> None:
    firmware = make(dut.SCALE, dut.M4F)
    with pytest.raises(DoesNotFit) as caught:
        make(dut.SCALE, platform)
    message = caught.value.message
    assert f"B of {region} needed, {size:,} B there (" in message
    need = int(message.split(": ")[1].split(" B of")[0].replace(",", ""))
    owners = firmware.flash_by_owner if region == "flash" else firmware.ram_by_owner
    assert 0 <= need - sum(owners.values()) < 64  # alignment between sections


def test_what_the_compiler_said_is_in_the_error(make: Build, tmp_path: Path) -> None:
    broken = dut.engine(invoke="return nonsense_here;")
    with pytest.raises(BuildFailed, match="nonsense_here") as caught:
        make(broken, dut.M4F, keep=tmp_path / "kept")
    assert "[1/" not in caught.value.message
    assert "nonsense_here" in (tmp_path / "kept" / "generated" / "model.c").read_text()
    missing = dut.engine(outside="int elsewhere(void);", invoke="return elsewhere();")
    with pytest.raises(BuildFailed, match="undefined reference to `elsewhere'"):
        make(missing, dut.M4F)
    assert make(dut.engine(), dut.M4F)  # and the tree is usable afterwards


@pytest.mark.parametrize(
    ("tool", "package"),
    [
        ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
        ("cmake", "cmake"),
        ("ninja", "ninja-build"),
    ],
)
def test_a_missing_tool_is_named_with_its_package(
    tool: str, package: str, make: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in {"arm-none-eabi-gcc", "cmake", "ninja"} - {tool}:
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(MissingTool) as caught:
        make(dut.SCALE, dut.M4F, cache=tmp_path / "cache")
    assert f"'{tool}'" in caught.value.message
    assert f"sudo apt-get install {package}" in caught.value.hint


def test_another_compiler_prefix_is_taken_at_its_word(
    make: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_CC_PREFIX", "riscv99-none-elf-")
    with pytest.raises(MissingTool, match="'riscv99-none-elf-gcc'"):
        make(dut.SCALE, dut.M4F)


def test_a_cache_that_cannot_be_written_is_an_error_with_a_way_out(
    make: Build, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingTool, match="cannot be written: Not a directory") as caught:
        make(dut.SCALE, dut.M4F, cache=tmp_path / "file" / "cache")
    assert "HIL_CACHE_DIR" in caught.value.hint


def test_a_full_disk_during_the_build_is_told_as_such(
    make: Build, fake_tool: Fake, tmp_path: Path
) -> None:
    fake_tool("cmake", "echo 'as: model.o: No space left on device'; exit 1")
    with pytest.raises(MissingTool, match="No space left on device") as caught:
        make(dut.SCALE, dut.M4F, cache=tmp_path / "cache")
    assert "HIL_CACHE_DIR" in caught.value.hint


def test_a_keep_folder_that_cannot_be_made_is_the_users_mistake(
    make: Build, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to"):
        make(dut.SCALE, dut.M4F, keep=tmp_path / "file" / "kept")


@pytest.mark.parametrize("board", ["HIL_BOARD_NUCLEO_L4R5ZI", "HIL_BOARD_NUCLEO_L452RE"])
def test_the_other_boards_of_the_family_build(board: str, make: Build) -> None:
    plain = make(dut.SCALE, dut.L4)
    firmware = make(dut.SCALE, replace(dut.L4, machine="board", defines={board: "1"}))
    assert firmware.sha256 != plain.sha256
