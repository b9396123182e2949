"""``hil model inspect`` as a user calls it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hil.tflite.extras import extras
from hil.tflite.model import Model
from hil.tflite.summary import summarize

from tests.support import hil as support
from tests.support.hil import Result
from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, REPOSITORY

DIGITS_INT8 = DIGITS / "digits_int8.tflite"


def hil(*arguments: str, home: Path) -> Result:
    environment = {"HIL_STATE_DIR": str(home), "HIL_CACHE_DIR": str(home)}
    return support.hil(*arguments, env=environment, cwd=REPOSITORY)


def test_table(tmp_path: Path) -> None:
    done = hil("model", "inspect", str(DIGITS_INT8), home=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    head, *_ = done.stdout.splitlines()
    assert head == "digits_int8: int8, 7 ops, 56,320 MACs, weights 6,224 B, file 11.8 KiB"
    rows = {line.split()[1]: line for line in done.stdout.splitlines() if line[:1].isdigit()}
    assert "1x8x8x16" in rows["DEPTHWISE_CONV_2D"]
    assert "9,216" in rows["DEPTHWISE_CONV_2D"]
    assert "5,120" in rows["FULLY_CONNECTED"]
    assert "scale 0.003921569, zero point -128" in done.stdout
    assert "3,072 B live at once" in done.stdout


def test_tensors(tmp_path: Path) -> None:
    done = hil("model", "inspect", "--tensors", str(DIGITS_INT8), home=tmp_path)
    assert done.code == 0
    assert "16 scales along axis 3" in done.stdout
    assert "start to 0" in done.stdout
    assert "6 to end" in done.stdout


def test_json(tmp_path: Path) -> None:
    done = hil("model", "inspect", str(DIGITS_INT8), "--json", home=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    envelope = done.envelope
    assert envelope["schema"] == "hil.model.inspect/1"
    assert (envelope["status"], envelope["errors"]) == ("ok", [])
    data = envelope["data"]
    assert (data["macs"], data["arithmetic"], data["weights_bytes"]) == (56320, "int8", 6224)
    assert data["peak_live_bytes"] == 3072
    assert data["largest_activations"] == [2, 3, 1]
    pool = data["ops"][3]
    assert pool["op"] == "MAX_POOL_2D"
    assert pool["options"]["padding"] == "VALID"
    assert pool["shape"] == [1, 4, 4, 32]
    image = data["tensors"][data["inputs"][0]]
    assert (image["first_op"], image["last_op"], image["constant"]) == (-1, 0, False)


def test_failures_are_words_and_an_envelope(tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(DIGITS_INT8.read_bytes()[:5000])
    for name in ("cut.tflite", "absent.tflite"):
        done = hil("model", "inspect", str(tmp_path / name), "--json", home=tmp_path)
        assert done.code == 2
        assert done.stderr.startswith("error: ")
        assert "\nhint: " in done.stderr
        assert "Traceback" not in done.stderr
        envelope = done.envelope
        assert (envelope["status"], envelope["data"]) == ("error", None)
        assert name in envelope["errors"][0]["message"]


def test_summary_counts_shared_weights_once_and_waiting_tensors_as_live() -> None:
    b = ModelBuilder()
    x, a, c, y = (b.tensor((1, 4), "float32") for _ in range(4))
    w = b.tensor((4, 4), "float32", data=[[1] * 4] * 4)
    b.op("FULLY_CONNECTED", [x, w, -1], [a])
    b.op("FULLY_CONNECTED", [a, w, -1], [c])
    b.op("ADD", [x, c], [y])
    unused = b.tensor((1, 4), "float32")
    summary = summarize(Model.parse(b.build([x], [y]), "shared"))
    assert summary.weights_bytes == 64
    assert [op.weights_bytes for op in summary.memory] == [64, 64, 0]
    assert [op.activation_bytes for op in summary.memory] == [32, 32, 48]
    assert [op.live_bytes for op in summary.memory] == [32, 48, 48]  # x waits while op 1 runs
    assert (summary.lifetimes[unused], summary.lifetimes[w]) == (None, None)


def model_with_a_gap() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("CUSTOM:Odd", [x], [y])
    return b.build([x], [y])


def test_a_model_that_cannot_run_is_shown_with_its_gaps(tmp_path: Path) -> None:
    file = tmp_path / "odd.tflite"
    file.write_bytes(model_with_a_gap())
    done = hil("model", "inspect", str(file), home=tmp_path)
    assert done.code == 0
    assert "the engine aot cannot run these ops" in done.stdout
    assert "CUSTOM:Odd" in done.stdout.split("cannot run")[1]
    found = hil("model", "inspect", str(file), "--json", home=tmp_path).envelope["data"]
    assert [(gap["op"], gap["name"]) for gap in found["runnable"]["gaps"]] == [(0, "CUSTOM:Odd")]


def test_what_fits_by_profile(tmp_path: Path) -> None:
    arguments = ("model", "inspect", str(DIGITS_INT8), "-p", "stm32l4")
    done = hil(*arguments, home=tmp_path)
    assert "stm32l4: can fit" in done.stdout
    found = hil(*arguments, "--json", home=tmp_path).envelope["data"]["runnable"]
    assert (found["gaps"], found["fits"]) == ([], {"stm32l4": None})
    hil("model", "inspect", str(DIGITS_INT8), "-p", "none", home=tmp_path).refuses(2, "none")


def test_labels_packed_behind_the_model(tmp_path: Path) -> None:
    file = tmp_path / "labelled.tflite"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("labels.txt", "no person\nperson\n")
    file.write_bytes(DIGITS_INT8.read_bytes() + packed.getvalue())
    assert "labels: no person, person" in hil("model", "inspect", str(file), home=tmp_path).stdout
    found = hil("model", "inspect", str(file), "--json", home=tmp_path).envelope["data"]
    assert found["labels"] == ["no person", "person"]
    assert found["files"] == [["labels.txt", 17]]


def test_damaged_archive_is_no_error() -> None:
    content = DIGITS_INT8.read_bytes()
    assert extras(content + b"PK\x05\x06" + b"\xff" * 18).files == ()
    assert extras(content).labels == ()


def folding_model(last: str) -> bytes:
    b = ModelBuilder()
    x, w, y = (b.tensor((3,), "float32") for _ in range(3))
    b.op("DEQUANTIZE", [b.tensor((3,), "float16", data=np.ones(3, np.float16))], [w])
    b.op(last, [x, w], [y])
    return b.build([x], [y])


@pytest.mark.parametrize("last", ["ADD", "CUSTOM:Odd"])
def test_what_is_folded_is_shown_also_beside_gaps(tmp_path: Path, last: str) -> None:
    file = tmp_path / "halves.tflite"
    file.write_bytes(folding_model(last))
    done = hil("model", "inspect", str(file), home=tmp_path)
    assert "folded into constants: ops 0 DEQUANTIZE\n" in done.stdout
    found = hil("model", "inspect", str(file), "--json", home=tmp_path).envelope["data"]
    assert found["runnable"]["folded"] == [0]
    assert [gap["op"] for gap in found["runnable"]["gaps"]] == ([] if last == "ADD" else [1])
