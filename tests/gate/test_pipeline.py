"""From a kernel or a model that changed to the sentence of the gate: with compiler and emulator."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hil.tflite.model import Model

from tests.support.hil import DIGITS, REPOSITORY, Result, hil

INT8 = DIGITS / "digits_int8.tflite"
Hil = Callable[..., Result]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline file of the model, as a repository keeps it."""
    folder = tmp_path_factory.mktemp("baseline")
    env = {"HIL_DB": str(folder / "runs.db")}
    for words in (
        ("run", "-p", "stm32l4", INT8),
        ("baseline", "set", "main"),
        ("baseline", "export", "main", "-o", folder / "main.json"),
    ):
        done = hil(*words, env=env)
        assert done.code == 0, done
    return folder / "main.json"


@pytest.fixture
def job(exported: Path, tmp_path: Path) -> Hil:
    """Return ``hil`` in a new folder with a new database that knows the baseline: a CI job."""
    env = {"HIL_DB": str(tmp_path / "job.db")}

    def call(*words: object, **more: str) -> Result:
        return hil(*words, env={**env, **more}, cwd=tmp_path)

    assert call("baseline", "import", exported).code == 0
    return call


def edited_firmware(folder: Path, loops: int) -> str:
    """Copy the firmware with a max pooling that wastes time; return the data folder."""
    shutil.copytree(REPOSITORY / "firmware_stubs", folder / "data" / "firmware_stubs")
    kernel = folder / "data" / "firmware_stubs" / "engines" / "aot" / "hil_pool_body.h"
    text = kernel.read_text(encoding="utf-8")
    waste = f"    for (volatile int32_t i = 0; i < {loops}; i++) {{\n    }}\n"
    begin = re.search(r"void HIL_NAME\(hil_max_pool\)\(.*?\{\n", text, re.DOTALL)
    assert begin is not None
    kernel.write_text(text[: begin.end()] + waste + text[begin.end() :], encoding="utf-8")
    return str(folder / "data")


def test_a_slower_kernel_fails_the_gate_which_names_its_op(job: Hil, tmp_path: Path) -> None:
    data = edited_firmware(tmp_path, loops=1_000)
    assert job("run", "-p", "stm32l4", INT8, HIL_DATA_DIR=data).code == 0
    files = ("--markdown", "m.md", "--junit", "j.xml", "--badge", "b.svg")
    done = job("gate", "-b", "main", "--require-baseline", "--json", *files)
    assert done.code == 1, done
    (case,) = done.envelope["data"]["cases"]
    (latency,) = [one for one in case["findings"] if one["name"] == "latency_us"]
    assert latency["word"] == "regression"
    assert 2 < latency["change_pct"] < 8
    op, function = latency["causes"]
    assert op["part"] == "op"
    assert op["name"].startswith("op 3 MAX_POOL_2D ")
    assert op["share"] == pytest.approx(1, abs=0.1)  # code moved: other flash lines
    assert (function["part"], "hil_max_pool" in function["name"]) == ("function", True)
    sentence = (tmp_path / "m.md").read_text(encoding="utf-8").splitlines()[1]
    assert re.match(
        r"❌ \*\*hil gate failed\*\*: digits\\_int8 on stm32l4, aot: latency \+\d\.\d % "
        r"\(limit 2%\): op 3 MAX\\_POOL\\_2D \S+ \+[\d,]+ cycles \(\d+ % of it\)",
        sentence,
    ), sentence
    assert "op 3 MAX_POOL_2D" in (tmp_path / "j.xml").read_text(encoding="utf-8")
    assert "hil gate: 3 regressions" in (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "op 3 MAX_POOL_2D" in job("gate", "-b", "main").stdout


def test_other_compiler_options_are_named_as_the_likely_cause(job: Hil) -> None:
    assert job("run", "-p", "stm32l4", "--optimize", "-Os", INT8).code == 0
    done = job("gate", "-b", "main", "--json")
    assert done.code == 1, done
    assert "likely cause: compiler flags: -O3 then, -Os now" in done.envelope["data"]["sentence"]


def test_a_retrained_model_is_compared_by_its_name(job: Hil, tmp_path: Path) -> None:
    content = bytearray(INT8.read_bytes())
    tensors = Model.read(INT8).graph.tensors
    weights = max((one.data for one in tensors if one.data is not None), key=lambda d: d.nbytes)
    at = content.find(weights.tobytes())
    assert at > 0
    content[at] ^= 1
    (tmp_path / "digits_int8.tflite").write_bytes(content)
    assert job("run", "-p", "stm32l4", "digits_int8.tflite").code == 0
    done = job("gate", "-b", "main")
    assert done.code == 0, done
    assert done.stdout == (
        "passed: 1 run compared with 'main' (1 by name: the model has changed), 0 regressions\n"
    )
    assert "note: the model digits_int8 has changed (SHA-256 " in done.stderr
    done = job("gate", "-b", "main", "--match", "sha256")
    assert (done.code, done.stdout) == (5, "not compared with 'main': 1 missing, 1 no baseline\n")
