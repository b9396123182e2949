"""The engine up to the link line, with a library of our own in TFLM's place."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hil.engines.ctext import float_literal
from hil.engines.interface import SizedByRunning
from hil.engines.registry import engine, family_of, names
from hil.engines.tflm import installed
from hil.engines.tflm.codegen import planned_tensors
from hil.engines.tflm.engine import TflmEngine
from hil.engines.tflm.family import TflmFamily
from hil.engines.tflm.library import inspect
from hil.engines.tflm.one_op import IN, OUT, one_op_model
from hil.errors import StoreError, UnsupportedModel, UsageError
from hil.records import ArenaUse
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference

from tests.support.tflite_builder import ModelBuilder
from tests.tflm import fakes

USE = ArenaUse(640, 600, 400, 200, 64, (16,), (48,))


@pytest.fixture
def entry(tmp_path: Path) -> installed.Installed:
    library = fakes.library(tmp_path / "lib")
    return inspect("tflm-x", library, [fakes.headers(tmp_path / "include")], "cortex-m4")


def chain(*ops: str) -> bytes:
    """A model whose ops follow one another on one int8 tensor shape."""
    b = ModelBuilder()
    first = last = b.tensor((1, 4), "int8", scale=0.5)
    for op in ops:
        out = b.tensor((1, 4), "int8", scale=0.5)
        inputs = [last]
        if op == "FULLY_CONNECTED":
            inputs.append(b.tensor((4, 4), "int8", scale=0.1, data=np.ones((4, 4), np.int8)))
        b.op(op, inputs, [out])
        last = out
    return b.build([first], [last])


def unescaped(text: str) -> bytes:
    """The bytes that the string literals of a generated C file stand for."""
    return b"".join(
        ast.literal_eval("b" + literal) for literal in re.findall(r'^    ("[^"]*")$', text, re.M)
    )


def test_the_generated_files_hold_model_resolver_and_tables(entry: installed.Installed) -> None:
    model = chain("FULLY_CONNECTED", "FULLY_CONNECTED")
    parsed = Model.parse(model, "chain")
    found = TflmEngine(entry).sized(parsed, USE)
    data, text = found.files["model_data.c"], found.files["model.cc"]
    assert unescaped(data) == model
    assert f"hil_tflm_model[{len(model)}]" in data
    assert 'section(".hil_weights"), aligned(16)' in data
    assert text.count("made->AddFullyConnected()") == 1
    assert "MicroMutableOpResolver<1>" in text
    assert "AddConv2D" not in text
    assert "hil_arena_memory[640]" in text
    half = float_literal(0.5)
    assert f"{{hil_arena_memory + 16, 4u, HIL_INT8, {half}, 0}}" in text
    assert f"{{hil_arena_memory + 48, 4u, HIL_INT8, {half}, 0}}" in text
    assert 'hil_engine_name[] = "tflm-x"' in text
    assert f'hil_model_id[] = "{parsed.sha256[:16]}"' in text
    assert "hil_op_count = 2;" in text
    assert (found.plan.arena_bytes, found.weights_bytes, found.op_count) == (640, len(model), 2)


def test_the_firmware_that_searches_is_another_one(entry: installed.Installed) -> None:
    model = chain("FULLY_CONNECTED")
    parsed = Model.parse(model, "chain")
    engine = TflmEngine(entry)
    search, final = engine.searching(parsed, 4096), engine.sized(parsed, USE)
    assert search.runtime_defines == ("HIL_ARENA_SEARCH",)
    assert final.runtime_defines == ()
    assert [name for name in search.kernels if "search" in name]
    assert not [name for name in final.kernels if "search" in name]
    assert "hil_arena_memory[4096]" in search.files["model.cc"]
    assert final.external is not None
    assert final.external.library == entry.library
    assert "TF_LITE_STATIC_MEMORY" in final.external.defines
    assert entry.library_sha256 in final.external.sha256
    assert isinstance(engine, SizedByRunning)


def test_planned_tensors_are_those_without_data() -> None:
    graph = parse_model(chain("FULLY_CONNECTED", "RELU"), "chain")
    assert planned_tensors(graph) == 3


def test_an_op_that_tflm_does_not_register_is_refused_by_name(entry: installed.Installed) -> None:
    model = chain("FULLY_CONNECTED", "TANH")
    with pytest.raises(UnsupportedModel, match=r"op 1 \(TANH\).*does not register it") as caught:
        TflmEngine(entry).sources(Model.parse(model, "chain"))
    assert caught.value.hint


@pytest.mark.parametrize("scheme", ["q16", "int16x8"])
def test_int16_weights_are_refused_and_int16_activations_are_not(
    entry: installed.Installed, scheme: str
) -> None:
    weights = np.ones((4, 4), np.int16 if scheme == "q16" else np.int8)
    b = ModelBuilder()
    x = b.tensor((1, 4), "int16", scale=2**-8)
    w = b.tensor((4, 4), str(weights.dtype), scale=2**-4, data=weights)
    y = b.tensor((1, 4), "int16", scale=2**-8)
    b.op("FULLY_CONNECTED", [x, w], [y])
    model = b.build([x], [y])
    if scheme == "int16x8":
        assert TflmEngine(entry).sources(Model.parse(model, "m")).op_count == 1
        return
    with pytest.raises(
        UnsupportedModel, match=r"op 0 \(FULLY_CONNECTED\).*int16 weights"
    ) as caught:
        TflmEngine(entry).sources(Model.parse(model, "m"))
    assert "int16x8" in caught.value.hint


def test_an_op_whose_kernel_the_library_lacks(entry: installed.Installed) -> None:
    model = chain("RELU")
    with pytest.raises(UnsupportedModel, match=r"op 0 \(RELU\).*has no Register_RELU"):
        TflmEngine(entry).sources(Model.parse(model, "chain"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e.library.write_bytes(e.library.read_bytes() + b"\n"), "library.*changed since"),
        (lambda e: e.library.unlink(), "is missing"),
        (
            lambda e: (e.include_dirs[0] / "tensorflow/lite/micro/x.h").write_text("new"),
            "headers.*changed since",
        ),
    ],
)
def test_what_changed_since_it_was_added(
    change: object, words: str, entry: installed.Installed
) -> None:
    change(entry)  # type: ignore[operator]
    model = chain("FULLY_CONNECTED")
    with pytest.raises(UsageError, match=words) as caught:
        TflmEngine(entry).sources(Model.parse(model, "chain"))
    assert "add it again" in caught.value.hint


def test_the_one_op_model_runs_in_the_reference() -> None:
    model = one_op_model()
    assert Model.parse(model.content, "one").graph.macs == model.graph.macs == IN * OUT
    outputs = {
        Reference(model).run([np.full((1, IN), value, np.int8)])[0].tobytes()
        for value in (-128, 0, 127)
    }
    assert len(outputs) == 3
    assert all(len(output) == OUT for output in outputs)


# --- the file of added engines ---


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "engines.json"


def test_added_engines_are_found_by_name(state: Path, entry: installed.Installed) -> None:
    assert installed.load() == {}
    assert installed.add(entry) is False
    assert installed.add(entry) is True
    assert installed.load() == {"tflm-x": entry}
    assert "tflm-x" in names()
    found = engine("tflm-x")
    assert (found.name, isinstance(found, TflmEngine)) == ("tflm-x", True)
    assert entry.library_sha256[:12] in found.version
    assert (found.title, found.role) == ("TFLite Micro with its reference kernels", "baseline")
    assert isinstance(family_of("tflm-x"), TflmFamily)
    family_of("tflm-x").remove("tflm-x")
    with pytest.raises(UsageError, match="no engine 'tflm-x'"):
        engine("tflm-x")
    with pytest.raises(UsageError, match="no engine 'tflm-x' was added"):
        family_of("tflm-x")


def test_a_saved_file_of_schema_1_is_read(state: Path) -> None:
    """What is stored is an API: this text was written by the first version."""
    state.parent.mkdir()
    state.write_text(
        """{"schema": 1, "engines": [{"name": "old", "kind": "tflm", "core": "cortex-m4f",
        "float_abi": "hard", "library": "/opt/lib.a", "library_sha256": "ab", "library_bytes": 5,
        "include_dirs": ["/opt/tflm"], "headers_sha256": "cd", "defines": ["X"],
        "schema_version": 3, "flatbuffers_version": "25.9.23", "kernels": "reference",
        "compiler": "GCC", "functions": ["Register_ADD"],
        "added_at": "2026-11-21T09:00:00+00:00"}]}"""
    )
    old = installed.load()["old"]
    assert (old.library, old.functions) == (Path("/opt/lib.a"), ("Register_ADD",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 1}', "is damaged"),
        ('{"schema": 1, "engines": [{"name": "x"}]}', "is damaged"),
        ('{"schema": 2, "engines": []}', "written by a newer hil"),
    ],
)
def test_files_that_cannot_be_used(text: str, message: str, state: Path) -> None:
    state.parent.mkdir()
    state.write_text(text)
    with pytest.raises(StoreError, match=message) as caught:
        installed.load()
    assert caught.value.hint


def test_a_failed_change_leaves_the_file_as_it_was(state: Path, entry: installed.Installed) -> None:
    installed.add(entry)
    before = state.read_text()
    with pytest.raises(ZeroDivisionError):
        _clear_and_fail()
    assert state.read_text() == before
    assert json.loads(before)["schema"] == installed.SCHEMA


def _clear_and_fail() -> None:
    with installed._changed() as engines:
        engines.clear()
        raise ZeroDivisionError
