"""TFLM itself: linked, run, checked, and lined up with aot. Skipped where there is no library."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil import devices
from hil.bench import pipeline
from hil.records import RunRecord
from hil.store import Store
from hil.targets.dut.answers import Rejected
from hil.targets.interface import Options
from hil.tflite.model import Model

from tests.conftest import MODELS
from tests.support.hil import DIGITS, hil
from tests.support.tflite_builder import ModelBuilder

INT8 = DIGITS / "digits_int8.tflite"
FLOAT32 = DIGITS / "digits_float32.tflite"
SAMPLES = DIGITS / "digits_samples.npz"


def run(tmp_path: Path, engine: str, model: Path, profile: str = "nucleo-l4r5zi") -> RunRecord:
    with Store.open(str(tmp_path / "hil.db")) as store:
        request = pipeline.Request(
            model=Model.read(model), profile=devices.load(profile), engine=engine
        )
        return pipeline.run(request, store)


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    return path


def test_check_links_and_runs_one_op(tflm: str) -> None:
    result = hil("engine", "check", tflm, "--json")
    assert result.code == 0, result
    assert result.envelope["status"] == "passed"
    assert result.envelope["data"]["engine"] == tflm
    assert [op["op"] for op in result.envelope["data"]["ops"]] == ["FULLY_CONNECTED"]


@pytest.mark.parametrize("model", [INT8, FLOAT32])
def test_a_run_lines_up_with_aots(tflm: str, model: Path, tmp_path: Path) -> None:
    theirs, ours = (run(tmp_path, engine, model) for engine in (tflm, "aot"))
    assert (theirs.status, ours.status) == ("passed", "passed"), theirs.errors
    assert theirs.engine == tflm
    assert theirs.provenance["inputs_sha256"] == ours.provenance["inputs_sha256"]
    assert [(op.index, op.op, op.name, op.macs) for op in theirs.ops] == [
        (op.index, op.op, op.name, op.macs) for op in ours.ops
    ]
    figures = {name: figure.value for name, figure in theirs.measurements.items()}
    cycles = sum(op.cycles for op in theirs.ops)
    assert 0.99 * figures["cycles"] <= cycles <= figures["cycles"]
    assert min(op.cycles for op in theirs.ops) > 0
    parts = figures["arena_persistent_bytes"] + figures["arena_nonpersistent_bytes"]
    assert parts <= figures["arena_bytes"] < 2 * parts + 1024
    assert 0 <= figures["arena_scratch_bytes"] <= figures["arena_nonpersistent_bytes"]
    assert figures["ram_bytes"] == sum(
        figures[f"{name}_bytes"] for name in ("arena", "static", "stack", "heap")
    )
    assert figures["heap_bytes"] == 0
    assert theirs.flash_by_owner["weights"] >= model.stat().st_size
    assert theirs.flash_by_owner["code"] > theirs.flash_by_owner["runtime"]
    assert theirs.plan is not None
    assert theirs.plan.arena_bytes == figures["arena_bytes"]
    assert theirs.provenance["engine_kind"] == "tflm"
    assert theirs.provenance["tflm_library_sha256"][:12] in theirs.provenance["engine_version"]
    assert any(row.name.startswith("tflite::") for row in theirs.functions)


def test_the_arena_is_the_smallest(tflm: str, tmp_path: Path) -> None:
    """The finished firmware starts with the arena that was found, and not with 16 bytes less."""
    request = pipeline.Request(model=Model.read(INT8), profile=devices.load("stm32l4"), engine=tflm)
    job = pipeline.fitted(pipeline.prepare(request))
    assert job.arena is not None
    assert boots(job)
    less = dataclasses.replace(job.arena, arena_bytes=job.arena.arena_bytes - 16)
    assert isinstance(job.engine, pipeline.SizedByRunning)
    sources = job.engine.sized(job.model, less)
    assert not boots(dataclasses.replace(job, sources=sources))


def boots(job: pipeline.Job) -> bool:
    try:
        with job.target.open(pipeline.build_firmware(job), job.platform, Options()) as session:
            return session.client.infer().elapsed_us >= 0
    except Rejected as error:
        if error.text != "model-init 3":  # AllocateTensors failed
            raise
        return False


def test_a_device_too_small_is_told_with_the_sizes(tflm: str, tmp_path: Path) -> None:
    shape = (1, 64, 64, 16)
    b = ModelBuilder()
    x = b.tensor(shape, "int8", scale=0.5)
    y = b.tensor(shape, "int8", scale=0.5)
    b.op("RELU", [x], [y])
    model = saved(tmp_path, b.build([x], [y]))
    result = hil("run", "-p", "stm32l4", "--engine", tflm, "--db", tmp_path / "d", model)
    result.refuses(3, "does not fit stm32l4", "of RAM (arena 13", "98,304 B")


def test_an_op_that_it_does_not_register(tflm: str, tmp_path: Path) -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "float32")
    y = b.tensor((1, 4), "float32")
    b.op("SIGN", [x], [y])
    model = saved(tmp_path, b.build([x], [y]))
    result = hil("run", "-p", "stm32l4", "--engine", tflm, "--db", tmp_path / "d", model)
    result.refuses(2, "op 0 (SIGN)", "does not register it")


def test_types_that_a_kernel_refuses_are_told_in_its_words(tflm: str, tmp_path: Path) -> None:
    model = MODELS / "kws_hybrid.tflite"
    if not model.is_file():
        pytest.skip(f"no reference models at {MODELS}")
    result = hil("run", "-p", "stm32l4", "--engine", tflm, "--db", tmp_path / "d", model)
    result.refuses(2, "the engine's library refuses the model", "Hybrid")


def test_int16_activations(tflm: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    b = ModelBuilder()
    x = b.tensor((1, 16), "int16", scale=0.001)
    w = b.tensor((8, 16), "int8", scale=0.01, data=rng.integers(-127, 128, (8, 16)))
    c = b.tensor((8,), "int64", scale=0.00001, data=rng.integers(-999, 999, 8))
    y = b.tensor((1, 8), "int16", scale=0.002)
    b.op("FULLY_CONNECTED", [x, w, c], [y])
    record = run(tmp_path, tflm, saved(tmp_path, b.build([x], [y])))
    assert record.status == "passed", record.errors
    assert record.check is not None
    assert record.check.exact


@pytest.mark.parametrize("scheme", ["int8", "int8-per-tensor", "int16x8", "q8"])
def test_variants_are_bit_equal_to_the_reference(tflm: str, scheme: str, tmp_path: Path) -> None:
    if scheme != "q8":
        pytest.importorskip("ai_edge_quantizer")
    result = hil(
        *("run", "-p", "stm32l4", "--engine", tflm, "--db", tmp_path / "d", "--json"),
        *("--quantize", scheme, "--calibration", SAMPLES, FLOAT32),
    )
    assert result.code == 0, result
    data = result.envelope["data"]
    assert (data["engine"], data["provenance"]["scheme"]) == (tflm, scheme)
    assert data["check"]["exact"]
    assert data["check"]["mismatches"] == 0


def test_accuracy_is_the_references_sample_by_sample(tflm: str, tmp_path: Path) -> None:
    command = ("accuracy", "-p", "stm32l4", "--engine", tflm, "--db", tmp_path / "d", "--json")
    result = hil(*command, "--data", SAMPLES, "--limit", "40", INT8)
    assert result.code == 0, result
    data = result.envelope["data"]
    assert (data["engine"], data["done"]) == (tflm, 40)
    assert data["accuracy"]["equal"] == data["accuracy"]["same_decision"] == 40
    again = hil(*command, "--data", SAMPLES, "--limit", "40", INT8)
    assert again.envelope["data"]["evaluation_id"] == data["evaluation_id"]


def test_a_study_of_two_engines(tflm: str, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        f"""schema = 1
models = ["{FLOAT32}"]
profiles = ["stm32l4"]
engines = ["aot", "{tflm}"]
schemes = ["q8", "q16"]
[calibration]
samples = "{SAMPLES}"
""",
        encoding="utf-8",
    )
    command = ("sweep", "--db", tmp_path / "d", "--json", study)
    result = hil(*command)
    assert result.code == 3, result
    runs = {(run["engine"], run["scheme"]): run for run in result.envelope["data"]["runs"]}
    passed = {kind for kind, run in runs.items() if run["status"] == "passed"}
    assert passed == {("aot", "q8"), ("aot", "q16"), (tflm, "q8")}
    assert "int16 weights" in runs[tflm, "q16"]["errors"][0]["message"]
    arena = {engine: runs[engine, "q8"]["measurements"]["arena_bytes"] for engine in ("aot", tflm)}
    assert arena[tflm]["value"] > arena["aot"]["value"]
    again = hil(*command).envelope["data"]["runs"]
    assert [run["resumed"] for run in again] == [run["status"] == "passed" for run in again]


@pytest.mark.parametrize("name", ["ad_int8", "kws_int8"])
def test_the_mlperf_tiny_models(tflm: str, name: str, tmp_path: Path) -> None:
    model = MODELS / f"{name}.tflite"
    if not model.is_file():
        pytest.skip(f"no reference models at {MODELS}")
    record: Any = run(tmp_path, tflm, model, "stm32l4")
    assert record.status == "passed", record.errors
    assert record.check.exact
    cycles = record.measurements["cycles"].value
    assert abs(sum(op.cycles for op in record.ops) / cycles - 1) < 0.01
