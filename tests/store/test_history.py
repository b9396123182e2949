"""The history of runs: what it has, in which order, and that it reads no documents."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hil.records import Measurement, RunRecord
from hil.store import Store
from hil.store.history import first_run, past_accuracies, past_runs
from sqlalchemy import event

from tests.store.samples import rich_evaluation

Make = Callable[..., RunRecord]


def test_runs_have_their_figures_commits_and_labels(store: Store, make: Make) -> None:
    model = make().model
    assert model is not None
    facts = {"hil_commit": "1" * 12, "source_commit": "2" * 40 + "+", "label": "v1.2"}
    store.finish(make(provenance=facts))
    (run,) = past_runs(store, ["latency_us", "energy_uj", "ram_bytes"])
    assert (run.model_name, run.model_sha256) == (model.name, model.sha256)
    assert (run.profile_name, run.engine, run.target) == ("stm32l4", "aot", "qemu")
    assert (run.hil_commit, run.commit, run.label) == ("1" * 12, "2" * 40 + "+", "v1.2")
    assert run.started_us == 1_795_229_280_123_000
    assert set(run.figures) == {"latency_us", "energy_uj"}
    latency = run.figures["latency_us"]
    assert (latency.value, latency.unit, latency.kind) == (123_456.789012345, "us", "modelled")
    assert (latency.uncertainty_pct, latency.n, latency.spread_pct) == (15.0, 3, 0.1)


def test_they_are_by_kind_and_time_whatever_the_order_of_storing(store: Store, make: Make) -> None:
    for run_id, hour, profile in (("c", 3, "b"), ("a", 5, "a"), ("b", 4, "a"), ("d", 3, "a")):
        at = f"2026-11-21T0{hour}:00:00+00:00"
        store.finish(make(run_id, started_at=at, profile_name=profile))
    assert [run.run_id for run in past_runs(store, [])] == ["d", "b", "a", "c"]
    assert first_run(store) == "c"


def test_since_leaves_out_what_is_older(store: Store, make: Make) -> None:
    store.finish(make("old", started_at="2026-11-20T00:00:00+00:00"))
    store.finish(make("new", started_at="2026-11-21T00:00:00+00:00"))
    store.evaluations.claim(rich_evaluation())
    since = datetime(2026, 11, 21, tzinfo=UTC)
    (run,) = past_runs(store, ["cycles"], since=since)
    assert run.run_id == "new"
    assert set(run.figures) == {"cycles"}
    assert first_run(store) == "old"
    assert len(past_accuracies(store, since=since)) == 1
    assert past_accuracies(store, since=datetime(2027, 1, 1, tzinfo=UTC)) == []


def test_only_runs_that_passed_or_failed_are_history(store: Store, make: Make) -> None:
    for status in ("passed", "failed", "error", "interrupted", "running"):
        store.finish(make(status, status=status))
    store.finish(make("no-model", status="passed", model=None))
    assert [run.run_id for run in past_runs(store, [])] == ["failed", "passed"]


def test_a_missing_number_is_nan(store: Store, make: Make) -> None:
    figure = Measurement("cycles", math.nan, "cycles", "modelled", None)
    store.finish(make(measurements={"cycles": figure}))
    assert math.isnan(past_runs(store, ["cycles"])[0].figures["cycles"].value)


def test_evaluations_have_their_accuracy(store: Store) -> None:
    store.evaluations.claim(rich_evaluation())
    unfinished = replace(rich_evaluation(), evaluation_id="x", key="other", accuracy=None)
    store.evaluations.claim(unfinished)
    (one,) = past_accuracies(store)
    assert (one.accuracy, one.metric, one.samples) == (0.75, "top1", 4)
    assert (one.model_name, one.profile_name, one.data_name) == ("kws µ", "stm32l4", "tests µ.npz")


def test_an_empty_database_has_none(store: Store) -> None:
    assert (past_runs(store, ["cycles"]), past_accuracies(store), first_run(store)) == ([], [], "")


def test_heads_are_read_from_the_index(file_store: Store, make: Make) -> None:
    """Rows are not read: documents are long, and the last columns are behind them."""
    file_store.finish(make())
    seen: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        seen.append((call[2], call[3]))

    event.listen(file_store._engine, "before_cursor_execute", note)
    past_runs(file_store, ["cycles"])
    (heads,) = [one for one in seen if "source_commit" in one[0]]
    with file_store.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {heads[0]}", heads[1]).all()
    assert len(plan) == 1
    assert "USING COVERING INDEX ix_runs_history" in str(plan[0])
