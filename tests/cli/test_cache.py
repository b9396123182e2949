"""`hil cache`: what is in the cache, what is damaged, what can go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hil import files

from tests.firmware import dut
from tests.firmware.conftest import Build, make
from tests.support.hil import hil

__all__ = ["make"]


@pytest.fixture
def cache(make: Build, tmp_path: Path) -> Path:
    make(dut.SCALE, dut.M4F, cache=tmp_path)
    make(dut.engine(), dut.M4F, cache=tmp_path)
    return tmp_path


def entries(cache: Path, kind: str) -> list[Path]:
    return [path for path in (cache / "firmware" / kind).iterdir() if path.is_dir()]


def kinds(cache: Path) -> dict[str, int]:
    listed = hil("cache", "list", "--cache-dir", cache, "--json").envelope["data"]["kinds"]
    return {one["kind"]: one["entries"] for one in listed}


def test_what_is_listed(cache: Path) -> None:
    assert kinds(cache) == {"firmware": 2, "compiled kernels": 1, "quantized model": 0}
    shown = hil("cache", "list", "--cache-dir", cache).stdout
    assert str(cache) in shown
    assert "0.0 days" in shown


def test_a_cache_that_is_not_there(tmp_path: Path) -> None:
    assert set(kinds(tmp_path / "none").values()) == {0}
    assert hil("cache", "verify", "--cache-dir", tmp_path / "none").code == 0
    assert hil("cache", "clean", "--cache-dir", tmp_path / "none").code == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["firmware.elf", "firmware.map", "firmware.json"])
def test_a_damaged_entry_is_found_and_removed(name: str, cache: Path) -> None:
    assert "2 entries verified, 0 damaged" in hil("cache", "verify", "--cache-dir", cache).stdout
    damaged = sorted(entries(cache, "elf"))[0]
    content = (damaged / name).read_bytes()
    (damaged / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    result = hil("cache", "verify", "--cache-dir", cache, "--json")
    result.refuses(4, "1 entries of the cache are damaged", "--remove")
    assert [one["path"] for one in result.envelope["data"]["damaged"]] == [str(damaged)]
    assert hil("cache", "verify", "--remove", "--cache-dir", cache).code == 0
    assert not damaged.exists()
    assert kinds(cache)["firmware"] == 1


def test_only_what_is_old_is_removed(cache: Path) -> None:
    old = sorted(entries(cache, "elf"))[0]
    long_ago = time.time() - 10 * 86_400
    os.utime(old, (long_ago, long_ago))
    result = hil("cache", "clean", "--older", 7, "--cache-dir", cache, "--json")
    assert result.envelope["data"]["removed"] == 1
    assert not old.exists()
    assert kinds(cache) == {"firmware": 1, "compiled kernels": 1, "quantized model": 0}
    hil("cache", "clean", "--cache-dir", cache)
    assert set(kinds(cache).values()) == {0}


def test_a_tree_in_use_stays(cache: Path) -> None:
    (tree,) = entries(cache, "trees")
    with files.locked_with_children(tree.with_name(tree.name + ".lock")):
        hil("cache", "clean", "--cache-dir", cache)
        assert tree.is_dir()
    hil("cache", "clean", "--cache-dir", cache)
    assert not tree.exists()


def test_firmware_is_built_again_after_all_was_removed(cache: Path, make: Build) -> None:
    hil("cache", "clean", "--cache-dir", cache)
    assert not make(dut.SCALE, dut.M4F, cache=cache).cached
    assert make(dut.SCALE, dut.M4F, cache=cache).cached
