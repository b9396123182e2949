"""Every scheme on every kind of network, on the emulated device, equal to its reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from hil import devices
from hil.bench import pipeline
from hil.quantization import SCHEMES
from hil.records import VariantRequest
from hil.store import Store
from hil.tflite.model import Model

from tests.support.float_nets import NETS


def request(tmp_path: Path, net: str, scheme: str, **options: str) -> pipeline.Request:
    model = tmp_path / f"{net}.tflite"
    model.write_bytes(NETS[net]())
    variant = VariantRequest(scheme, "normal:1", 20, **options)  # type: ignore[arg-type]
    return pipeline.Request(Model.read(model), devices.load("stm32l4"), variant=variant)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_runs_and_equals_its_reference(
    scheme: str, net: str, tmp_path: Path, store: Store
) -> None:
    record = pipeline.run(request(tmp_path, net, scheme), store)
    assert (record.status, record.errors) == ("passed", ())
    assert record.check is not None
    assert record.check.inputs == 5
    assert record.check.exact == (scheme != "dynamic")
    assert record.model is not None
    assert record.model.name == f"{net}-{scheme}"
    assert record.provenance["scheme"] == scheme
    assert record.provenance["parent_name"] == net
    variant = store.variants.get(record.model.sha256)
    assert variant is not None
    assert variant.parent_sha256 == record.provenance["parent_sha256"]


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "q8", "q16"])
def test_float_inputs_and_outputs_run_too(scheme: str, tmp_path: Path, store: Store) -> None:
    record = pipeline.run(request(tmp_path, "conv", scheme, io="float32"), store)
    assert (record.status, record.errors) == ("passed", ())
    assert [op.op for op in record.ops][:: len(record.ops) - 1] == ["QUANTIZE", "DEQUANTIZE"]
