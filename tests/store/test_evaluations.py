"""Evaluations are claimed by one process, grow by batches and are continued."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hil.errors import StoreError, UsageError
from hil.records import Evaluation
from hil.store import Store

from tests.store.samples import rich_evaluation, rich_samples
from tests.support.databases import execute


def beginning(evaluation_id: str = "first", **fields: object) -> Evaluation:
    return dataclasses.replace(
        rich_evaluation(),
        evaluation_id=evaluation_id,
        status="running",
        finished_at=None,
        done=0,
        accuracy=None,
        errors=(),
        **fields,  # type: ignore[arg-type]
    )


def orphan(store: Store) -> None:
    """Make it look as if the process that is at work had been killed."""
    execute(store, "UPDATE evaluations SET boot_id = 'before', pid_start = 1")


def test_what_is_kept_comes_back(store: Store) -> None:
    claim = store.evaluations.claim(beginning("20261121T030000-e5f6a7"))
    assert (claim.results, claim.complete) == ((), False)
    store.evaluations.add(claim.evaluation.evaluation_id, rich_samples())
    store.evaluations.finish(rich_evaluation())
    assert store.evaluations.find() == [rich_evaluation()]
    assert store.evaluations.samples(rich_evaluation().evaluation_id) == tuple(rich_samples())


def test_an_infinite_difference_is_kept_as_json_can(store: Store) -> None:
    found = rich_evaluation().accuracy
    assert found is not None
    endless = dataclasses.replace(
        rich_evaluation(), accuracy=dataclasses.replace(found, max_abs_diff=math.inf)
    )
    store.evaluations.claim(endless)
    assert [one.accuracy for one in store.evaluations.find()] == [endless.accuracy]
    (row,) = execute(store, "SELECT CAST(document AS text) FROM evaluations")
    json.loads(row[0], parse_constant=pytest.fail)


def test_a_killed_one_is_continued(store: Store) -> None:
    store.evaluations.claim(beginning())
    store.evaluations.add("first", rich_samples()[:2])
    orphan(store)
    assert [(e.status, e.done) for e in store.evaluations.find()] == [("interrupted", 2)]
    claim = store.evaluations.claim(beginning("second"))
    assert claim.evaluation.evaluation_id == "first"
    assert claim.results == tuple(rich_samples()[:2])
    assert not claim.complete
    assert [(e.status, e.done) for e in store.evaluations.find()] == [("running", 2)]


@pytest.mark.parametrize("status", ["failed", "error", "interrupted"])
def test_one_that_ended_before_its_last_sample_is_continued(store: Store, status: str) -> None:
    begun = beginning()
    store.evaluations.claim(begun)
    store.evaluations.add("first", rich_samples()[:3])
    ended = dataclasses.replace(begun, status=status, errors=rich_evaluation().errors)
    store.evaluations.finish(ended)
    claim = store.evaluations.claim(beginning("second"))
    assert (claim.evaluation.evaluation_id, len(claim.results)) == ("first", 3)
    assert claim.evaluation.errors == ()


def test_a_complete_one_is_handed_out_and_restart_begins_anew(store: Store) -> None:
    begun = beginning()
    store.evaluations.claim(begun)
    store.evaluations.add("first", rich_samples())
    ended = dataclasses.replace(rich_evaluation(), evaluation_id="first")
    store.evaluations.finish(ended)
    claim = store.evaluations.claim(beginning("second"))
    assert claim.complete
    assert claim.evaluation.evaluation_id == "first"
    assert len(claim.results) == 4
    anew = store.evaluations.claim(beginning("third"), restart=True)
    assert (anew.evaluation.evaluation_id, anew.results) == ("third", ())
    assert len(store.evaluations.find()) == 2


def test_one_that_was_never_added_up_is_not_complete(store: Store) -> None:
    begun = beginning()
    store.evaluations.claim(begun)
    store.evaluations.add("first", rich_samples())
    store.evaluations.finish(dataclasses.replace(begun, status="failed"))
    claim = store.evaluations.claim(beginning("second"))
    assert (claim.evaluation.evaluation_id, len(claim.results)) == ("first", 4)
    assert not claim.complete


def test_another_question_is_another_evaluation(store: Store) -> None:
    store.evaluations.claim(beginning())
    claim = store.evaluations.claim(beginning("second", key="other"))
    assert claim.evaluation.evaluation_id == "second"


def test_one_at_work_is_not_taken_over(store: Store) -> None:
    store.evaluations.claim(beginning())
    with pytest.raises(UsageError, match="is being carried out by process") as caught:
        store.evaluations.claim(beginning("second"))
    assert "--restart" in caught.value.hint


def test_a_batch_is_kept_whole_or_not_at_all(store: Store) -> None:
    store.evaluations.claim(beginning())
    store.evaluations.add("first", rich_samples()[:1])
    with pytest.raises(StoreError):
        store.evaluations.add("first", [*rich_samples()[1:], rich_samples()[0]])
    assert store.evaluations.samples("first") == tuple(rich_samples()[:1])


def test_they_are_found_by_model_and_profile(store: Store) -> None:
    for name, fields in {
        "a": {"started_at": "2026-11-21T01:00:00.000+00:00"},
        "b": {"started_at": "2026-11-21T02:00:00.000+00:00", "profile_name": "other"},
        "c": {"started_at": "2026-11-21T03:00:00.000+00:00", "model_sha256": "cd" * 32},
    }.items():
        store.evaluations.claim(beginning(name, key=name, **fields))

    def found(**options: object) -> list[str]:
        return [e.evaluation_id for e in store.evaluations.find(**options)]  # type: ignore[arg-type]

    assert found() == ["c", "b", "a"]
    assert found(limit=2) == ["c", "b"]
    assert found(model_sha256="ab" * 32) == ["b", "a"]
    assert found(model_sha256="ab" * 32, profile="stm32l4") == ["a"]


def test_deleting_one_deletes_its_samples(store: Store) -> None:
    store.evaluations.claim(beginning())
    store.evaluations.add("first", rich_samples())
    store.evaluations.delete("first")
    assert store.evaluations.find() == []
    assert store.evaluations.samples("first") == ()
