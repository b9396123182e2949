"""The revision of the model's repository in the provenance of a run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hil.bench.source_revision import CI_COMMITS, LABEL, source_revision

from tests.support.hil import DIGITS, hil

SHA = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*CI_COMMITS, LABEL):
        monkeypatch.delenv(name, raising=False)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "models").mkdir(parents=True)
    (root / "models" / "net.tflite").write_bytes(b"net")
    (root / "other.txt").write_text("one")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_the_commit_is_of_the_folder_of_the_model(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert source_revision(str(repository / "models" / "net.tflite")) == {"source_commit": head}


def test_it_is_marked_where_the_models_folder_was_changed(repository: Path) -> None:
    head, model = git(repository, "rev-parse", "HEAD"), repository / "models" / "net.tflite"
    (repository / "other.txt").write_text("two")
    (repository / "models" / "report.html").write_text("untracked")
    assert source_revision(str(model))["source_commit"] == head
    model.write_bytes(b"trained again")
    assert source_revision(str(model))["source_commit"] == head + "+"


def test_no_repository_no_commit(tmp_path: Path, repository: Path) -> None:
    assert source_revision(str(tmp_path / "net.tflite")) == {}
    assert source_revision(str(tmp_path / "missing" / "net.tflite")) == {}
    assert source_revision("") == {}
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    assert source_revision(str(empty / "net.tflite")) == {}


def test_without_a_repository_ci_says_the_commit(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_COMMIT_SHA", SHA.upper())
    monkeypatch.setenv("GITHUB_SHA", "not a commit")
    assert source_revision(str(tmp_path / "net.tflite")) == {"source_commit": SHA}
    own = source_revision(str(repository / "models" / "net.tflite"))
    assert own["source_commit"] == git(repository, "rev-parse", "HEAD")


def test_without_git_there_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert source_revision(str(repository / "models" / "net.tflite")) == {}


def test_a_program_of_the_repositorys_configuration_is_not_run(
    repository: Path, tmp_path: Path
) -> None:
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(hook))
    assert source_revision(str(repository / "models" / "net.tflite"))["source_commit"]
    assert not (tmp_path / "ran").exists()


def test_a_run_keeps_commit_and_label(tmp_path: Path) -> None:
    database, model = tmp_path / "runs.db", tmp_path / "digits.tflite"
    model.write_bytes((DIGITS / "digits_int8.tflite").read_bytes())
    ours = {"GITHUB_SHA": SHA, LABEL: None}
    run = hil(
        *("run", "-p", "stm32l4", "--target", "host", "--label", "before", "--json"),
        *("--db", database, model),
        env=ours,
    )
    provenance = run.envelope["data"]["provenance"]
    assert (provenance["source_commit"], provenance["label"]) == (SHA, "before")
    assert LABEL not in os.environ


def test_a_label_that_is_too_long_is_refused(tmp_path: Path) -> None:
    run = hil("run", "-p", "stm32l4", "--label", "x" * 81, tmp_path / "net.tflite")
    run.refuses(2, "--label", "80 characters")
