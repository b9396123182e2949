"""The profiler plugin in real QEMU: exact counts, and the reader of its records."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hil.errors import BuildFailed, LinkError, MissingTool
from hil.records import BlockProfile
from hil.targets import execution_record
from hil.targets.qemu import profiler

from tests.support.assembled import counted_program, run_in_qemu
from tests.support.processes import WAIT_S, Processes
from tests.support.tools import tool, unavailable

FIRST, SECOND = 1000, 2000


def emulators() -> list[str]:
    alternative = os.environ.get("HIL_QEMU_ALT")
    return ["qemu-system-arm"] + ([alternative] if alternative else [])


@pytest.fixture(params=emulators(), ids=lambda path: Path(path).parent.parent.parent.name or "qemu")
def qemu(request: pytest.FixtureRequest) -> str:
    return tool(request.param)


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))


def profiled(
    folder: Path, qemu: str, windows: int = 2, out: str = "profile.bin", **counts: int
) -> list[BlockProfile]:
    if not any(shutil.which(compiler) for compiler in ("cc", "gcc", "clang")):
        unavailable("no C compiler for this machine")
    sizes = {"first": FIRST, "second": SECOND, **counts}
    elf = counted_program(folder, **sizes)
    plugin = profiler.ensure_plugin(Path(qemu))
    record = folder / out
    run_in_qemu(qemu, elf, profiler.plugin_argument(plugin, elf, record, windows))
    return execution_record.read(record, n_ops=2)


def in_region(profile: BlockProfile, region: int) -> set[tuple[int, int, int]]:
    """(instruction bytes, executed, taken) of the region's blocks that ran more than twice."""
    rows = (profile.region == region) & (profile.executed > 2)
    size = profile.end[rows] - profile.start[rows]
    columns = (size.tolist(), profile.executed[rows].tolist(), profile.taken[rows].tolist())
    return set(zip(*columns, strict=True))


@pytest.mark.usefixtures("_own_cache")
def test_counts_are_exact(tmp_path: Path, qemu: str) -> None:
    first, second = profiled(tmp_path, qemu)
    # The first round of each loop runs at the end of the block before it (unless aligned apart).
    assert in_region(first, 0) == {(4, FIRST - 1, FIRST - 2)}
    halves = {(8, SECOND - 1, SECOND // 2), (6, SECOND // 2, SECOND // 2), (4, SECOND // 2, 999)}
    assert {row[1:] for row in in_region(first, 1)} == {row[1:] for row in halves}
    for name in ("start", "end", "region", "executed", "taken"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.instructions == second.instructions
    assert first.n_regions == 2
    assert set(first.region.tolist()) == {0, 1, 2}


@pytest.mark.usefixtures("_own_cache")
def test_another_qemu_counts_the_same(tmp_path: Path) -> None:
    alternative = os.environ.get("HIL_QEMU_ALT")
    if not alternative:
        pytest.skip("HIL_QEMU_ALT names no second QEMU")
    runs = [profiled(tmp_path, q)[0] for q in (tool("qemu-system-arm"), alternative)]
    for name in ("start", "end", "region", "executed", "taken"):
        assert np.array_equal(getattr(runs[0], name), getattr(runs[1], name)), name


@pytest.mark.usefixtures("_own_cache")
def test_only_the_first_windows_are_recorded(tmp_path: Path, qemu: str) -> None:
    assert len(profiled(tmp_path, qemu, windows=3, first=10)) == 2
    assert len(profiled(tmp_path, qemu, windows=1, first=10)) == 1


@pytest.mark.usefixtures("_own_cache")
def test_a_comma_in_the_path_is_no_option(tmp_path: Path, qemu: str) -> None:
    assert len(profiled(tmp_path, qemu, out="a,windows=1,b.bin", first=10)) == 2


@pytest.mark.usefixtures("_own_cache")
def test_one_region_without_a_sled(tmp_path: Path, qemu: str) -> None:
    from hil.firmware.elf import symbol_address

    elf = counted_program(tmp_path, FIRST, SECOND)
    record = tmp_path / "region.bin"
    begin, end = (symbol_address(elf, f"hil_infer_window_{n}") for n in ("begin", "end"))
    plugin = profiler.ensure_plugin(Path(qemu))
    run_in_qemu(qemu, elf, profiler.region_argument(plugin, record, begin, end, windows=1))
    (profile,) = execution_record.read(record, n_ops=1)
    assert set(profile.region.tolist()) == {0}
    # 2 a round of the first loop; 5 or 6 a round of the second; the rest is the marks'.
    assert 0 < profile.instructions - (2 * FIRST + 5 * SECOND + SECOND // 2) < 60


def test_a_record_cut_short_is_left_out(tmp_path: Path) -> None:
    whole = np.zeros(1, execution_record._HEADER)
    whole["magic"], whole["rows"] = execution_record._RECORD_MAGIC, 1
    rows = np.zeros(1, execution_record._ROW)
    rows["region"] = execution_record._BETWEEN
    data = b"HILPROF1" + whole.tobytes() + rows.tobytes() + whole.tobytes() + b"\0" * 7
    path = tmp_path / "cut.bin"
    path.write_bytes(data)
    (profile,) = execution_record.read(path, n_ops=5)
    assert profile.region.tolist() == [5]


@pytest.mark.parametrize("content", [b"", b"ELF", b"HILPROF1" + b"x" * 40])
def test_what_is_no_record_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(LinkError, match=r"bad\.bin"):
        execution_record.read(path, n_ops=1)


def test_counts_of_a_full_table_are_refused(tmp_path: Path) -> None:
    header = np.zeros(1, execution_record._HEADER)
    header["magic"], header["flags"] = execution_record._RECORD_MAGIC, 1
    path = tmp_path / "full.bin"
    path.write_bytes(b"HILPROF1" + header.tobytes())
    with pytest.raises(LinkError, match="more code blocks"):
        execution_record.read(path, n_ops=1)


@pytest.mark.usefixtures("_own_cache")
def test_no_compiler_is_a_missing_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="compiler") as caught:
        profiler.ensure_plugin(Path(sys.executable))
    assert "apt-get install gcc" in caught.value.hint


@pytest.mark.usefixtures("_own_cache")
def test_a_compiler_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "cc"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'no headers' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(BuildFailed, match="no headers"):
        profiler.ensure_plugin(Path(sys.executable))
    assert list((tmp_path / "cache" / "emulation").iterdir()) == []


@pytest.mark.usefixtures("_own_cache")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "cc"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\necho 'ld: final link failed: No space left on device' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(MissingTool, match="No space left") as caught:
        profiler.ensure_plugin(Path(sys.executable))
    assert "HIL_CACHE_DIR" in caught.value.hint


def test_a_cache_that_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(MissingTool, match="cache folder"):
        profiler.ensure_plugin(Path(sys.executable))


@pytest.mark.usefixtures("_own_cache")
def test_a_qemu_that_is_gone(tmp_path: Path) -> None:
    tool("cc")
    with pytest.raises(MissingTool, match="nowhere"):
        profiler.ensure_plugin(tmp_path / "nowhere")


@pytest.mark.usefixtures("_own_cache")
def test_a_qemu_without_plugins_is_refused() -> None:
    tool("cc")
    with pytest.raises(MissingTool, match="without TCG plugins"):
        profiler.ensure_plugin(Path("/bin/true"))


@pytest.mark.usefixtures("_own_cache")
def test_processes_that_build_at_once_agree(tmp_path: Path, processes: Processes) -> None:
    qemu = tool("qemu-system-arm")
    code = (
        "from pathlib import Path; from hil.targets.qemu.profiler import ensure_plugin;"
        f"print(ensure_plugin(Path({qemu!r})))"
    )
    jobs = [processes.start(sys.executable, "-c", code, stdout=subprocess.PIPE) for _ in range(3)]
    answers = {job.communicate(timeout=WAIT_S)[0] for job in jobs}
    assert len(answers) == 1
    plugin = Path(answers.pop().strip())
    assert plugin.is_file()
    assert plugin.is_relative_to(tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.tmp")) == []
