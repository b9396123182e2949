"""Variants come back as they went in, once each, and are found again."""

from __future__ import annotations

import dataclasses
import math

from hil.store import Store

from tests.store.samples import rich_variant


def test_a_variant_comes_back_equal(store: Store) -> None:
    store.variants.keep(rich_variant())
    assert store.variants.get(rich_variant().sha256) == rich_variant()
    assert store.variants.get("cdcdcd") == rich_variant()
    assert store.variants.get("ab") is None


def test_the_sample_has_something_in_every_field() -> None:
    variant = rich_variant()
    assert [f.name for f in dataclasses.fields(variant) if not getattr(variant, f.name)] == []


def test_infinite_sqnr_and_undefined_cosine_survive(store: Store) -> None:
    tensor = dataclasses.replace(rich_variant().tensors[0], sqnr_db=math.inf, cosine=math.nan)
    store.variants.keep(dataclasses.replace(rich_variant(), tensors=(tensor,)))
    loaded = store.variants.get(rich_variant().sha256)
    assert loaded is not None
    assert loaded.tensors[0].sqnr_db == math.inf
    assert math.isnan(loaded.tensors[0].cosine)


def test_made_again_it_replaces_the_old_one(store: Store) -> None:
    store.variants.keep(rich_variant())
    later = dataclasses.replace(
        rich_variant(), created_at="2026-11-22T00:00:00+00:00", tensors=(), ranges=()
    )
    store.variants.keep(later)
    assert store.variants.find() == [later]


def test_variants_are_listed_newest_first_and_chosen(store: Store) -> None:
    first = rich_variant()
    other = dataclasses.replace(
        first, scheme="q8", sha256="34" * 32, created_at="2026-11-21T10:00:00+00:00"
    )
    recalibrated = dataclasses.replace(
        first, calibration_sha256="99" * 32, created_at="2026-11-21T11:00:00+00:00"
    )
    for variant in (first, other, recalibrated):
        store.variants.keep(variant)
    assert store.variants.find() == [recalibrated, other, first]
    assert store.variants.find(limit=1) == [recalibrated]
    assert store.variants.find(scheme="q8") == [other]
    assert store.variants.find(parent_sha256="EFEF") == [recalibrated, other, first]
    assert store.variants.find(parent_sha256="%") == []
    assert store.variants.get(first.sha256) == recalibrated
