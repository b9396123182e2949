"""`hil accuracy --scheduler` on a real scheduler with real workers."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.records import Evaluation, SampleResult
from hil.store import Store

from tests.support.dask_cluster import DaskCluster, dask_cluster
from tests.support.hil import DIGITS, REPOSITORY, Result, hil, hil_process
from tests.support.processes import WAIT_S

SAMPLES = DIGITS / "digits_samples.npz"
MODEL = DIGITS / "digits_int8.tflite"


@pytest.fixture
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


def stored(path: Path) -> tuple[Evaluation, tuple[SampleResult, ...]]:
    with Store.open(str(path)) as store:
        (found,) = store.evaluations.find()
        return found, store.evaluations.samples(found.evaluation_id)


def test_samples_on_workers_give_the_local_results(dask: DaskCluster, tmp_path: Path) -> None:
    for _ in range(2):
        dask.worker()
    wanted = ("accuracy", "-p", "stm32l4", "--data", SAMPLES, "--limit", "30")

    def there(*more: str) -> Result:
        given = ("--scheduler", dask.address, "--json", "--db", tmp_path / "there.db", *more)
        env = {"HIL_SCHEDULER_WAIT_S": str(WAIT_S)}
        return hil_process(*wanted, *given, MODEL, env=env)

    done = there()
    assert done.code == 0, done
    here = hil(*wanted, "--json", "--db", tmp_path / "here.db", MODEL)
    assert here.code == 0, here
    (one, samples), (other, expected) = stored(tmp_path / "there.db"), stored(tmp_path / "here.db")
    assert len(samples) == 30
    assert [dataclasses.astuple(s) for s in samples] == [dataclasses.astuple(s) for s in expected]
    assert (one.key, one.accuracy, one.status) == (other.key, other.accuracy, "passed")
    again = there()
    assert again.envelope["data"]["evaluation_id"] == one.evaluation_id


def test_a_device_that_fails_on_a_worker_names_its_sample(
    dask: DaskCluster, tmp_path: Path
) -> None:
    for name in ("device_profiles", "firmware_stubs", "reports"):
        shutil.copytree(REPOSITORY / name, tmp_path / "data" / name)
    source = tmp_path / "data" / "firmware_stubs" / "dut" / "infer.c"
    invoke = "    status = hil_model_invoke();\n"
    assert invoke in source.read_text()
    fault = "    static int inferences;\n    if (++inferences == 2) hil_provoke_fault();\n"
    source.write_text(source.read_text().replace(invoke, invoke + fault))
    env = {"HIL_SCHEDULER_WAIT_S": str(WAIT_S), "HIL_DATA_DIR": str(tmp_path / "data")}
    dask.worker(env=env)
    given = ("--scheduler", dask.address, "--db", tmp_path / "there.db", "--limit", "12")
    failed = hil_process("accuracy", "-p", "stm32l4", "--data", SAMPLES, *given, MODEL, env=env)
    failed.refuses(3, "sample 1: HardFault on the device in hil_provoke_fault")
    evaluation, samples = stored(tmp_path / "there.db")
    assert evaluation.status == "failed"
    assert [one.sample for one in samples] == [0]


def test_devices_at_a_time_are_the_workers(tmp_path: Path) -> None:
    given = ("--scheduler", "tcp://127.0.0.1:1", "--jobs", "2", "--db", tmp_path / "a.db")
    result = hil("accuracy", "-p", "stm32l4", "--data", SAMPLES, *given, MODEL)
    result.refuses(2, "--jobs has no effect")
