"""Atomic writes, and locks between real processes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hil import files

HOLD = """
import sys
from pathlib import Path
from hil import files
try:
    print("waiting", flush=True)
    with files.locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def holder(lock: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # nothing is read ahead: select() sees what is left
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_a_written_file_has_the_content_and_the_usual_permissions(tmp_path: Path) -> None:
    os.umask(mask := os.umask(0o022))
    files.write_text(tmp_path / "a", "x\r\ny\n")
    files.write_json(tmp_path / "b", {"é": 1}, indent=1)
    assert (tmp_path / "a").read_bytes() == b"x\r\ny\n"
    assert json.loads((tmp_path / "b").read_text(encoding="utf-8")) == {"é": 1}
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_after_an_exception_the_old_content_stays(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    with pytest.raises(error):
        _fail_in_file(tmp_path / "file", error)
    with pytest.raises(error):
        _fail_in_folder(tmp_path / "folder", error)
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert os.listdir(tmp_path / "folder") == ["old"]


def _fail_in_file(path: Path, error: type[BaseException]) -> None:
    with files.replacing(path) as new:
        new.write_text("half")
        raise error


def _fail_in_folder(path: Path, error: type[BaseException]) -> None:
    with files.replacing_folder(path) as new:
        (new / "half").touch()
        raise error


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with files.replacing_folder(tmp_path / "deep" / "entry") as new:
            (new / name).touch()
    assert os.listdir(tmp_path / "deep") == ["entry"]
    assert os.listdir(tmp_path / "deep" / "entry") == ["two"]


def test_a_folder_that_is_missing_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.write_bytes(tmp_path / "nowhere" / "file", b"")


def test_the_lock_excludes_another_process_until_it_ends(tmp_path: Path) -> None:
    lock = tmp_path / "deep" / "x.lock"
    with holder(lock) as first, holder(lock) as second:
        assert (line(first), line(second)) == ("waiting", "waiting")
        (winner,) = _with_output(first, second)
        loser = second if winner is first else first
        assert line(winner) == "held"
        assert _with_output(loser, wait_s=0.2) == []
        winner.kill()  # the operating system releases what a killed process held
        assert line(loser) == "held"
        loser.communicate(b"\n")
        assert loser.returncode == 0


def _with_output(
    *processes: subprocess.Popen[bytes], wait_s: float | None = None
) -> list[subprocess.Popen[bytes]]:
    """Wait for a line of one of them; which have one to read."""
    by_stream = {process.stdout: process for process in processes if process.stdout}
    ready, _, _ = select.select(list(by_stream), [], [], wait_s)
    return [by_stream[stream] for stream in ready]


def test_an_interrupt_ends_the_wait(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    with files.locked(lock), holder(lock) as waiting:
        assert line(waiting) == "waiting"
        waiting.send_signal(signal.SIGINT)
        assert line(waiting) == "interrupted"
        waiting.communicate()


def test_a_lock_lasts_as_long_as_the_last_process_that_inherited_it(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    with files.locked_with_children(lock) as descriptor:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    with holder(lock) as waiting, child:
        assert line(waiting) == "waiting"
        assert _with_output(waiting, wait_s=0.2) == []
        child.communicate(b"")
        assert line(waiting) == "held"
        waiting.communicate(b"\n")


LEAVE = """
import os, signal, sys
from pathlib import Path
from hil import files
folder = Path(sys.argv[1])
with files.replacing(folder / "file"), files.replacing_folder(folder / "folder"):
    with files.temporary_folder("test") as temporary:
        (temporary / "x").touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    subprocess.run([sys.executable, "-c", LEAVE, str(tmp_path)], check=False)
    left = sorted(os.listdir(tmp_path))
    assert [name[:5] for name in left] == [".hil-", ".new-", "hil.t"]
    (tmp_path / ".hil-notes.tmp").touch()  # a name that hil does not give
    age(tmp_path)
    with files.temporary_folder("test") as ours, files.replacing(tmp_path / "file"):
        age(tmp_path)
        with files.temporary_folder("other"), files.replacing_folder(tmp_path / "folder"):
            names = set(os.listdir(tmp_path))
        assert ours.is_dir()
    assert not names & set(left)
    assert sorted(os.listdir(tmp_path)) == [".hil-notes.tmp", "file", "folder"]


def age(folder: Path) -> None:
    long_ago = time.time() - 3600
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))


def test_what_is_new_or_another_users_stays(tmp_path: Path) -> None:
    (tmp_path / f".new-{'0' * 16}").mkdir()
    files.write_text(tmp_path / "x", "")
    with files.replacing_folder(tmp_path / "folder"):
        pass
    assert sorted(os.listdir(tmp_path)) == [f".new-{'0' * 16}", "folder", "x"]


def test_sweep_removes_the_least_recently_used_but_none_in_use(tmp_path: Path) -> None:
    long_ago = time.time() - 7200
    for age, name in enumerate(("new", "old", "older", "oldest")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (long_ago - age, long_ago - age))
    (tmp_path / "file.lock").touch()
    os.utime(tmp_path / "new")
    files.sweep(tmp_path, keep=2)
    assert sorted(os.listdir(tmp_path)) == ["file.lock", "new", "old"]
    files.sweep(tmp_path, keep=0)
    assert sorted(os.listdir(tmp_path)) == ["file.lock", "new"]
