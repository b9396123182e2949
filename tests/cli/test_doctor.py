"""``hil doctor``: this machine as it is, and machines that lack something."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Finished

Hil = Callable[..., Finished]
NEEDED = ("arm-none-eabi-gcc", "cmake", "ninja", "qemu-system-arm", "cc")

needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in NEEDED),
    reason=f"needs {', '.join(NEEDED)}",
)


def checks(result: Finished) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in result.json["data"]["checks"]}


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH in which everything is there; tests remove or replace."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in (*NEEDED, "as", "ld", "sh"):
        found = shutil.which(tool)
        if found is not None:
            (folder / tool).symlink_to(found)
    return folder


@needs_tools
def test_all_is_well_here(hil: Hil, tools: Path) -> None:
    result = hil("doctor", "--json", PATH=str(tools))
    assert (result.code, result.json["status"], result.err) == (0, "ok", "")
    found = checks(result)
    assert {name for name, check in found.items() if check["state"] == "missing"} == set()
    assert found["Chromium"]["state"] == "warn"
    assert found["Chromium"]["install"] == "sudo apt-get install -y chromium"
    assert "mps2-an386" in found["QEMU machines"]["detail"]
    assert found["QEMU"]["version"][0].isdigit()
    assert Path(found["profiler plugin"]["detail"]).is_file()
    assert Path(found["C library"]["detail"]).name == "libc.a"


@needs_tools
@pytest.mark.parametrize(
    ("tool", "name", "package"),
    [
        ("arm-none-eabi-gcc", "ARM compiler", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("cmake", "cmake", "cmake"),
        ("ninja", "ninja", "ninja-build"),
        ("qemu-system-arm", "QEMU", "qemu-system-arm"),
        ("cc", "profiler plugin", "gcc libc6-dev"),
    ],
)
def test_a_missing_tool_exits_4_with_its_apt_command(
    hil: Hil, tools: Path, tool: str, name: str, package: str
) -> None:
    (tools / tool).unlink()
    result = hil("doctor", "--json", PATH=str(tools))
    assert (result.code, result.json["status"]) == (4, "error")
    assert checks(result)[name]["state"] == "missing"
    assert checks(result)[name]["install"] == f"sudo apt-get install -y {package}"
    assert len(result.json["errors"]) == 1, result.json["errors"]
    (error,) = result.json["errors"]
    assert error["message"].startswith(f"{name}: ")
    assert f"missing on this host: {name}" in result.err


@needs_tools
def test_a_compiler_without_its_c_library(hil: Hil, tools: Path) -> None:
    (tools / "arm-none-eabi-gcc").unlink()
    fake = tools / "arm-none-eabi-gcc"
    fake.write_text(
        '#!/bin/sh\ncase "$*" in *print-file-name*) echo libc.a;; *) echo "gcc 12.2.1";; esac\n'
    )
    fake.chmod(0o755)
    found = checks(hil("doctor", "--json", PATH=str(tools)))
    assert found["ARM compiler"]["state"] == "ok"
    assert found["C library"]["state"] == "missing"
    assert "libnewlib-arm-none-eabi" in found["C library"]["install"]


@needs_tools
def test_the_text_names_the_command(hil: Hil, tools: Path) -> None:
    (tools / "ninja").unlink()
    result = hil("doctor", PATH=str(tools))
    assert result.code == 4
    assert "ninja (needed):\n  sudo apt-get install -y ninja-build\n" in result.out
    assert "Chromium (optional):" in result.out


@needs_tools
def test_folders_and_databases_that_cannot_be_used(hil: Hil, tools: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "bad.db").write_text("no database" * 1_000)
    found = checks(
        hil(
            *("doctor", "--json", "--db", tmp_path / "bad.db"),
            PATH=str(tools),
            HIL_CACHE_DIR=str(tmp_path / "file" / "cache"),
        )
    )
    assert found["cache folder"]["state"] == "missing"
    assert "HIL_CACHE_DIR" in found["cache folder"]["install"]
    assert found["database"]["state"] == "missing"
    assert "is not a database" in found["database"]["detail"]


@needs_tools
def test_a_database_in_use_is_only_looked_at(hil: Hil, tools: Path, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "empty.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    found = checks(hil("doctor", "--json", "--db", "sqlite:///empty.db?timeout=0.1"))
    holder.close()
    assert found["database"]["state"] == "missing"
    assert "locked" in found["database"]["detail"]
