"""Child processes: none is left, whatever ends the parent's wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hil import children

FAMILY = "sleep 600 & echo $!; wait"  # a shell with a child of its own, whose id it prints


def gone(pid: int) -> bool:
    """Whether a process has ended: nothing is left of it, or a zombie that init has to collect."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return text.rsplit(")", 1)[1].split()[0] == "Z"


def test_a_tool_runs_to_its_end() -> None:
    done = children.run(["sh", "-c", "cat; echo wrong >&2; exit 3"], text="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "in\n", "wrong\n")


def test_both_streams_go_to_a_log(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        done = children.run(["sh", "-c", "echo out; echo err >&2"], log=log)
    assert (done.returncode, done.stdout) == (0, None)
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_a_tool_that_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError):
        children.run(["/nowhere/tool"])


def test_a_tool_that_takes_too_long_is_ended() -> None:
    before = set(children._running)  # workers that other tests left to the end of the process
    with pytest.raises(subprocess.TimeoutExpired):
        children.run(["sleep", "600"], timeout_s=0.1)
    assert children._running == before


def test_an_ended_child_was_waited_for_with_its_child() -> None:
    child = children.start(["sh", "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    grandchild = int(child.stdout.readline())
    children.end(child)
    assert child.returncode == -signal.SIGKILL
    assert gone(grandchild)
    assert not Path(f"/proc/{child.pid}").exists()
    assert child.stdout.closed
    children.end(child)  # once more does nothing


def test_a_grandchild_in_a_process_group_of_its_own_is_ended() -> None:
    """As Ninja's compilers are."""
    script = "import subprocess as s; p = s.Popen(['sleep', '600'], process_group=0);"
    script += "print(p.pid, flush=True); p.wait()"
    child = children.start([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    grandchild = int(child.stdout.readline())
    assert os.getpgid(grandchild) != os.getpgid(child.pid)
    children.end(child)
    assert gone(grandchild)


def test_a_child_whose_parent_ended_before_it_began_does_nothing(tmp_path: Path) -> None:
    command = ["sh", "-c", children._UNLESS_ORPHANED, "1", "touch", str(tmp_path / "ran")]
    assert subprocess.run(command).returncode == 127
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_end_of_a_block(number: signal.Signals) -> None:
    order: list[str] = []

    def handler(*_: object) -> None:
        order.append("interrupt")

    before = signal.signal(number, handler)
    try:
        with children.uninterrupted():
            os.kill(os.getpid(), number)
            order.append("block")
        assert order == ["block", "interrupt"]
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with children.uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_holds_nothing_back() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with children.uninterrupted():
                pass
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == []


_PARENT = """
import subprocess, sys
from hil import children
command = ["sh", "-c", "sleep 600 & echo $! > $0.tmp; mv $0.tmp $0; wait", sys.argv[1]]
{act}
"""


@pytest.mark.parametrize(
    "act",
    [
        "children.run(command)",
        "children.start(command).wait()",  # nobody ends it: the interpreter's exit does
    ],
)
def test_after_an_interrupt_no_process_is_left(tmp_path: Path, act: str) -> None:
    note = tmp_path / "pid"
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(act=act), str(note)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as parent:
        deadline = time.monotonic() + 60
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        parent.send_signal(signal.SIGINT)
        _, stderr = parent.communicate(timeout=60)
    assert b"KeyboardInterrupt" in stderr
    assert gone(int(note.read_text()))


def test_a_killed_parent_takes_its_child_along(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    act = "command[2] = 'echo $$ > $0.tmp; mv $0.tmp $0; exec sleep 600'\n"
    act += "children.start(command, die_with_parent=True).wait()"
    with subprocess.Popen([sys.executable, "-c", _PARENT.format(act=act), str(note)]) as parent:
        deadline = time.monotonic() + 60
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        parent.kill()
    deadline = time.monotonic() + 60
    while not gone(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(int(note.read_text()))


@pytest.mark.parametrize(
    ("code", "text"), [(3, "exit code 3"), (-11, "signal SIGSEGV"), (-1000, "signal 1000")]
)
def test_how_a_process_ended(code: int, text: str) -> None:
    assert children.how_it_ended(code) == text
