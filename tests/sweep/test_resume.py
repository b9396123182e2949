"""Which stored runs are results of a member."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hil.bench.source_revision import source_revision
from hil.bench.toolset import tools
from hil.records import ErrorInfo, RunRecord, RunStatus
from hil.store import Store
from hil.sweep import Member, load, members, plan, runner
from hil.sweep.keys import sweep_key

from tests.report.report_records import passed
from tests.support.hil import DIGITS


@pytest.fixture
def member(tmp_path: Path) -> Member:
    path = tmp_path / "study.toml"
    model = DIGITS / "digits_int8.tflite"
    path.write_text(f'schema = 1\nmodels = ["{model}"]\nprofiles = ["stm32l4"]\n')
    (found,) = members(load(path))
    return found


def keep(
    store: Store,
    run_id: str,
    status: RunStatus,
    key: str,
    minute: int,
    commits: tuple[str, str] = ("", ""),
) -> None:
    errors = () if status == "passed" else (ErrorInfo(f"why {run_id}", "do this"),)
    record: RunRecord = dataclasses.replace(
        passed(),
        run_id=run_id,
        status=status,
        started_at=f"2026-01-01T00:{minute:02d}:00.000+00:00",
        errors=errors,
        provenance={
            "command": "hil run",
            "sweep_key": key,
            "hil_commit": commits[0],
            "source_commit": commits[1],
        },
    )
    store.begin(record)
    store.finish(record)


def test_nothing_stored_is_nothing_done(member: Member, store: Store) -> None:
    what = plan([member], store)
    assert what.done == {}
    assert what.open == [0]
    assert what.keys == (sweep_key(member, tools()),)


@pytest.mark.parametrize(
    ("statuses", "stands", "stands_when_failed_run_again"),
    [
        (["passed"], "run-0", "run-0"),
        (["failed"], "run-0", None),
        (["error"], None, None),
        (["interrupted"], None, None),
        (["failed", "failed"], "run-1", None),
        (["passed", "failed"], "run-0", "run-0"),
        (["failed", "passed", "error"], "run-1", "run-1"),
        (["passed", "passed"], "run-1", "run-1"),
    ],
)
def test_what_stands(
    member: Member,
    store: Store,
    statuses: list[RunStatus],
    stands: str | None,
    stands_when_failed_run_again: str | None,
) -> None:
    key = sweep_key(member, tools())
    for number, status in enumerate(statuses):
        keep(store, f"run-{number}", status, key, number)
    keep(store, "another", "passed", "0" * 64, 59)
    for again, expected in ((False, stands), (True, stands_when_failed_run_again)):
        what = plan([member], store, rerun_failed=again)
        found = {index: outcome.run_id for index, outcome in what.done.items()}
        assert found == ({} if expected is None else {0: expected})
        for outcome in what.done.values():
            assert outcome.resumed
            assert bool(outcome.errors) == (outcome.status == "failed")


def test_with_each_commit_only_runs_of_the_present_commits_count(
    member: Member, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = sweep_key(member, tools())
    monkeypatch.setattr(runner, "commit", lambda: "aaaa+")
    source = source_revision(member.request.model.path).get("source_commit", "")
    keep(store, "here", "passed", key, 1, ("aaaa+", source))
    keep(store, "other-hil", "passed", key, 2, ("aaaa", source))
    keep(store, "other-source", "passed", key, 3, ("aaaa+", "0" * 40))
    assert plan([member], store).done[0].run_id == "other-source"
    assert plan([member], store, each_commit=True).done[0].run_id == "here"
    monkeypatch.setattr(runner, "commit", lambda: "bbbb")
    assert plan([member], store, each_commit=True).open == [0]


def test_runs_are_found_by_their_sweep_key(store: Store) -> None:
    keep(store, "one", "passed", "a", 1)
    keep(store, "two", "failed", "a", 2)
    keep(store, "three", "passed", 'b"', 3)
    keep(store, "four", "passed", "c", 4)
    assert store.with_sweep_key(["a", 'b"', "d"]) == {
        "a": [("two", "failed", ("", "")), ("one", "passed", ("", ""))],
        'b"': [("three", "passed", ("", ""))],
    }
    assert store.with_sweep_key([]) == {}
