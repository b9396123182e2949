"""`hil quantize`, `hil run --quantize` and `hil model variants`, as their users run them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.quantization import SCHEMES
from hil.store import Store
from hil.tflite.model import Model

from tests.support.float_nets import NETS
from tests.support.hil import DIGITS, hil

FLOAT = DIGITS / "digits_float32.tflite"
SAMPLES = DIGITS / "digits_samples.npz"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "hil.db"


def test_quality_is_shown_and_the_variant_stored(tmp_path: Path, db: Path) -> None:
    out = tmp_path / "d.tflite"
    arguments = ("--calibration", SAMPLES, "-o", out, "--db", db)
    result = hil("quantize", FLOAT, "--scheme", "int8", *arguments)
    assert result.code == 0, result
    assert result.stderr == ""
    made = Model.read(out)
    graph = made.graph
    assert graph.dtype == "int8"
    with Store.open(str(db)) as store:
        variant = store.variants.get(made.sha256)
    assert variant is not None
    assert variant.parent_sha256 == Model.read(FLOAT).sha256
    assert (variant.parent_name, variant.scheme) == ("digits_float32", "int8")
    assert variant.library.startswith("ai-edge-quantizer 0.")
    assert variant.calibration_samples == 288
    worst = variant.tensors[0]
    lines = result.stdout.splitlines()
    assert f"{worst.sqnr_db:.1f} dB" in lines[2]
    assert "6 more tensors are better (--all shows them)" in result.stdout
    held_out = next(line for line in lines if line.startswith("held-out: 72 samples"))
    assert "same top-1 class" in held_out
    assert "accuracy" in held_out
    assert "SQNR" in held_out
    listed = hil("model", "variants", FLOAT, "--db", db)
    assert made.sha256[:12] in listed.stdout
    assert "288 of" in listed.stdout


def test_json_has_everything(tmp_path: Path, db: Path) -> None:
    out = tmp_path / "d.tflite"
    result = hil(
        *("quantize", FLOAT, "-s", "q16", "--calibration", "normal:0", "--json"),
        *("--calibration-samples", "20", "--q-format", "Q7.9", "-o", out, "--db", db),
    )
    assert (result.code, result.stderr) == (0, "")
    assert result.envelope["schema"] == "hil.quantize/1"
    assert result.envelope["status"] == "ok"
    data = result.envelope["data"]
    assert data["sha256"] == Model.read(out).sha256
    assert data["options"] == {"method": "minmax", "io": "int16", "q_format": "Q7.9"}
    assert {"calibration", "held-out"} == {a["data"] for a in data["agreements"]}
    assert {t["kind"] for t in data["tensors"]} == {"activation", "weights"}
    assert {"minimum", "maximum", "low", "high", "clipped"} <= set(data["ranges"][0])
    assert data["drop_of"] == "samples with another top-1 class"
    variants = hil("model", "variants", data["parent_sha256"][:10], "--json", "--db", db)
    assert [v["sha256"] for v in variants.envelope["data"]["variants"]] == [data["sha256"]]


def test_the_gate(tmp_path: Path, db: Path) -> None:
    """One format for the whole network with no fraction bits leaves nothing of the model."""
    out = tmp_path / "bad.tflite"
    arguments = ("--calibration", SAMPLES, "-o", out, "--db", db)
    bad = ("quantize", FLOAT, "--scheme", "q8", "--q-format", "Q8.0", *arguments)
    result = hil(*bad, "--max-drop", "2%")
    result.refuses(1, "worse than the float model", "accuracy lost", "--max-drop allows 2.00%")
    assert out.exists()
    envelope = hil(*bad, "--max-drop", "2", "--json").envelope
    assert envelope["status"] == "failed"
    assert envelope["data"]["drop"] > 0.02
    assert "worse" in envelope["errors"][0]["message"]
    good = ("quantize", FLOAT, "--scheme", "int8", *arguments)
    assert hil(*good, "--max-drop", "2%").code == 0
    hil(*good, "--max-drop", "120%").refuses(2, "invalid --max-drop '120%'")
    hil(*good, "--max-drop", "few").refuses(2, "invalid --max-drop 'few'")


def test_the_default_output_is_named_after_model_and_scheme(tmp_path: Path, db: Path) -> None:
    arguments = ("--calibration", "normal:0", "--calibration-samples", "10", "--db", db)
    result = hil("quantize", FLOAT, "-s", "q8", *arguments, cwd=tmp_path)
    assert result.code == 0, result
    assert (tmp_path / "digits_float32-q8.tflite").exists()


def test_bad_requests_leave_nothing_behind(tmp_path: Path, db: Path) -> None:
    np.savez(tmp_path / "zeros.npz", x=np.zeros((20, 8, 8, 1), np.float32))
    np.savez(tmp_path / "narrow.npz", x=np.ones((20, 8, 7, 1), np.float32))
    out = tmp_path / "out.tflite"

    def refuse(code: int, *words: str, model: Path = FLOAT, **options: str) -> None:
        given = {"scheme": "int8", "calibration": "normal:0", **options}
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in given.items() if value]
        hil("quantize", model, *flags, "-o", out, "--db", db).refuses(code, *words)
        assert not out.exists()

    refuse(2, "'int7' is not one of 'int8'", scheme="int7")
    refuse(2, "needs samples to calibrate with", calibration="")
    refuse(2, "are zero", calibration=str(tmp_path / "zeros.npz"))
    refuse(2, "shape", calibration=str(tmp_path / "narrow.npz"))
    refuse(2, "there is no file", calibration=str(tmp_path / "none.npz"))
    refuse(2, "one sample", calibration_samples="1")
    refuse(2, "quantized already", model=DIGITS / "digits_int8.tflite")
    refuse(2, "there is no file", model=tmp_path / "none.tflite")
    refuse(2, "unknown calibration method", method="mode")
    hil("quantize", FLOAT, "-s", "q8", "--calibration", "normal:0", "-o", FLOAT).refuses(
        2, "the model itself"
    )
    hil("quantize", FLOAT, "-s", "q8", "--calibration", "normal:0", "-o", tmp_path).refuses(
        2, "is a folder"
    )
    assert hil("model", "variants", "--db", db, "--json").envelope["data"] == {"variants": []}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_of_the_help(scheme: str) -> None:
    assert scheme in hil("quantize", "--help").stdout
    assert scheme in hil("run", "--help").stdout


def test_a_run_quantizes_first(tmp_path: Path, db: Path) -> None:
    """Digits in int8: the device's outputs checked on the float model's own samples."""
    arguments = ("run", "-p", "stm32l4", "--quantize", "int8", "--calibration", SAMPLES)
    arguments += ("--inputs", SAMPLES, "--samples", "4", "--db", db)
    result = hil(*arguments, FLOAT, "--json", "--report", tmp_path / "r.html")
    assert result.code == 0, result
    data = result.envelope["data"]
    assert data["model"]["name"] == "digits_float32-int8"
    assert data["check"] | {"exact": True, "passed": True, "inputs": 4} == data["check"]
    told = data["provenance"]
    assert told["scheme"] == "int8"
    assert told["parent_name"] == "digits_float32"
    assert told["parent_sha256"] == Model.read(FLOAT).sha256
    assert told["quantize_calibration_samples"] == 288
    assert any("held-out samples" in note for note in data["notes"])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "digits_float32-int8" in page
    assert ">Quantization<" in page
    assert hil("history", "--db", db).code == 0


def test_a_variant_that_was_made_before_is_known_again(tmp_path: Path, db: Path) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(NETS["dense"]())
    out = tmp_path / "made.tflite"
    made = ("--calibration", "normal:0", "--calibration-samples", "10", "-o", out, "--db", db)
    assert hil("quantize", model, "-s", "q8", *made).code == 0
    data = hil("run", "-p", "stm32l4", "--db", db, "--json", out).envelope["data"]
    assert data["status"] == "passed"
    assert data["model"]["name"] == "made"
    assert (data["provenance"]["scheme"], data["provenance"]["parent_name"]) == ("q8", "net")
    given = hil("run", "-p", "stm32l4", "--db", db, "--json", model).envelope["data"]
    assert "scheme" not in given["provenance"]


def test_options_of_quantization_need_it(db: Path) -> None:
    hil("run", "-p", "stm32l4", "--io", "float32", "--db", db, FLOAT).refuses(
        2, "without --quantize"
    )
    hil("run", "-p", "stm32l4", "--quantize", "int8", "--db", db, FLOAT).refuses(
        2, "needs samples", "normal:0"
    )
