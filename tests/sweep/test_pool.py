"""Workers in real processes: answers, deaths, ends."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from hil.execution import pool
from hil.execution.interface import Answer, Message

from tests.support.hil import REPOSITORY
from tests.support.processes import Processes, is_living, wait_until


def start() -> dict[str, int]:
    return {"pid": os.getpid(), "session": os.getsid(0)}


def work(state: dict[str, int], task: Any, tell: Any) -> Any:
    match task:
        case ("square", number):
            tell(f"squaring {number}")
            return number * number
        case ("die", how):
            os.kill(os.getpid(), how)
            signal.pause()
        case ("wait", folder):
            (Path(folder) / f"started-{os.getpid()}").touch()
            try:
                signal.pause()
            except KeyboardInterrupt:
                (Path(folder) / f"unwound-{os.getpid()}").touch()
                raise
    return state


def answers(tasks: list[Any], jobs: int) -> list[Answer]:
    said = pool.carry_out(tasks, jobs, start, work)
    return sorted((m for m in said if isinstance(m, Answer)), key=lambda a: a.index)


def test_every_task_is_answered_and_progress_is_told() -> None:
    said = list(pool.carry_out([("square", n) for n in range(5)], 2, start, work))
    values = {m.index: m.value for m in said if isinstance(m, Answer)}
    assert values == {n: n * n for n in range(5)}
    told = {m.index: m.text for m in said if isinstance(m, Message)}
    assert told == {n: f"squaring {n}" for n in range(5)}


def test_work_is_shared_by_processes_in_sessions_of_their_own() -> None:
    states = [answer.value for answer in answers([("state",)] * 1 + [("state",)], 1)]
    assert states[0] == states[1]
    assert states[0]["pid"] == states[0]["session"] != os.getpid()


def test_no_tasks_start_no_worker() -> None:
    assert answers([], 4) == []


def test_a_worker_that_dies_takes_only_its_own_task() -> None:
    tasks = [("square", 1), ("die", signal.SIGKILL), ("square", 3), ("square", 4)]
    got = answers(tasks, 2)
    assert [answer.index for answer in got] == [0, 1, 2, 3]
    assert got[1].died == "signal SIGKILL"
    assert [got[i].value for i in (0, 2, 3)] == [1, 9, 16]


def test_closing_ends_the_workers_and_lets_them_unwind(tmp_path: Path) -> None:
    said = pool.carry_out([("square", 2), ("wait", str(tmp_path))], 2, start, work)
    while not isinstance(next(said), Answer):
        pass
    wait_until(lambda: list(tmp_path.glob("started-*")))
    said.close()
    (started,) = tmp_path.glob("started-*")
    assert (tmp_path / started.name.replace("started", "unwound")).exists()
    assert not is_living(int(started.name.partition("-")[2]))


def test_a_worker_whose_parent_was_killed_unwinds(tmp_path: Path, processes: Processes) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "from tests.sweep.test_pool import pool, start, work\n"
        "if __name__ == '__main__':\n"
        f"    list(pool.carry_out([('wait', {str(tmp_path)!r})], 1, start, work))\n"
    )
    parent = processes.start(
        *(sys.executable, script), env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )
    wait_until(lambda: list(tmp_path.glob("started-*")))
    parent.kill()
    wait_until(lambda: list(tmp_path.glob("unwound-*")))
    parent.wait()
    wait_until(lambda: processes.living() == [])
