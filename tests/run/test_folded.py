"""A run of a model some of whose ops are folded: indices, table of ops, notes and listing."""

from __future__ import annotations

from pathlib import Path

from tests.support.hil import hil
from tests.tflite.test_fold import computed_reshape, float16_model, shape_alone


def test_the_table_has_the_ops_that_run_with_their_index_in_the_file(tmp_path: Path) -> None:
    file, db, kept = tmp_path / "flatten.tflite", tmp_path / "hil.db", tmp_path / "kept"
    file.write_bytes(computed_reshape())
    data = hil("run", "-p", "stm32l4", "--json", "--db", db, "--keep", kept, file).envelope["data"]
    assert data["status"] == "passed"
    assert [(op["index"], op["op"]) for op in data["ops"]] == [(0, "RELU"), (6, "RESHAPE")]
    assert data["model"]["ops"] == 7
    assert [note for note in data["notes"] if "folded" in note] == [
        "5 of 7 ops are folded into constants (SHAPE, STRIDED_SLICE, REDUCE_PROD, PACK)"
    ]
    (listing,) = kept.rglob("listing.txt")
    heads = [line for line in listing.read_text().splitlines() if line.startswith("op ")]
    assert [line.split()[1] for line in heads] == ["0", "6"]
    page = tmp_path / "report.html"
    assert hil("report", "--db", db, "-o", page).code == 0
    assert "5 of 7 ops are folded" in page.read_text(encoding="utf-8")


def test_float16_weights_pass_as_a_float32_model(tmp_path: Path) -> None:
    file = tmp_path / "halves.tflite"
    file.write_bytes(float16_model(shape=(5, 16)))
    result = hil("run", "-p", "stm32l4", "--json", "--db", tmp_path / "hil.db", file)
    data = result.envelope["data"]
    assert (data["status"], data["model"]["dtype"]) == ("passed", "float32")
    assert data["check"]["max_rel_diff"] <= 1e-5
    assert [op["op"] for op in data["ops"]] == ["FULLY_CONNECTED"]


def test_a_model_of_which_nothing_runs_passes_with_an_empty_table(tmp_path: Path) -> None:
    file, db, page = tmp_path / "shape.tflite", tmp_path / "hil.db", tmp_path / "report.html"
    file.write_bytes(shape_alone())
    data = hil("run", "-p", "stm32l4", "--json", "--db", db, file).envelope["data"]
    assert (data["status"], data["ops"]) == ("passed", [])
    assert hil("report", "--db", db, "-o", page).code == 0
