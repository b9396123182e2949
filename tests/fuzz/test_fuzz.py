"""A success or a clear error, whatever a file holds: a short run of ``scripts/fuzz``.

``FOUND`` names the cases that were defects by their seeds.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import hypothesis
import pytest
from hil.tflite import interpreter
from hypothesis import strategies as st

from tests.fuzz import campaign, models
from tests.fuzz.kinds import KINDS
from tests.tflite.samples import REPOSITORY

FOUND = {"model": (334, 1508, 2059, 2854)}  # shifts beyond what int8 holds


@pytest.mark.parametrize("kind", KINDS)
@hypothesis.given(seed=st.integers(0, 1 << 40))
@hypothesis.settings(
    max_examples=60, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_a_success_or_an_error(kind: str, seed: int, tmp_path: Path) -> None:
    assert campaign.one(kind, seed, tmp_path) in ("ok", "refused")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_found_before(kind: str, tmp_path: Path) -> None:
    for seed in FOUND.get(kind, (0, 1)):
        assert campaign.one(kind, seed, tmp_path) in ("ok", "refused")


def test_the_seeds_of_models_are_valid(tmp_path: Path) -> None:
    run = KINDS["model"][2]
    for number, content in enumerate(models.seeds()):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(content)
        run(path)
    interpreter.end_workers()


def test_mutations_repeat_and_reach_the_engine(tmp_path: Path) -> None:
    made = [models.mutated(random.Random(seed)) for seed in range(40)]
    assert made == [models.mutated(random.Random(seed)) for seed in range(40)]
    assert len(set(made)) > 30
    assert "ok" in {campaign.one("model", seed, tmp_path) for seed in range(40)}


def test_the_script_reports_and_keeps_a_defect(tmp_path: Path) -> None:
    done = subprocess.run(
        ["scripts/fuzz", "--minutes", "0.02", "--kind", "answer", "--keep", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done
    assert "answer: " in done.stdout
    assert " refused" in done.stdout


def test_a_defect_is_an_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(path: Path) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setitem(KINDS, "answer", (KINDS["answer"][0], ".txt", run))
    outcome = campaign.one("answer", 0, tmp_path)
    assert outcome.startswith("IndexError at test_fuzz.py:")
    assert [path.name for path in tmp_path.iterdir()] == ["answer-0.txt"]
