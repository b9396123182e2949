"""Which runs are of one model, and which share the error of a figure."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hil.records import RunRecord
from hil.verdict.kinship import same_model, shares_error

from tests.report.report_records import bare, passed


def run(sha256: str = "aa", name: str = "kws", **changes: Any) -> RunRecord:
    model = passed().model
    assert model is not None
    return passed(model=dataclasses.replace(model, sha256=sha256 * 32, name=name), **changes)


def variant(record: RunRecord, scheme: str, q_format: str = "") -> RunRecord:
    facts = {"scheme": scheme, "quantize_options": {"q_format": q_format}}
    return dataclasses.replace(record, provenance={**record.provenance, **facts})


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (run("aa"), run("aa", "renamed"), True),
        (run("aa"), run("bb"), True),
        (run("aa"), run("bb", "other"), False),
        (variant(run("aa"), "q8"), variant(run("bb"), "q8"), True),
        (variant(run("aa"), "q8"), variant(run("bb"), "q16"), False),
        (variant(run("aa"), "q8"), variant(run("bb"), "q8", "Q4.4"), False),
        (variant(run("aa"), "q8"), run("bb"), False),
        (run("aa"), bare("error", model=None), False),
    ],
)
def test_one_model_by_hash_or_by_name_and_arithmetic(
    a: RunRecord, b: RunRecord, same: bool
) -> None:
    assert same_model(a, b) is same_model(b, a) is same


@pytest.mark.parametrize(
    "changes",
    [
        {"profile_name": "nrf52840"},
        {"target": "board"},
        {"engine": "tflm"},
        {"sha256": "bb", "name": "other"},
        {"measurements": {}},
    ],
)
def test_the_error_is_shared_by_runs_of_one_kind_only(changes: dict[str, Any]) -> None:
    assert shares_error(run(), run("bb"), "latency_us")
    assert not shares_error(run(), run(**changes), "latency_us")
    assert not shares_error(run(**changes), run(), "latency_us")


@pytest.mark.parametrize("changes", [{"source": "another power"}, {"kind": "measured"}])
def test_the_error_is_shared_by_figures_of_one_source_only(changes: dict[str, Any]) -> None:
    energy = dataclasses.replace(passed().measurements["energy_uj"], **changes)
    other = run(measurements={**passed().measurements, "energy_uj": energy})
    assert not shares_error(run(), other, "energy_uj")
    assert shares_error(run(), other, "latency_us")
