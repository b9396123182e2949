"""The key of a run changes with everything that decides its result, and with nothing else."""

from __future__ import annotations

import ast
import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hil.bench import toolset
from hil.bench.toolset import WITHOUT_EFFECT, code_with_effect, tools
from hil.sweep import Member, load, members
from hil.sweep.keys import sweep_key

from tests.support.hil import DIGITS, REPOSITORY

PACKAGE = REPOSITORY / "harness" / "hil"
STUDY = """
schema = 1
models = ["model.tflite"]
profiles = ["mine.toml"]
schemes = ["q8"]
[calibration]
samples = "samples.npz"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(DIGITS / "digits_float32.tflite", tmp_path / "model.tflite")
    shutil.copy(DIGITS / "digits_samples.npz", tmp_path / "samples.npz")
    shutil.copy(REPOSITORY / "device_profiles" / "stm32l4.toml", tmp_path / "mine.toml")
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def member(folder: Path) -> Member:
    (found,) = members(load(folder / "study.toml"))
    return found


SHARED = {"tools": "the same"}


def rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def append(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes() + content)

    return change


def other_samples(folder: Path) -> None:
    import numpy as np

    np.savez(folder / "samples.npz", x=np.zeros((4, 8, 8, 1), np.float32))


CHANGES: dict[str, Callable[[Path], None]] = {
    "model": append("model.tflite", b"\0" * 16),
    "calibration data": other_samples,
    "scheme": rewrite("study.toml", '"q8"', '"q16"'),
    "scheme's name": rewrite("study.toml", '"q8"', '{name = "small", scheme = "q8"}'),
    "q_format": rewrite("study.toml", '"q8"', '{scheme = "q8", q_format = "Q3.5"}'),
    "io": rewrite("study.toml", '"q8"', '{scheme = "q8", io = "float32"}'),
    "method": rewrite("study.toml", "samples.npz", 'samples.npz"\nmethod = "percentile:99'),
    "count": rewrite("study.toml", 'samples.npz"', 'samples.npz"\ncount = 10'),
    "clock": rewrite("study.toml", "mine.toml", "mine.toml@48MHz"),
    "wait states": rewrite("mine.toml", "[80_000_000, 4]", "[79_000_000, 4], [80_000_000, 5]"),
    "power": rewrite("mine.toml", "active_mw = 40.6", "active_mw = 41.6"),
    "optimize": rewrite("study.toml", "schema = 1", 'schema = 1\noptimize = ["-Os"]'),
    "memory model": rewrite("study.toml", "schema = 1", 'schema = 1\nmemory_model = "ideal"'),
    "inputs": append("study.toml", b'[inputs]\nspec = "random:1"\n'),
    "input samples": append("study.toml", b"[inputs]\nsamples = 2\n"),
    "repeat": append("study.toml", b"[inputs]\nrepeat = 2\n"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_key_changes_with(what: str, folder: Path) -> None:
    before = sweep_key(member(folder), SHARED)
    CHANGES[what](folder)
    if what == "wait states":
        rewrite("mine.toml", "wait_states = 4", "wait_states = 5")(folder)
    assert sweep_key(member(folder), SHARED) != before


def test_the_key_changes_with_the_tools(folder: Path) -> None:
    one = member(folder)
    assert sweep_key(one, SHARED) != sweep_key(one, {"tools": "others"})


def test_the_key_stays_where_only_words_and_times_change(folder: Path) -> None:
    before = sweep_key(member(folder), SHARED)
    rewrite("study.toml", "schema = 1", 'schema = 1\ntitle = "Other"\nbaseline = "q8"')(folder)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert sweep_key(member(folder), SHARED) == before
    moved = folder / "elsewhere"
    moved.mkdir()
    for name in ("model.tflite", "samples.npz", "mine.toml", "study.toml"):
        shutil.move(folder / name, moved / name)
    assert sweep_key(member(moved), SHARED) == before


def test_a_file_of_inputs_counts_by_its_content(folder: Path) -> None:
    append("study.toml", b'[inputs]\nspec = "samples.npz"\n')(folder)
    before = sweep_key(member(folder), SHARED)
    other_samples(folder)
    variant = member(folder).request.variant
    assert variant is not None
    unquantized = dataclasses.replace(
        member(folder), request=dataclasses.replace(member(folder).request, variant=None)
    )
    assert sweep_key(member(folder), SHARED) != before
    changed = sweep_key(unquantized, SHARED)
    shutil.copy(DIGITS / "digits_samples.npz", folder / "samples.npz")
    assert sweep_key(unquantized, SHARED) != changed


def test_tools_cover_compiler_emulator_firmware_and_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tools()
    assert before == tools()
    assert "gcc" in before["compiler"][1]
    assert before["target"][0] == "qemu"
    assert "QEMU" in before["target"][1]
    for name in ("device_profiles", "firmware_stubs", "reports"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    monkeypatch.setenv("HIL_DATA_DIR", str(tmp_path))
    assert tools() == before
    for part, file in (
        ("firmware_stubs", "firmware_stubs/dut/infer.c"),
        ("firmware_stubs", "firmware_stubs/emulation/hil_profiler.c"),
        ("validation", "reports/validation/cortex-m4.json"),
        ("published", "reports/published/mlperf_tiny.csv"),
    ):
        path = tmp_path / file
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        changed = tools()
        assert {key for key in before if changed[key] != before[key]} == {part}
        path.write_bytes(content)


#: What a run imports that only carries values, messages or files.
CARRIERS = {"children", "errors", "files", "forms", "resources", "settings"}


def imports_of(module: str) -> set[str]:
    """Modules of hil that a module imports, in functions too, but not for type checking only."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("hil.") and is_module(name)}


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def reached(start: str) -> set[str]:
    known, waiting = {start}, [start]
    while waiting:
        for name in imports_of(waiting.pop()) - known:
            known.add(name)
            waiting.append(name)
    return known


def test_every_part_that_a_run_uses_is_in_the_key() -> None:
    used = {name.split(".")[1] for name in reached("hil.bench.pipeline")}
    assert {"bench", "engines", "measure", "quantization", "records", "tflite"} <= used
    assert used & WITHOUT_EFFECT <= CARRIERS
    hashed = {path.stem for path in code_with_effect()}
    assert used - CARRIERS <= hashed
    assert {"targets", "firmware", "devices", "published"} <= hashed


def test_a_new_package_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of changes the key rather than leaving stale results in force."""
    package = tmp_path / "hil"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(toolset, "_PACKAGE", package)
    before = tools()["code"]
    (package / "cli" / "more.py").write_text("")
    assert tools()["code"] == before
    (package / "novelty").mkdir()
    (package / "novelty" / "__init__.py").write_text("")
    assert tools()["code"] != before
    shutil.rmtree(package / "novelty")
    (package / "engines" / "more.py").write_text("")
    assert tools()["code"] != before


def test_another_compiler_and_emulator_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tools()
    compiler = tmp_path / "other-gcc"
    compiler.write_text("#!/bin/sh\necho other-gcc 99.1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HIL_CC_PREFIX", "other-")
    changed = tools()
    assert {key for key in before if changed[key] != before[key]} == {"compiler"}


def test_every_process_makes_the_same_key(folder: Path) -> None:
    code = (
        "from pathlib import Path; from hil.sweep import load, members;"
        "from hil.bench.toolset import tools; from hil.sweep.keys import sweep_key;"
        f"(m,) = members(load(Path({str(folder / 'study.toml')!r}))); print(sweep_key(m, tools()))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
