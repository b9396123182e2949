"""Builds that were killed, and caches that were damaged: no later build gets a wrong firmware."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hil.firmware import objects
from hil.records import EngineSources

from tests.firmware import dut
from tests.firmware.conftest import Build
from tests.support.processes import WAIT_S, Processes, wait_until

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from pathlib import Path
from hil.firmware.build import build
from tests.firmware import dut
sources = {"scale": dut.SCALE, "plain": dut.engine()}[sys.argv[2]]
options = dict(stack_bytes=4096, heap_bytes=0, baud=115200, cache=Path(sys.argv[1]))
print(build(sources, dut.M4F, **options).sha256)
"""
# A compiler that says when it compiles a model, and goes on when the file "go" appears.
SLOW = """#!/bin/sh
case "$*" in *generated/model.c*)
    {trap}
    touch {folder}/started
    while [ ! -e {folder}/go ]; do sleep 0.02; done;;
esac
exec {real} "$@"
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return a function that puts the slow compiler in front of PATH, and its folder."""
    folder = tmp_path / "slow"
    folder.mkdir()
    real = shutil.which("arm-none-eabi-gcc")

    def install(trap: str) -> Path:
        compiler = folder / "arm-none-eabi-gcc"
        compiler.write_text(SLOW.format(trap=trap, folder=folder, real=real))
        compiler.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder

    yield install
    (folder / "go").touch()


def start(processes: Processes, cache: Path, model: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-c", BUILD, cache, model)
    return processes.start(*command, stdout=subprocess.PIPE, cwd=ROOT)


def finished(process: subprocess.Popen[str]) -> str:
    text = process.communicate(timeout=WAIT_S)[0]
    assert process.returncode == 0
    return text.strip()


def is_locked(cache: Path) -> bool:
    (lock,) = (cache / "firmware" / "trees").glob("*.lock")
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_killed_build_takes_its_compilers_along(
    make: Build, slow: Callable[[str], Path], tmp_path: Path, processes: Processes
) -> None:
    folder = slow("")
    building = start(processes, tmp_path / "cache", "scale")
    wait_until((folder / "started").exists)
    building.kill()
    wait_until(lambda: not processes.living())
    assert not is_locked(tmp_path / "cache")


def test_a_compiler_that_outlives_its_build_keeps_the_lock(
    make: Build, slow: Callable[[str], Path], tmp_path: Path, processes: Processes
) -> None:
    """Its object may come after the sources of the next model, and must not become a part of it."""
    expected = make(dut.engine(), dut.M4F).sha256
    other = make(dut.SCALE, dut.M4F).sha256
    folder = slow("trap '' TERM")
    cache = tmp_path / "cache"
    building = start(processes, cache, "scale")
    wait_until((folder / "started").exists)
    building.kill()
    building.wait()
    assert processes.living("generated/model.c")
    assert is_locked(cache)
    following = start(processes, cache, "plain")
    wait_until(lambda: processes.living(str(cache), "plain") and is_locked(cache))
    (folder / "go").touch()
    assert finished(following) == expected
    assert finished(start(processes, cache, "scale")) == other
    assert finished(start(processes, cache, "plain")) == expected


def entry_of(cache: Path) -> Path:
    (entry,) = (cache / "firmware" / "elf").iterdir()
    return entry


def longer(value: Any) -> Any:
    """A value of the same type that differs."""
    if isinstance(value, dict):
        return {name: number + 1 for name, number in value.items()}
    return value + "x"


@pytest.mark.parametrize(
    "field", ["flash_by_owner", "ram_by_owner", "build_command", "compiler", "flags", "digest"]
)
def test_damaged_metadata_is_not_believed(field: str, make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = make(dut.SCALE, dut.M4F, cache=cache)
    path = first.elf.with_name("firmware.json")
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, field: longer(stored[field])}))
    again = make(dut.SCALE, dut.M4F, cache=cache)
    assert not again.cached
    assert (again.flash_by_owner, again.flags) == (first.flash_by_owner, first.flags)
    assert json.loads(path.read_text()) == stored
    assert make(dut.SCALE, dut.M4F, cache=cache).cached


@pytest.mark.parametrize("name", ["firmware.elf", "firmware.map"])
def test_a_damaged_file_of_an_entry_is_made_again(name: str, make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole = (make(dut.SCALE, dut.M4F, cache=cache).elf.with_name(name)).read_bytes()
    path = entry_of(cache) / name
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert not make(dut.SCALE, dut.M4F, cache=cache).cached
    assert path.read_bytes() == whole


def test_an_entry_under_another_key_is_not_believed(make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = make(dut.SCALE, dut.M4F, cache=cache)
    moved = entry_of(cache)
    second = make(dut.engine(), dut.M4F, cache=cache)
    shutil.rmtree(second.elf.parent)
    shutil.copytree(moved, second.elf.parent)
    again = make(dut.engine(), dut.M4F, cache=cache)
    assert again.sha256 == second.sha256 != first.sha256


def object_of(cache: Path, source: str) -> Path:
    (found,) = (cache / "firmware" / "trees").glob(f"*/build/**/{source}.obj")
    return found


def built_again(make: Build, cache: Path, sources: EngineSources) -> str:
    shutil.rmtree(cache / "firmware" / "elf")
    return make(sources, dut.M4F, cache=cache).sha256


@pytest.mark.parametrize("source", ["generated/model.c", "dut/main.c"])
@pytest.mark.parametrize("kept", [0, 100, -1])
def test_half_an_object_is_not_linked(source: str, kept: int, make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = make(dut.SCALE, dut.M4F, cache=cache).sha256
    broken = object_of(cache, source)
    broken.write_bytes(broken.read_bytes()[:kept])  # newer than its source
    assert built_again(make, cache, dut.SCALE) == expected


def test_the_object_of_another_model_is_not_linked(make: Build, tmp_path: Path) -> None:
    """As if a compiler had written it after the model's sources: newer, complete and wrong."""
    cache = tmp_path / "cache"
    expected = make(dut.engine(), dut.M4F, cache=cache).sha256
    foreign = object_of(cache, "generated/model.c").read_bytes()
    other = make(dut.SCALE, dut.M4F, cache=cache).sha256
    object_of(cache, "generated/model.c").write_bytes(foreign)
    assert built_again(make, cache, dut.SCALE) == other != expected


def test_objects_of_an_interrupted_build_are_not_known(make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = make(dut.SCALE, dut.M4F, cache=cache).sha256
    (tree,) = (cache / "firmware" / "trees").glob("*/")
    (tree / "objects.json").unlink()
    assert built_again(make, cache, dut.SCALE) == expected
    assert (tree / "objects.json").is_file()


def test_a_complete_elf_has_its_last_byte(make: Build, tmp_path: Path) -> None:
    whole = make(dut.SCALE, dut.M4F).elf.read_bytes()
    for size, complete in ((len(whole), True), (len(whole) - 1, False), (40, False), (0, False)):
        part = tmp_path / "part.elf"
        part.write_bytes(whole[:size])
        assert objects.is_complete(part) is complete, size
    assert objects.is_complete(Path(sys.executable).resolve())  # 64 bits


def test_a_configuration_that_was_interrupted_is_made_anew(make: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = make(dut.SCALE, dut.M4F, cache=cache).sha256
    (tree,) = (cache / "firmware" / "trees").glob("*/")
    (tree / "configuring").touch()
    (tree / "configured.cmake").unlink()
    rules = tree / "build" / "build.ninja"
    rules.write_text(rules.read_text().replace("-Os", "-O0"))
    assert built_again(make, cache, dut.SCALE) == expected
    assert not (tree / "configuring").exists()
