"""Models with state on an emulated device: a sequence step by step, resets, and `hil run`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hil.bench.mlperf_build import check_model
from hil.engines.registry import engine
from hil.errors import UsageError
from hil.firmware.build import build
from hil.records import Array
from hil.targets import session as sessions
from hil.targets.interface import Options, Session
from hil.targets.qemu.emulator import probe
from hil.targets.qemu.machines import choose_platform, usable_machines
from hil.targets.qemu.target import QemuTarget
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.engines.test_lstm import lstm_int8
from tests.engines.test_svdf import svdf_int8
from tests.support.hil import hil
from tests.support.host_model import random_inputs
from tests.support.processes import WAIT_S
from tests.targets.conftest import chip_for
from tests.tflite.test_damaged import relu_model

STEPS = 20
SVDF = svdf_int8((1, 6, 4, 2, 5))
MODELS = {"svdf": SVDF, "lstm": lstm_int8((1, 3, 5, 4))}


@contextmanager
def device(
    content: bytes, qemu: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Session, Model]]:
    """A session on an emulated Cortex-M4 with the model's firmware."""
    monkeypatch.setenv("HIL_EMULATOR", str(qemu))
    model = Model.parse(content, "state")
    machine = "mps2-an386"
    platform = choose_platform(
        chip_for(machine), machine=machine, available=usable_machines(probe(qemu))
    )
    firmware = build(
        engine("aot").sources(model),
        platform,
        stack_bytes=4096,
        heap_bytes=0,
        baud=115200,
        cache=cache / "firmware",
    )
    with QemuTarget().open(firmware, platform, Options(timeout_s=WAIT_S)) as session:
        yield session, model


@pytest.mark.parametrize("name", MODELS)
def test_each_step_of_a_sequence_equals_the_reference(
    name: str, qemu: Path, session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device(MODELS[name], qemu, session_cache, monkeypatch) as (session, model):
        client, reference = session.client, Reference(model)
        assert client.info().state_bytes == sum(t.nbytes for t in model.graph.state_tensors)
        rng = np.random.default_rng(1)
        inputs = [random_inputs(model.graph, rng) for _ in range(STEPS)]
        for step in [*range(STEPS), *range(3)]:  # the second time after a reset
            if step == 0:
                client.reset()
            client.load(inputs[step], session.memory)
            client.infer()
            wanted = reference.run(inputs[step], continued=step > 0)
            assert client.outputs() == tuple(array.tobytes() for array in wanted)


def test_inferences_of_a_run_and_direct_ones_begin_with_no_memory(
    qemu: Path, session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with device(SVDF, qemu, session_cache, monkeypatch) as (session, model):
        reference, rng = Reference(model), np.random.default_rng(2)
        specs = [(tensor.shape, tensor.dtype) for tensor in model.graph.output_tensors]
        inputs = random_inputs(model.graph, rng)
        [wanted] = reference.run(inputs)
        [continued] = reference.run(inputs, continued=True)
        assert not np.array_equal(wanted, continued)
        found: list[Array] = []
        for _ in range(2):
            found += sessions.infer(session, inputs, specs)
        session.client.load(inputs, session.memory)
        session.client.infer()  # the second step
        assert session.client.outputs() == (continued.tobytes(),)
        for got in found:
            np.testing.assert_array_equal(got, wanted)


def test_run_passes_with_repeats(tmp_path: Path) -> None:
    model = tmp_path / "svdf.tflite"
    model.write_bytes(SVDF)
    arguments = ("-p", "stm32l4", "--json", "--db", tmp_path / "hil.db", "--repeat", 2, model)
    result = hil("run", *arguments)
    assert result.envelope["status"] == "passed", result.envelope["errors"]
    assert result.envelope["data"]["check"]["mismatches"] == 0
    assert result.envelope["data"]["check"]["max_abs_diff"] == 0


def test_a_model_without_state_has_no_trace_of_it() -> None:
    sources = engine("aot").sources(Model.parse(relu_model(), "relu"))
    assert sources.runtime_defines == ()
    assert "reset" not in sources.files["model.c"]


def test_mlperf_refuses_state() -> None:
    with pytest.raises(UsageError, match="between inferences"):
        check_model("kws01", Model.parse(SVDF, "svdf").graph)
