"""Variants in the cache folder: taken only where everything that went in is the same."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hil.errors import InputError
from hil.quantization.cache import cached
from hil.records import VariantRequest
from hil.tflite.model import Model
from hil.tflite.reader import parse_model

from tests.support.float_nets import NETS

REQUEST = VariantRequest("q8", "normal:0", 20)


@pytest.fixture(scope="module")
def net() -> Model:
    content = NETS["dense"]()
    return Model.parse(content, "dense")


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "variants").iterdir())


def test_the_second_time_it_is_taken(tmp_path: Path, net: Model) -> None:
    told: list[str] = []
    first = cached(tmp_path, net, REQUEST, lambda stage, done, total: told.append(stage))
    assert set(told) == {"calibrate", "compare"}
    told.clear()
    second = cached(tmp_path, net, REQUEST, lambda stage, done, total: told.append(stage))
    assert (second, told) == (first, [])
    assert first.variant.tensors
    assert first.variant.ranges
    renamed = Model.parse(net.content, "other")
    assert cached(tmp_path, renamed, REQUEST).variant.parent_name == "other"
    assert len(entries(tmp_path)) == 1


def test_everything_that_goes_in_makes_another(tmp_path: Path, net: Model) -> None:
    file = tmp_path / "x.npy"
    np.save(file, np.ones((10, 1, 40), np.float32))
    requests = [
        REQUEST,
        dataclasses.replace(REQUEST, scheme="q16"),
        dataclasses.replace(REQUEST, calibration="normal:1"),
        dataclasses.replace(REQUEST, calibration_samples=21),
        dataclasses.replace(REQUEST, method="percentile:99"),
        dataclasses.replace(REQUEST, q_format="Q3.5"),
        dataclasses.replace(REQUEST, io="float32"),
        dataclasses.replace(REQUEST, held_out=str(file)),
        VariantRequest("q8", str(file)),
    ]
    for number, request in enumerate(requests, 1):
        cached(tmp_path, net, request)
        assert len(entries(tmp_path)) == number
    np.save(file, np.full((10, 1, 40), 2, np.float32))
    cached(tmp_path, net, requests[-1])
    assert len(entries(tmp_path)) == len(requests) + 1


def test_a_damaged_entry_is_made_again(tmp_path: Path, net: Model) -> None:
    first = cached(tmp_path, net, REQUEST)
    (folder,) = entries(tmp_path)
    for name in ("variant.tflite", "variant.json"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-9])
        again = cached(tmp_path, net, REQUEST)
        assert again.model.content == first.model.content
        assert parse_model((folder / "variant.tflite").read_bytes(), "v").dtype == "int8"


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, net: Model) -> None:
    (tmp_path / "variants").write_text("in the way")
    assert cached(tmp_path, net, REQUEST).model.content


def test_a_file_that_is_missing(tmp_path: Path, net: Model) -> None:
    with pytest.raises(InputError, match="cannot read"):
        cached(tmp_path, net, VariantRequest("q8", str(tmp_path / "none.npz")))


def test_a_variant_from_the_cache_loads_no_quantizer(tmp_path: Path, net: Model) -> None:
    """A warm run must stay fast: neither the library nor an interpreter is imported."""
    request = VariantRequest("int8", "normal:0", 20)
    cached(tmp_path, net, request)
    model = tmp_path / "net.tflite"
    model.write_bytes(net.content)
    code = f"""
import sys
from pathlib import Path
from hil.quantization.cache import cached
from hil.records import VariantRequest
from hil.tflite.model import Model
path = Path({str(model)!r})
cached(Path({str(tmp_path)!r}), Model.read(path), {request!r})
heavy = {{"ai_edge_quantizer", "ai_edge_litert", "tflite_runtime", "scipy", "jax"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
