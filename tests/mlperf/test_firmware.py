"""The firmware of a task: what arrives becomes the input, and the answer is the runner's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

import numpy as np
import pytest
from hil import devices, mlperf_tasks
from hil.bench import pipeline
from hil.errors import UsageError
from hil.evaluation.evaluate import open_device
from hil.records import Array
from hil.targets.dut.answers import Rejected
from hil.targets.interface import Session
from hil.tflite.graph import Tensor
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model

from tests.support.mlperf_models import sent_data, task_model


def request(model: Model, model_id: str | None, target: str = "host") -> pipeline.Request:
    machine = "mps2-an386" if target == "qemu" else None
    return pipeline.Request(
        model,
        devices.load("stm32l4"),
        target=target,
        machine=machine,
        mlperf=model_id,
        load="protocol",
    )


@contextmanager
def running(model: Model, model_id: str | None, target: str = "host") -> Iterator[Session]:
    job = pipeline.prepare(request(model, model_id, target))
    with open_device(job, pipeline.build_firmware(job)) as session:
        yield session


def reals(model_id: str, data: bytes) -> Array:
    task = mlperf_tasks.find(model_id)
    kind = np.dtype("<f4" if task.data == "float32" else task.data)
    return task.scale * (np.frombuffer(data, kind).astype(np.float64) - task.zero_point)


def as_input(tensor: Tensor, real: Array) -> Array:
    if tensor.quantization is None:
        return real.astype(np.float32).reshape(tensor.shape)
    scale, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zero_point[0])
    ratio = real / scale
    rounded = np.sign(ratio) * np.floor(np.abs(ratio) + 0.5)
    return np.clip(rounded + zero, -128, 127).astype(np.int8).reshape(tensor.shape)


@pytest.mark.parametrize("target", ["host", "qemu"])
@pytest.mark.parametrize("model_id", ["kws01", "ic01", "vww01", "ad01"])
def test_the_runners_data_gives_the_references_output(model_id: str, target: str) -> None:
    model, data = Model.parse(task_model(model_id), "m"), sent_data(model_id)
    with running(model, model_id, target) as session:
        assert session.client.model_id() == model_id
        assert session.client.info().model == model.sha256[:16]
        assert session.client.send(data, 26) == 0
        answer = session.client.infer(1, 0)
        [raw] = session.client.outputs()
    _check(model, model_id, data, answer.results, raw)


@pytest.mark.parametrize("model_id", ["kws01", "ic01", "ad01"])
def test_float_models_take_what_the_numbers_mean(model_id: str) -> None:
    model, data = Model.parse(task_model(model_id, "float32"), "m"), sent_data(model_id)
    with running(model, model_id) as session:
        session.client.send(data)
        answer = session.client.infer(1, 0)
        [raw] = session.client.outputs()
    _check(model, model_id, data, answer.results, raw)


def _check(
    model: Model, model_id: str, data: bytes, results: tuple[float, ...], raw: bytes
) -> None:
    given, made = model.graph.input_tensors[0], model.graph.output_tensors[0]
    [expected] = reference_for(model).run((as_input(given, reals(model_id, data)),))
    got = np.frombuffer(raw, made.dtype)
    assert len(np.unique(got)) > 1
    if made.quantization is None:
        np.testing.assert_allclose(got, expected.reshape(-1), rtol=1e-4, atol=1e-3)
        real = got.astype(np.float64)
    else:
        np.testing.assert_array_equal(got, expected.reshape(-1))
        zero = int(made.quantization.zero_point[0])
        real = float(made.quantization.scale[0]) * (got.astype(np.float64) - zero)
    if mlperf_tasks.find(model_id).scored:
        real = np.array([np.mean((real - reals(model_id, data)) ** 2)])
    np.testing.assert_allclose(results, real, rtol=1e-5, atol=6e-4)


def test_a_load_is_as_long_as_the_tasks_data_and_checked_as_it_arrived() -> None:
    model, data = Model.parse(task_model("ad01"), "m"), sent_data("ad01")
    with running(model, "ad01") as session:
        with pytest.raises(Rejected, match="db-size expected 2560"):
            session.client._command("db load 640", 5)
        session.client.send(data)
        assert session.client._ask("hil-crc", lambda lines: lines[0]) == (
            f"m-hil-crc-[2560,{crc32(data):08x}]"
        )
        printed = session.client._ask("db print", list)
        assert sum(len(line) - len("m-buffer-") for line in printed) == 2 * 640
        with pytest.raises(Rejected, match="unknown-command hil-infer"):
            session.client._command("hil-infer 640", 5)


def test_without_the_option_the_id_is_the_models_hash() -> None:
    model = Model.parse(task_model("kws01"), "m")
    with running(model, None) as session:
        assert session.client.model_id() == model.sha256[:16]


@pytest.mark.parametrize(
    ("model_id", "of", "words"),
    [
        ("kws01", "ic01", "its input has 3,072 elements"),
        ("sww01", "kws01", "streams audio"),
        ("kws1", "kws01", "no benchmark 'kws1'"),
    ],
)
def test_a_model_of_another_task_is_refused(model_id: str, of: str, words: str) -> None:
    model = Model.parse(task_model(of), "m")
    with pytest.raises(UsageError, match=words) as raised:
        pipeline.prepare(request(model, model_id))
    assert raised.value.hint


def test_a_firmware_built_after_a_tasks_in_the_same_tree_has_nothing_of_it() -> None:
    model = Model.parse(task_model("kws01", seed=3), "m")
    for model_id in ("kws01", None):
        with running(model, model_id) as session:
            assert session.client.model_id() == (model_id or model.sha256[:16])
