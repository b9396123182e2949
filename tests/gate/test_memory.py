"""``hil memory``: TFLM's arena on this computer, and the aot engine's plan."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hil.engines.tflm import host as tflm_host
from hil.errors import MissingTool, RunFailed
from hil.tflite.model import Model

from tests.conftest import MODELS
from tests.support.hil import DIGITS, hil
from tests.support.tflite_builder import ModelBuilder

INT8 = DIGITS / "digits_int8.tflite"
HAVE = importlib.util.find_spec("tflite_micro") is not None
needs_wheel = pytest.mark.skipif(
    not HAVE and not os.environ.get("CI"), reason="the wheel tflite-micro is not installed here"
)
PRINTED = """\
[RecordingMicroAllocator] Arena allocation total 3984 bytes
[RecordingMicroAllocator] Arena allocation head 768 bytes
[RecordingMicroAllocator] Arena allocation tail 3216 bytes
[RecordingMicroAllocator] 'TfLiteEvalTensor data' used 744 bytes with alignment overhead \
(requested 740 bytes for 31 allocations)
[RecordingMicroAllocator] 'NodeAndRegistration struct' used 640 bytes with alignment overhead \
(requested 640 bytes for 10 NodeAndRegistration structs)
"""


def test_what_tflm_prints_is_understood() -> None:
    found = tflm_host.parse(PRINTED, "0.dev1")
    assert (found.total_bytes, found.nonpersistent_bytes, found.persistent_bytes) == (
        3984,
        768,
        3216,
    )
    assert found.parts == (
        tflm_host.Part("TfLiteEvalTensor data", 744, 31),
        tflm_host.Part("NodeAndRegistration struct", 640, 10),
    )


def test_no_figure_has_the_name_of_a_devices() -> None:
    figures = tflm_host.parse(PRINTED, "0.dev1").figures
    assert all(name.startswith("host64_") and figures[name].name == name for name in figures)
    assert all("64-bit" in figure.source and figure.kind == "static" for figure in figures.values())


@pytest.mark.parametrize("text", ["", PRINTED.replace("3984", "4000"), PRINTED.splitlines()[0]])
def test_sums_that_do_not_add_up_are_refused(text: str) -> None:
    with pytest.raises(RunFailed, match="add up"):
        tflm_host.parse(text, "0.dev1")


def test_without_the_wheel_the_command_tells_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingTool) as caught:
        tflm_host.arena(Model.read(INT8))
    assert "hil[tflm-host]" in caught.value.hint
    assert caught.value.exit_code == 4


@needs_wheel
def test_the_arena_of_a_real_model_is_split() -> None:
    found = tflm_host.arena(Model.read(INT8))
    assert found.total_bytes == found.nonpersistent_bytes + found.persistent_bytes
    assert sum(part.used_bytes for part in found.parts) <= found.persistent_bytes
    nodes = next(part for part in found.parts if part.name == "NodeAndRegistration struct")
    assert nodes.count == len(Model.read(INT8).graph.ops)
    # Activations do not depend on pointers: no plan is smaller than the fullest op.
    graph = Model.read(INT8).graph
    fullest = max(
        sum(
            graph.tensors[t].nbytes
            for t in {*op.inputs, *op.outputs}
            if t >= 0 and not graph.tensors[t].is_constant
        )
        for op in graph.ops
    )
    assert found.nonpersistent_bytes >= fullest


@needs_wheel
@pytest.mark.skipif(not MODELS.is_dir(), reason="the MLPerf Tiny models are not here")
@pytest.mark.parametrize(
    ("model", "head"), [("ad", 768), ("kws", 16_000), ("ic", 49_152), ("vww", 73_728)]
)
def test_heads_of_the_mlperf_tiny_models(model: str, head: int) -> None:
    path = MODELS / f"{model}_int8.tflite"
    found = tflm_host.arena(Model.read(path))
    assert found.nonpersistent_bytes == head


@needs_wheel
def test_the_command_shows_the_split_as_this_computers() -> None:
    done = hil("memory", INT8, "--engine", "tflm-host")
    assert done.code == 0, done
    assert "host, 64-bit pointers, not of a device" in done.stdout
    assert "non-persistent" in done.stdout
    data = hil("memory", INT8, "--engine", "tflm-host", "--json").envelope["data"]
    assert data["where"] == "host, 64-bit pointers"
    assert set(data["figures"]) == {
        "host64_arena_bytes",
        "host64_arena_nonpersistent_bytes",
        "host64_arena_persistent_bytes",
    }


@needs_wheel
def test_what_tflm_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "float32"), builder.tensor((1, 4), "float32")
    builder.op("GELU", [x], [y])
    path = tmp_path / "gelu.tflite"
    path.write_bytes(builder.build([x], [y]))
    hil("memory", path, "--engine", "tflm-host").refuses(2, "Didn't find op", "'GELU'")


def test_the_plan_of_aot_and_whether_it_fits() -> None:
    done = hil("memory", INT8, "-p", "stm32l4", "--json")
    data = done.envelope["data"]
    assert data["figures"]["arena_bytes"]["value"] == 3_072
    assert data["fits"] == {"stm32l4": ""}
    text = hil("memory", INT8, "-p", "stm32l4").stdout
    assert "as planned for the device" in text
    assert "stm32l4: it can fit" in text


def test_what_does_not_fit_says_what_it_needs(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 60_000), "float32"), builder.tensor((1, 60_000), "float32")
    builder.op("RELU", [x], [y])
    path = tmp_path / "wide.tflite"
    path.write_bytes(builder.build([x], [y]))
    done = hil("memory", path, "-p", "stm32l4")
    assert done.code == 0, done
    assert "it needs at least" in done.stdout


def test_mistakes() -> None:
    hil("memory", INT8, "--engine", "tflm").refuses(2, "'tflm' is not one of 'aot', 'tflm-host'")
    hil("memory", INT8, "--engine", "tflm-host", "-p", "stm32l4").refuses(2, "leave out --profile")
    hil("memory", Path(__file__), "--engine", "tflm-host").refuses(2, "not a .tflite")
