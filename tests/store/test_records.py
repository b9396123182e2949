"""What goes in comes out, and is found again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from hil.errors import StoreError, UsageError
from hil.records import Measurement, RunRecord
from hil.store import Store

from tests.store.samples import rich_record
from tests.support.databases import execute, is_sqlite

Make = Callable[..., RunRecord]


def test_a_run_comes_back_equal_and_in_order(store: Store) -> None:
    record = rich_record()
    store.finish(record)
    loaded = store.get(record.run_id)
    assert loaded == record
    assert list(loaded.measurements) == list(record.measurements)
    assert list(loaded.profile) == list(record.profile)
    assert list(loaded.flash_by_owner) == list(record.flash_by_owner)


def test_the_sample_has_something_in_every_field() -> None:
    record = rich_record()
    empty = [f.name for f in dataclasses.fields(record) if not getattr(record, f.name)]
    assert empty == []


def test_a_run_with_nothing_but_its_head_comes_back_equal(store: Store, make: Make) -> None:
    record = make(
        status="error",
        finished_at=None,
        model=None,
        measurements={},
        ops=(),
        functions=(),
        plan=None,
        flash_by_owner={},
        ram_by_owner={},
        check=None,
        provenance={},
        notes=(),
        errors=(),
    )
    store.finish(record)
    assert store.get("latest") == record


def test_finish_replaces_everything_that_begin_kept(store: Store, make: Make) -> None:
    store.begin(make(status="running", finished_at=None, notes=("to be replaced",)))
    assert store.get("latest").status == "running"
    record = make(ops=rich_record().ops[:1], notes=())
    store.finish(record)
    assert store.get("latest") == record
    assert len(store.find()) == 1


def test_numpy_numbers_are_stored_as_numbers(store: Store, make: Make) -> None:
    record = make(
        measurements={
            "cycles": Measurement("cycles", np.float64(5), "cycles", "modelled", np.float32(1.5))
        },
        ram_by_owner={"arena": np.int64(1_024)},
        provenance={"load_retries": np.int64(2)},
    )
    store.finish(record)
    assert store.get("latest") == record
    kinds = "json_type(document, '$.ram_by_owner.arena'), typeof(value)"
    if not is_sqlite(store):
        kinds = "json_typeof(document #> '{ram_by_owner,arena}'), pg_typeof(value)::text"
    (found,) = execute(store, f"SELECT {kinds} FROM runs JOIN measurements USING (run_id)")
    assert found in [("integer", "real"), ("number", "double precision")]


def test_nan_comes_back_as_nan(store: Store, make: Make) -> None:
    figure = Measurement("latency_us", math.nan, "us", "modelled", None)
    store.finish(make(measurements={"latency_us": figure}))
    assert math.isnan(store.get("latest").measurements["latency_us"].value)


def test_a_path_that_is_not_text_is_kept_readable(store: Store, make: Make) -> None:
    model = rich_record().model
    assert model is not None
    store.finish(make(model=dataclasses.replace(model, path="m\udcff.tflite")))
    loaded = store.get("latest").model
    assert loaded is not None
    assert loaded.path == "m\\udcff.tflite"


def test_the_same_id_cannot_begin_twice(store: Store, make: Make) -> None:
    store.begin(make())
    with pytest.raises(StoreError, match="cannot be stored"):
        store.begin(make(status="passed"))
    assert store.get("latest").status == "failed"


def test_deleting_a_run_deletes_its_measurements(store: Store, make: Make) -> None:
    store.finish(make("one"))
    store.finish(make("two"))
    assert store.delete("two") == "two"
    with store.reading() as connection:
        owners = connection.exec_driver_sql("SELECT DISTINCT run_id FROM measurements").all()
    assert owners == [("one",)]


def test_find_filters_and_sorts(store: Store, make: Make) -> None:
    model = rich_record().model
    assert model is not None
    other = dataclasses.replace(model, name="vww", sha256="cd" * 32)
    store.finish(make("b", started_at="2026-11-02T00:00:00+00:00", status="passed"))
    store.finish(make("c", started_at="2026-11-03T00:00:00+00:00", model=other))
    store.finish(make("a", started_at="2026-11-01T00:00:00Z", profile_name="other", engine="tflm"))

    def ids(**filters: object) -> list[str]:
        return [run.run_id for run in store.find(**filters)]  # type: ignore[arg-type]

    assert ids() == ["c", "b", "a"]
    assert ids(limit=2) == ["c", "b"]
    assert ids(model_name="kws") == ["b", "a"]
    assert ids(model_sha256="CDCD") == ["c"]
    assert ids(model_sha256="%") == []
    assert ids(profile="other") == ids(engine="tflm") == ["a"]
    assert ids(status="passed") == ["b"]
    assert ids(status="failed", limit=1) == ["c"]
    assert ids(since=datetime(2026, 11, 2, tzinfo=UTC)) == ["c", "b"]
    assert store.find()[1].measurements == rich_record().measurements


def test_get_understands_beginnings_and_last_parts(store: Store, make: Make) -> None:
    for run_id in ("20261121T024800-a1b2c3", "20261121T024801-ffee00", "20261122T000000-a1cccc"):
        store.finish(make(run_id))
    assert store.get("20261122").run_id == "20261122T000000-a1cccc"
    assert store.get("ffe").run_id == "20261121T024801-ffee00"
    with pytest.raises(UsageError, match="20261121T024800-a1b2c3") as ambiguous:
        store.get("a1")
    assert "20261122T000000-a1cccc" in ambiguous.value.message
    for nothing in ("2027", "%", "_", ""):
        with pytest.raises(UsageError, match="there is no run"):
            store.get(nothing)


def test_an_exact_id_wins_over_longer_ones(store: Store, make: Make) -> None:
    store.finish(make("run"))
    store.finish(make("run2"))
    assert store.get("run").run_id == "run"


def test_latest_is_the_newest_and_an_empty_store_has_none(store: Store, make: Make) -> None:
    with pytest.raises(UsageError, match="no runs"):
        store.get("latest")
    store.finish(make("old", started_at="2025-01-01T00:00:00+00:00"))
    store.finish(make("new", started_at="2026-01-01T00:00:00+02:00"))
    assert store.get("latest").run_id == store.get("latest~0").run_id == "new"
    assert store.get("latest~1").run_id == "old"
    for name in ("latest~2", "latest~", "latest~x", "newest~1"):
        with pytest.raises(UsageError, match="there is no run"):
            store.get(name)
