"""`hil run`, `sweep` and `quantize` store their results in PostgreSQL too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.store import Store
from hil.store.documents import to_document

from tests.support.hil import DIGITS, hil
from tests.support.postgres import Cluster

INT8 = DIGITS / "digits_int8.tflite"
STUDY = f"""
schema = 1
models = ["{DIGITS}/digits_*.tflite"]
profiles = ["stm32l4"]
target = "host"
"""


@pytest.fixture
def url(postgresql: Cluster) -> Iterator[str]:
    with postgresql.database() as name:
        yield postgresql.url(name)


def test_a_run_is_stored_without_the_password(
    postgresql: Cluster, url: str, tmp_path: Path
) -> None:
    done = hil("run", "-p", "stm32l4", "--target", "host", "--json", "--db", url, INT8)
    assert done.code == 0, done
    with Store.open(url) as store:
        run = store.get("latest")
    assert run.run_id == done.envelope["data"]["run_id"]
    assert ":***@" in done.envelope["data"]["provenance"]["command"]
    for text in (json.dumps(to_document(run)), done.stdout, done.stderr):
        assert postgresql.server.password not in text
    report = hil("report", "--db", url, "-o", tmp_path / "report.html")
    assert report.code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert run.run_id in page
    assert postgresql.server.password not in page


def test_the_workers_of_a_sweep_store_their_runs_and_find_them_again(
    postgresql: Cluster, url: str, tmp_path: Path
) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    for resumed in (False, True):
        done = hil("sweep", tmp_path / "study.toml", "--jobs", "2", "--json", "--db", url)
        assert done.code == 0, done
        runs = done.envelope["data"]["runs"]
        assert [(run["status"], run["resumed"]) for run in runs] == [("passed", resumed)] * 2
        assert postgresql.server.password not in done.stdout + done.stderr
    with Store.open(url) as store:
        assert len(store.find(status="passed")) == 2


def test_a_variant_is_stored(url: str, tmp_path: Path) -> None:
    model = DIGITS / "digits_float32.tflite"
    out = tmp_path / "q.tflite"
    options = ("--scheme", "q8", "--calibration", "normal:0", "-o", out, "--db", url)
    done = hil("quantize", model, *options)
    assert done.code == 0, done
    with Store.open(url) as store:
        assert [variant.scheme for variant in store.variants.find()] == ["q8"]
