"""Records become documents without loss; what is not a document is refused with its place."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.errors import StoreError
from hil.records import Evaluation, RunRecord, Variant
from hil.store import Store
from hil.store.documents import InvalidDocument, check_lossless, from_document, to_document
from hil.store.tables import baselines, evaluations, runs, variants
from sqlalchemy import Connection, select, update

from tests.store.samples import rich_evaluation, rich_record, rich_variant
from tests.support.databases import execute


@pytest.mark.parametrize("record", [rich_record(), rich_variant(), rich_evaluation()])
def test_a_record_comes_back_equal(record: Any) -> None:
    text = json.dumps(to_document(record), allow_nan=False)
    loaded = from_document(type(record), json.loads(text))
    assert loaded == record
    check_lossless(json.loads(text), loaded)


def test_numpy_values_paths_and_text_are_normalised() -> None:
    run = dataclasses.replace(
        rich_record(),
        ram_by_owner={"arena": np.int64(5)},
        machine_exact=np.bool_(True),  # type: ignore[arg-type]
        provenance={"x": np.float32(0.5), "path": Path("a/b"), "list": [np.int8(1)]},
        notes=("m\udcff.tflite", "a\0b"),
    )
    document = to_document(run)
    assert json.loads(json.dumps(document)) == document
    assert document["ram_by_owner"] == {"arena": 5}
    assert document["machine_exact"] is True
    assert document["provenance"] == {"x": 0.5, "path": "a/b", "list": [1]}
    assert document["notes"] == ["m\\udcff.tflite", "a\\0b"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_come_back(value: float) -> None:
    figure = dataclasses.replace(rich_record().measurements["cycles"], value=value)
    run = dataclasses.replace(rich_record(), measurements={"cycles": figure})
    text = json.dumps(to_document(run), allow_nan=False)
    loaded = from_document(RunRecord, json.loads(text)).measurements["cycles"].value
    assert loaded == value or (math.isnan(loaded) and math.isnan(value))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = to_document(rich_record())
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("bogus",), 1, "bogus: there is no such field"),
        (("status",), "splendid", "status: input should be"),
        (("machine_exact",), 1, "machine_exact"),
        (("measurements", "cycles", "value"), "12", "measurements.cycles.value"),
        (("measurements", "cycles", "kind"), "dreamt", "measurements.cycles.kind"),
        (("measurements", "cycles", "colour"), "red", "colour: there is no such field"),
        (("ops", 0, "cycles"), 1.5, "ops.0.cycles"),
        (("ops",), "none", "ops"),
        (("model", "sha256"), None, "model.sha256"),
        (("profile",), [], "profile"),
        (("schema",), "hil.record.run/2", "newer version of hil"),
        (("schema",), "hil.record.variant/1", "its schema is 'hil.record.variant/1'"),
        (("schema",), 1, "its schema is 1"),
    ],
)
def test_the_place_of_an_error_is_named(path: tuple[Any, ...], value: Any, place: str) -> None:
    document = changed(path, value)
    with pytest.raises(InvalidDocument, match=place):
        check_lossless(document, from_document(RunRecord, document))


@pytest.mark.parametrize("key", ["schema", "run_id", "measurements", "check", "provenance"])
def test_a_field_must_be_there(key: str) -> None:
    document = to_document(rich_record())
    del document[key]
    with pytest.raises(InvalidDocument, match=key):
        from_document(RunRecord, document)


def test_a_document_may_lack_fields_that_were_added_with_a_default() -> None:
    document = to_document(rich_record())
    for figure in document["measurements"].values():
        del figure["samples"]
    assert from_document(RunRecord, document).measurements["cycles"].samples == ()


DAMAGES: dict[str, Callable[[Any, str], Any]] = {
    "text": lambda document, kind: '{"schema": "hil.rec',
    "list": lambda document, kind: [],
    "no schema": lambda document, kind: without(document, "schema"),
    "newer": lambda document, kind: {**document, "schema": f"hil.record.{kind}/7"},
    "no field": lambda document, kind: without(document, "engine", "scheme"),
}


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ("text", "not a JSON object", "copy"),
        ("list", "not a JSON object", "copy"),
        ("no schema", "its schema is None", "copy"),
        ("newer", "newer version", "update hil"),
        ("no field", "field required", "copy"),
    ],
)
def test_a_damaged_document_is_an_error_that_names_it(
    store: Store, change: str, message: str, hint: str
) -> None:
    store.finish(rich_record())
    store.variants.keep(rich_variant())
    store.evaluations.claim(rich_evaluation())
    store.baselines.put("main", [rich_record()])

    def damage(connection: Connection) -> None:
        for table in (runs, variants, evaluations, baselines):
            kind = "run" if table in (runs, baselines) else table.name[:-1]
            document = connection.scalar(select(table.c.document))
            value = DAMAGES[change](document, kind)
            connection.execute(update(table).values(document=value))

    store.transactions.write(damage)
    run_id, evaluation_id = rich_record().run_id, rich_evaluation().evaluation_id
    for name, read in {
        f"the run {run_id} in": lambda: store.get("latest"),
        f"the variant {rich_variant().sha256} in": lambda: store.variants.find(),
        f"the evaluation {evaluation_id} in": lambda: store.evaluations.find(),
        f"the run {run_id} of the baseline 'main' in": lambda: store.baselines.load("main"),
    }.items():
        with pytest.raises(StoreError, match=message) as caught:
            read()
        assert name in caught.value.message
        assert store.label in caught.value.message
        assert hint in caught.value.hint
    assert [run.run_id for run in store.find()] == [run_id]  # from columns


def test_a_document_that_is_not_json_is_an_error(file_store: Store) -> None:
    file_store.finish(rich_record())
    execute(file_store, 'UPDATE runs SET document = \'{"schema": "hil.rec\'')
    with pytest.raises(StoreError, match="not a JSON object"):
        file_store.get("latest")


def test_every_record_that_is_stored_has_a_schema() -> None:
    schemas = {to_document(r)["schema"] for r in (rich_record(), rich_variant(), rich_evaluation())}
    assert schemas == {f"hil.record.{kind}/1" for kind in ("run", "variant", "evaluation")}
    for kind in (RunRecord, Variant, Evaluation):
        with pytest.raises(InvalidDocument, match="schema"):
            from_document(kind, {})
