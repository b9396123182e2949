"""`hil sweep --scheduler` on a real scheduler with real workers."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hil.errors import MissingTool
from hil.execution.cluster import Cluster, Task
from hil.execution.interface import Answer, Message
from hil.records import RunRecord
from hil.store import Store
from hil.sweep.cluster import _open_shared

from tests.support.dask_cluster import DaskCluster, dask_cluster
from tests.support.hil import DIGITS, HIL, REPOSITORY, Result, hil, hil_process
from tests.support.processes import WAIT_S, Processes, is_living, wait_until
from tests.support.tools import wrapped_qemu

STUDY = """
schema = 1
models = ["digits_float32.tflite"]
profiles = ["stm32l4", "sparkfun-edge"]
schemes = ["float32", "q8"]
[calibration]
samples = "samples.npz"
count = 20
[inputs]
samples = 1
"""
WAITS_LONG = {"HIL_SCHEDULER_WAIT_S": str(WAIT_S)}
OF_THE_MACHINE = {"stage_s", "firmware_cached", "target_command", "build_command"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(DIGITS / "digits_float32.tflite", tmp_path)
    shutil.copy(DIGITS / "digits_samples.npz", tmp_path / "samples.npz")
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler without workers."""
    with dask_cluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


def sweep(folder: Path, dask: DaskCluster, *arguments: str | Path, **env: str) -> Result:
    return hil_process(
        *("sweep", "study.toml", "--db", "cluster.db", "--scheduler", dask.address),
        *arguments,
        cwd=folder,
        env={**WAITS_LONG, **env},
    )


def runs(url: str | Path) -> list[RunRecord]:
    with Store.open(str(url)) as store:
        return store.load([run.run_id for run in store.find()])


def facts(run: RunRecord) -> dict[str, Any]:
    """What must not depend on where the run was carried out."""
    return {
        "measurements": dict(run.measurements),
        "ops": run.ops,
        "check": run.check,
        "model": run.model,
        "notes": run.notes,
        "errors": run.errors,
        "profile": run.profile,
        **{name: fact for name, fact in run.provenance.items() if name not in OF_THE_MACHINE},
    }


def by_key(found: list[RunRecord]) -> dict[str, dict[str, Any]]:
    by = {str(run.provenance["sweep_key"]): facts(run) for run in found}
    assert len(by) == len(found), "a result is stored twice"
    return by


def test_runs_of_workers_equal_local_ones(folder: Path, dask: DaskCluster, db_url: str) -> None:
    dask.worker(env={"HIL_DB": "of-another.db"})
    dask.worker()
    done = sweep(folder, dask, "--json", "--db", db_url, "--label", "rev 1")
    assert done.code == 0, done
    assert done.stderr == ""
    here = hil("sweep", "study.toml", "--db", "local.db", "--json", "--label", "rev 1", cwd=folder)
    assert here.code == 0, here
    there = runs(db_url)
    assert len(there) == 4
    assert by_key(there) == by_key(runs(folder / "local.db"))
    assert [r["label"] for r in done.envelope["data"]["runs"]] == [
        r["label"] for r in here.envelope["data"]["runs"]
    ]
    assert {r["run_id"] for r in done.envelope["data"]["runs"]} == {run.run_id for run in there}
    with Store.open(db_url) as store, Store.open(str(folder / "local.db")) as local:
        assert {v.sha256 for v in store.variants.find()} == {
            v.sha256 for v in local.variants.find()
        }
    again = sweep(folder, dask, "--json", "--db", db_url)
    assert all(run["resumed"] for run in again.envelope["data"]["runs"])


def test_runs_of_a_worker_that_is_killed_go_to_the_other(
    folder: Path, dask: DaskCluster, processes: Processes
) -> None:
    (folder / "study.toml").write_text(
        STUDY.replace('"sparkfun-edge"]', '"sparkfun-edge"]\noptimize = ["-O2", "-O3", "-Os"]')
    )
    victim = dask.worker()
    process = processes.start(
        *(HIL, "sweep", "study.toml", "--db", "cluster.db", "--scheduler", dask.address),
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **WAITS_LONG},
    )
    database = folder / "cluster.db"
    wait_until(lambda: process.poll() is not None or (database.exists() and stored(database) > 1))
    assert process.poll() is None, process.communicate()
    dask.worker()
    victim.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=WAIT_S * 2)
    assert process.returncode == 0, errors
    assert len(by_key(runs(database))) == 12
    assert {run.status for run in runs(database)} == {"passed"}


def stored(database: Path) -> int:
    with Store.open(str(database)) as store:
        return len(store.find())


def test_runs_go_to_workers_that_offer_what_they_need(
    folder: Path, dask: DaskCluster, tmp_path: Path
) -> None:
    (folder / "study.toml").write_text(
        STUDY + '[[require]]\nprofile = "*"\nresources = { "board:mine" = 1 }\n'
    )
    dask.worker(resources="board:mine=1 renode=1")
    for name in ("cache-1", "cache-2"):
        dask.worker(resources="board:other=1", env={"HIL_CACHE_DIR": str(tmp_path / name)})
    done = sweep(folder, dask)
    assert done.code == 0, done
    assert list(tmp_path.glob("cache-*/variants/*")) == []
    assert list(tmp_path.glob("cache-*/firmware/*")) == []


def test_a_resource_that_no_worker_offers_is_named(folder: Path, dask: DaskCluster) -> None:
    text = STUDY + '[[require]]\nscheme = "q8"\nresources = { "board:mine" = 1 }\n'
    (folder / "study.toml").write_text(text)
    none = sweep(folder, dask, HIL_SCHEDULER_WAIT_S="0.1")
    none.refuses(4, "has no workers, for 0.1 s", "dask worker")
    dask.worker(resources="board:mine=0.5")
    few = sweep(folder, dask, "--json", HIL_SCHEDULER_WAIT_S="20")
    few.refuses(4, "offers board:mine=1, for 20 s")
    assert few.envelope["errors"][0]["message"].startswith("no worker of tcp://")


def test_workers_of_other_versions_are_refused(folder: Path, dask: DaskCluster) -> None:
    other = folder / "other-gcc"
    other.write_text("#!/bin/sh\necho other-gcc 99.1\n")
    other.chmod(0o755)
    dask.worker(env={"HIL_CC_PREFIX": f"{folder}/other-"})
    refused = sweep(folder, dask)
    refused.refuses(4, "the worker tcp://127.0.0.1:", "compiler", "99.1", "(here ")
    assert runs(folder / "cluster.db") == []


def test_a_worker_whose_tool_is_missing_is_refused(folder: Path, dask: DaskCluster) -> None:
    dask.worker(env={"HIL_CC_PREFIX": "none-"})
    sweep(folder, dask).refuses(4, "the worker tcp://127.0.0.1:", "missing", "none-gcc")


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("tcp://127.0.0.1:1", 4, "no scheduler answers at tcp://127.0.0.1:1"),
        ("localhost:8786", 2, "write tcp://HOST:8786"),
        ("ftp://127.0.0.1:1", 2, "invalid address of a scheduler"),
        ("tcp://127.0.0.1:port", 2, "cannot connect to a scheduler"),
        ("tls://127.0.0.1:1", 2, "needs certificates"),
    ],
)
def test_a_scheduler_that_is_not_there(folder: Path, address: str, code: int, words: str) -> None:
    result = hil_process("sweep", "study.toml", "--scheduler", address, cwd=folder)
    result.refuses(code, words)


def test_the_number_of_jobs_is_the_workers(folder: Path) -> None:
    given = ("--scheduler", "tcp://127.0.0.1:1", "--jobs", "2")
    hil("sweep", "study.toml", *given, cwd=folder).refuses(2, "--jobs has no effect")


def test_without_dask_the_option_names_the_extra(folder: Path) -> None:
    (folder / "distributed.py").write_text("raise ImportError('No module named distributed')")
    env = {"PYTHONPATH": str(folder)}
    hil_process("sweep", "study.toml", "--only", "float32/stm32l4", "--dry-run", env=env)
    result = hil_process("sweep", "study.toml", "--scheduler", "tcp://h:1", cwd=folder, env=env)
    result.refuses(4, "pip install 'hil[cluster]'")


def test_ctrl_c_cancels_what_the_workers_do(
    folder: Path, dask: DaskCluster, processes: Processes
) -> None:
    slow = wrapped_qemu(folder, 'set -- "$@" -icount shift=10,align=on')
    dask.worker(env={"HIL_EMULATOR": str(slow)})
    process = processes.start(
        *(HIL, "sweep", "study.toml", "--db", "c.db", "--scheduler", dask.address),
        *("--emulator", slow),
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **WAITS_LONG},
    )
    found: list[int] = []

    def at_work() -> bool:
        found[:] = emulators(folder)
        return bool(found) or process.poll() is not None

    wait_until(at_work)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, errors
    assert "0 of 4 runs are done and stored" in errors
    assert "Traceback" not in errors
    wait_until(lambda: not any(map(is_living, found)) and not emulators(folder))
    assert runs(folder / "c.db") == []


def emulators(folder: Path) -> list[int]:
    """Emulators of workers, which run the executable of the test's folder."""
    from tests.support.processes import MARK, command_of, marked

    mine = marked(os.environ[MARK])
    return [pid for pid in mine if "icount" in command_of(pid) and "qemu" in command_of(pid)]


def start() -> int:
    return os.getppid()


def work(worker: int, task: bytes, report: Any) -> Any:
    report("began")
    if task == b"wait":
        signal.pause()
    if task == b"kill":
        os.kill(worker, signal.SIGKILL)
        signal.pause()
    if task == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def test_a_task_that_kills_its_workers_is_one_failure(dask: DaskCluster) -> None:
    for _ in range(2):
        dask.worker(nanny=True, env={"PYTHONPATH": str(REPOSITORY)})
    tasks = [Task(word) for word in (b"1", b"kill", b"die", b"4", b"5", b"6")]
    with Cluster(dask.address, WAIT_S, print) as cluster:
        cluster.require([task.needs for task in tasks], [None])
        said = list(cluster.carry_out(tasks, {}, start, work))
    answers = {m.index: m for m in said if isinstance(m, Answer)}
    counted = Counter(m.index for m in said if isinstance(m, Answer))
    assert counted == dict.fromkeys(range(6), 1)
    assert {i: a.value for i, a in answers.items() if not a.died} == {
        0: b"1",
        **{n - 1: str(n).encode() for n in (4, 5, 6)},
    }
    assert answers[1].died.startswith("each worker that it was given to, last tcp://127.0.0.1:")
    assert answers[2].died.startswith("signal SIGKILL on tcp://127.0.0.1:")
    assert any(isinstance(m, Message) and m.text == "began" for m in said)


def test_a_task_that_the_scheduler_forgets_is_sent_again(dask: DaskCluster) -> None:
    from distributed import Client, Future

    for _ in range(2):
        dask.worker(env={"PYTHONPATH": str(REPOSITORY)})
    with Client(dask.address) as other, Cluster(dask.address, WAIT_S, print) as cluster:
        cluster.require([{}], [None])
        forgotten, answers = 0, []
        for said in cluster.carry_out([Task(b"wait"), Task(b"1")], {}, start, work):
            if isinstance(said, Answer):
                answers.append(said)
            elif said.index == 0:
                keys = other.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
                key = next(key for key in keys if "-0-" in str(key))
                other.cancel([Future(key, other)], force=True)
                forgotten += 1
    assert forgotten == 3
    assert [a.value for a in answers if a.index == 1] == [b"1"]
    assert [a.died for a in answers if a.index == 0] == ["cancelled by the scheduler 3 times"]


def test_a_worker_that_comes_later_is_compared_too(dask: DaskCluster, tmp_path: Path) -> None:
    other = tmp_path / "other-gcc"
    other.write_text("#!/bin/sh\necho other-gcc 99.1\n")
    other.chmod(0o755)
    code = {"PYTHONPATH": str(REPOSITORY)}
    first = dask.worker(env=code)
    with Cluster(dask.address, WAIT_S, print) as cluster:
        cluster.require([{}], [None])
        first.kill()
        first.wait()
        dask.worker(env={**code, "HIL_CC_PREFIX": f"{tmp_path}/other-"})
        with pytest.raises(MissingTool, match=r"the worker tcp://.* compiler .*99\.1"):
            list(cluster.carry_out([Task(b"1")], {}, start, work))


def test_a_scheduler_that_ends_is_an_error(dask: DaskCluster) -> None:
    dask.worker(env={"PYTHONPATH": str(REPOSITORY)})
    with Cluster(dask.address, WAIT_S, print) as cluster:
        cluster.require([{}], [None])
        said = cluster.carry_out([Task(b"wait")], {}, start, work)
        assert isinstance(next(said), Message)
        dask.scheduler.kill()
        with pytest.raises(MissingTool, match=r"the connection to the scheduler tcp://.* is lost"):
            list(said)


def test_a_folder_that_a_worker_cannot_write_is_named(dask: DaskCluster, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    dask.worker(env={"PYTHONPATH": str(REPOSITORY), "HIL_CACHE_DIR": str(tmp_path / "file")})
    content = b"some content"
    with Cluster(dask.address, WAIT_S, print) as cluster:
        cluster.require([{}], [None])
        contents = {hashlib.sha256(content).hexdigest(): content}
        with pytest.raises(MissingTool, match=r"the worker tcp://.* cannot write below .*file"):
            list(cluster.carry_out([Task(b"1")], contents, start, work))


def test_workers_store_in_the_clients_database_alone(postgresql: Any, tmp_path: Path) -> None:
    with postgresql.database() as mine, postgresql.database() as another:
        with Store.open(postgresql.url(mine)) as store:
            identity = store.server_identity()
        same = _open_shared(postgresql.url(mine), identity)
        assert same is not None
        same.close()
        assert _open_shared(postgresql.url(another), identity) is None
        assert _open_shared("postgresql://127.0.0.1:1/none", identity) is None
    with Store.open(str(tmp_path / "hil.db")) as store:
        assert store.server_identity() == ""
    assert _open_shared(None, "") is None


def test_a_scheduler_without_hil_is_an_error_of_each_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "hil.py").write_text("raise ImportError('no hil here')")
    with dask_cluster(tmp_path, env={"PYTHONPATH": str(tmp_path / "bare")}) as dask:
        dask.worker(env={"PYTHONPATH": ""})
        done = sweep(folder, dask)
    done.refuses(3, "is hil installed where the scheduler runs?")
