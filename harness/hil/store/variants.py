"""Variants to rows and back; one variant is kept once, made again it replaces what was known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy import delete, select

from hil.records import Agreement, TensorQuality, TensorRange, Variant
from hil.store.convert import epoch_us, from_column, plain_text, to_column, to_json
from hil.store.database import Transaction
from hil.store.tables import (
    VariantAgreementRow,
    VariantRangeRow,
    VariantRow,
    VariantTensorRow,
)


class Variants:
    """The part of an open store that holds variants; ``Store.variants`` makes one."""

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def keep(self, variant: Variant) -> None:
        """Keep a quantized model; the same one made again replaces what was known of it."""
        row = _to_row(variant)
        with self._writing() as session:
            session.execute(delete(VariantRow).where(VariantRow.variant_key == row.variant_key))
            session.add(row)

    def get(self, sha256: str) -> Variant | None:
        """Return the variant whose bytes have this hash (or its beginning), newest first; or None.

        None means that hil did not make the model, or not into this database.
        """
        return next(iter(self.find(sha256=sha256, limit=1)), None)

    def find(
        self,
        *,
        sha256: str | None = None,
        parent_sha256: str | None = None,
        scheme: str | None = None,
        limit: int | None = None,
    ) -> list[Variant]:
        """Return the variants that match all given values, newest first.

        Hashes may be their beginnings.
        """
        query = select(VariantRow).order_by(VariantRow.created_us.desc(), VariantRow.variant_key)
        if sha256 is not None:
            query = query.where(VariantRow.sha256.startswith(sha256.lower(), autoescape=True))
        if parent_sha256 is not None:
            begins = VariantRow.parent_sha256.startswith(parent_sha256.lower(), autoescape=True)
            query = query.where(begins)
        if scheme is not None:
            query = query.where(VariantRow.scheme == scheme)
        with self._reading() as session:
            return [_to_variant(row) for row in session.scalars(query.limit(limit))]


def _to_row(variant: Variant) -> VariantRow:
    options = json.loads(to_json(variant.options))
    making = {
        "sha256": variant.sha256,
        "parent_sha256": variant.parent_sha256,
        "scheme": variant.scheme,
        "options": options,
        "calibration_sha256": variant.calibration_sha256,
        "library": variant.library,
    }
    key = hashlib.sha256(json.dumps(making, sort_keys=True).encode()).hexdigest()
    return VariantRow(
        variant_key=key,
        sha256=variant.sha256,
        parent_sha256=variant.parent_sha256,
        parent_name=plain_text(variant.parent_name),
        scheme=variant.scheme,
        options=options,
        calibration=plain_text(variant.calibration),
        calibration_sha256=variant.calibration_sha256,
        calibration_samples=int(variant.calibration_samples),
        library=variant.library,
        created_at=variant.created_at,
        created_us=epoch_us(variant.created_at),
        size_bytes=int(variant.size_bytes),
        ranges=_range_rows(variant.ranges),
        tensors=_tensor_rows(variant.tensors),
        agreements=_agreement_rows(variant.agreements),
    )


def _range_rows(ranges: Sequence[TensorRange]) -> list[VariantRangeRow]:
    return [
        VariantRangeRow(
            position=i,
            tensor=int(r.index),
            name=plain_text(r.name),
            minimum=to_column(r.minimum),
            maximum=to_column(r.maximum),
            low=to_column(r.low),
            high=to_column(r.high),
            clipped=to_column(r.clipped),
        )
        for i, r in enumerate(ranges)
    ]


def _tensor_rows(tensors: Sequence[TensorQuality]) -> list[VariantTensorRow]:
    return [
        VariantTensorRow(
            position=i,
            tensor=int(t.index),
            name=plain_text(t.name),
            kind=t.kind,
            dtype=t.dtype,
            scale=to_column(t.scale),
            zero_point=int(t.zero_point),
            sqnr_db=to_column(t.sqnr_db),
            cosine=to_column(t.cosine),
            saturated=to_column(t.saturated),
        )
        for i, t in enumerate(tensors)
    ]


def _agreement_rows(agreements: Sequence[Agreement]) -> list[VariantAgreementRow]:
    return [
        VariantAgreementRow(
            position=i,
            data=a.data,
            samples=int(a.samples),
            top1=to_column(a.top1),
            sqnr_db=to_column(a.sqnr_db),
            cosine=to_column(a.cosine),
            max_abs_diff=to_column(a.max_abs_diff),
            parent_accuracy=to_column(a.parent_accuracy),
            accuracy=to_column(a.accuracy),
        )
        for i, a in enumerate(agreements)
    ]


def _to_variant(row: VariantRow) -> Variant:
    return Variant(
        sha256=row.sha256,
        parent_sha256=row.parent_sha256,
        parent_name=row.parent_name,
        scheme=row.scheme,
        options=row.options,
        calibration=row.calibration,
        calibration_sha256=row.calibration_sha256,
        calibration_samples=row.calibration_samples,
        library=row.library,
        created_at=row.created_at,
        size_bytes=row.size_bytes,
        ranges=tuple(_to_range(r) for r in row.ranges),
        tensors=tuple(_to_tensor(t) for t in row.tensors),
        agreements=tuple(_to_agreement(a) for a in row.agreements),
    )


def _to_range(row: VariantRangeRow) -> TensorRange:
    return TensorRange(
        index=row.tensor,
        name=row.name,
        minimum=from_column(row.minimum),
        maximum=from_column(row.maximum),
        low=from_column(row.low),
        high=from_column(row.high),
        clipped=from_column(row.clipped),
    )


def _to_tensor(row: VariantTensorRow) -> TensorQuality:
    return TensorQuality(
        index=row.tensor,
        name=row.name,
        kind=row.kind,
        dtype=row.dtype,
        scale=from_column(row.scale),
        zero_point=row.zero_point,
        sqnr_db=from_column(row.sqnr_db),
        cosine=from_column(row.cosine),
        saturated=from_column(row.saturated),
    )


def _to_agreement(row: VariantAgreementRow) -> Agreement:
    return Agreement(
        data=row.data,
        samples=row.samples,
        top1=row.top1,
        sqnr_db=from_column(row.sqnr_db),
        cosine=from_column(row.cosine),
        max_abs_diff=from_column(row.max_abs_diff),
        parent_accuracy=row.parent_accuracy,
        accuracy=row.accuracy,
    )
