"""Quantized models in the database: each once; made again, it replaces the earlier row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from hil.records import Variant
from hil.store.documents import digest, epoch_us, load, to_document
from hil.store.tables import variants
from hil.store.transactions import Transactions

_COLUMNS = (*("sha256", "parent_sha256", "parent_name", "scheme", "created_at", "size_bytes"),)
_MAKING = ("sha256", "parent_sha256", "scheme", "options", "calibration_sha256", "library")


class Variants:
    """The variants of an open store (``Store.variants``)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def keep(self, variant: Variant) -> None:
        """Store a quantized model; it replaces one of the same bytes, parent and options."""
        row = variant_row(variant)

        def work(connection: Connection) -> None:
            same = variants.c.variant_key == row["variant_key"]
            connection.execute(delete(variants).where(same))
            connection.execute(insert(variants), row)

        self._transactions.write(work, lock=f"variants/{row['variant_key']}")

    def get(self, sha256: str) -> Variant | None:
        """Return the newest variant whose bytes have this hash (or its beginning), or None.

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

        Raises:
            StoreError: a variant's document is damaged, or of a newer version of hil.
        """
        newest_first = variants.c.created_us.desc(), variants.c.variant_key
        query = select(variants.c.sha256, variants.c.document).order_by(*newest_first)
        if sha256 is not None:
            query = query.where(variants.c.sha256.startswith(sha256.lower(), autoescape=True))
        if parent_sha256 is not None:
            begins = variants.c.parent_sha256.startswith(parent_sha256.lower(), autoescape=True)
            query = query.where(begins)
        if scheme is not None:
            query = query.where(variants.c.scheme == scheme)
        with self._transactions.reading() as connection:
            return [
                load(
                    Variant, row.document, f"the variant {row.sha256} in {self._transactions.label}"
                )
                for row in connection.execute(query.limit(limit))
            ]


def variant_row(variant: Variant) -> dict[str, Any]:
    """Return the row of ``variants``."""
    document = to_document(variant)
    return {
        **{name: document[name] for name in _COLUMNS},
        "variant_key": digest([document[name] for name in _MAKING]),
        "created_us": epoch_us(variant.created_at),
        "document": document,
    }
