"""The same database gives the same bytes, whatever the time, its zone, the hash seed and folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hil.store import Store

from tests.report.report_records import bare, of_engine, passed, scaled
from tests.site.nightly import contents, judged, nights, run, site
from tests.support.hil import HIL, hil

WORLDS = [
    {"TZ": "UTC", "PYTHONHASHSEED": "0", "LC_ALL": "C"},
    {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711", "LC_ALL": "C.UTF-8"},
]


@pytest.fixture
def database(store: Store) -> str:
    """A history with everything that has an order: engines, accuracies, baselines, failures."""
    for model in ("kws_int8", "b", "a"):
        for profile in ("stm32l4", "chip"):
            nights(store, [1.0, 1.03, 1.03], model=model, profile_name=profile)
    kws = nights(store, [2.0, 1.9], engine="tflm")
    store.finish(of_engine(scaled(passed(run_id="theirs"), 1.8), "tflm-cmsis"))
    store.finish(bare("failed", run_id="broken", started_at=run(8).started_at))
    same = run(3).started_at
    for number in range(4):
        one = judged(number, 90 + number, started_at=same, data_name=f"data{number}.npz")
        store.evaluations.claim(one)
    store.baselines.put("release", kws)
    return store.label


def built(words: list[str], world: dict[str, str], folder: Path) -> None:
    folder.mkdir()
    environment = {**os.environ, **world}
    done = subprocess.run(
        [str(HIL), *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("epoch", ["", "1795000000"])
@pytest.mark.parametrize(
    "command",
    [
        ["site", "build", "-o", "site", "--runs", "all"],
        ["site", "build", "-o", "site", "--baseline", "release"],
        ["report", "--last", "12", "-o", "report.html"],
        ["report", "--last", "3", "-o", "report.md"],
        ["report", "--last", "3", "-o", "report.json"],
    ],
)
def test_two_builds_are_the_same_bytes(
    database: str, tmp_path: Path, command: list[str], epoch: str
) -> None:
    found = []
    for number, world in enumerate(WORLDS):
        words = [*command, "--db", database]
        if epoch:
            world = {**world, "SOURCE_DATE_EPOCH": epoch}
        else:
            words.append("--reproducible")
        folder = tmp_path / f"world{number}"
        built(words, world, folder)
        found.append(contents(folder))
    assert found[0] == found[1]
    assert any(b"kws" in content for content in found[0].values())


def test_an_updated_site_is_the_same_as_a_new_one(database: str, tmp_path: Path) -> None:
    command = ("site", "build", "--reproducible", "--db", database, "-o")
    hil(*command, tmp_path / "updated")
    with Store.open(database) as store:
        nights(store, [1.1], model="c")
        store.delete("broken")
    hil(*command, tmp_path / "updated")
    hil(*command, tmp_path / "new")
    assert contents(tmp_path / "updated") == contents(tmp_path / "new")


def test_the_epoch_is_the_time_that_is_shown(database: str, tmp_path: Path) -> None:
    words = ("report", "--db", database, "-o", tmp_path / "a.html")
    assert hil(*words, env={"SOURCE_DATE_EPOCH": "1795000000"}).code == 0
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Made by hil on 2026-11-18 11:06 UTC." in html
    assert hil(*words, "--reproducible", env={"SOURCE_DATE_EPOCH": "1795000000"}).code == 0
    assert "Made by hil. This file" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["yesterday", "1e9", "99999999999999999999"])
def test_an_invalid_epoch_is_refused(database: str, tmp_path: Path, text: str) -> None:
    words = ("report", "--db", database, "-o", tmp_path / "a.html")
    done = hil(*words, env={"SOURCE_DATE_EPOCH": text})
    done.refuses(2, f"SOURCE_DATE_EPOCH='{text}' is not a time", "git log")


def test_any_database_gives_the_same_site(db_url: str, database: str, tmp_path: Path) -> None:
    """Runs are in the same order in PostgreSQL, whatever its collation."""
    with Store.open(database) as ours, Store.open(db_url) as theirs:
        for one in reversed(ours.find()):
            theirs.finish(ours.get(one.run_id))
        for evaluation in ours.evaluations.find():
            theirs.evaluations.claim(evaluation)
        theirs.baselines.put("release", list(ours.baselines.load("release").values()))
        for number, store in enumerate((ours, theirs)):
            site(store, tmp_path / str(number), baseline="release", runs="all")
    assert contents(tmp_path / "0") == contents(tmp_path / "1")
