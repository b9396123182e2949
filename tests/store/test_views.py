"""SQL over the database: the views ``ops`` and ``functions``, and the columns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from hil.records import RunRecord
from hil.store import Store

from tests.store.samples import rich_record

Make = Callable[..., RunRecord]


def query(store: Store, statement: str) -> list[Any]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def test_ops_are_rows_of_a_view(store: Store, make: Make) -> None:
    store.finish(make("one"))
    store.finish(make("none", ops=(), functions=()))
    rows = query(store, "SELECT * FROM ops ORDER BY run_id, position")
    ops = enumerate(rich_record().ops)
    assert rows == [("one", position, *dataclasses.astuple(op)) for position, op in ops]


def test_functions_are_rows_of_a_view(store: Store, make: Make) -> None:
    store.finish(make("one"))
    rows = query(store, "SELECT * FROM functions ORDER BY position")
    functions = enumerate(rich_record().functions)
    assert rows == [("one", position, *dataclasses.astuple(f)) for position, f in functions]


def test_a_latency_that_is_not_a_number_is_null(store: Store, make: Make) -> None:
    op = dataclasses.replace(rich_record().ops[0], latency_us=math.nan)
    store.finish(make(ops=(op,)))
    assert query(store, "SELECT latency_us, op FROM ops") == [(None, op.op)]


def test_columns_and_views_join(store: Store, make: Make) -> None:
    store.finish(make("one"))
    store.finish(make("two", profile_name="other", status="passed"))
    rows = query(
        store,
        "SELECT run_id, m.value, sum(ops.cycles) FROM runs "
        "JOIN measurements AS m USING (run_id) JOIN ops USING (run_id) "
        "WHERE m.name = 'latency_us' AND profile_name = 'other' GROUP BY run_id, m.value",
    )
    cycles = sum(op.cycles for op in rich_record().ops)
    assert rows == [("two", rich_record().measurements["latency_us"].value, cycles)]


def test_columns_hold_what_is_filtered_and_plotted(store: Store, make: Make) -> None:
    facts = {"engine_version": "3", "firmware_sha256": "cd" * 32, "hil_commit": "49c25c6+"}
    store.finish(make(provenance={**facts, "sweep_key": "ef" * 32}))
    names = ", ".join((*facts, "sweep_key", "model_name", "model_sha256", "model_dtype"))
    model = rich_record().model
    assert model is not None
    assert query(store, f"SELECT {names} FROM runs") == [
        (*facts.values(), "ef" * 32, model.name, model.sha256, model.dtype)
    ]
