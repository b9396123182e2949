"""Quantized models with their ranges, their tensors' quality and their agreement."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PARTS = ("variant_ranges", "variant_tensors", "variant_agreements")


def upgrade() -> None:
    """Create the tables of variants."""
    op.create_table(
        "variants",
        sa.Column("variant_key", sa.String(64), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False, index=True),
        sa.Column("parent_sha256", sa.String(64), nullable=False, index=True),
        sa.Column("parent_name", sa.String(255), nullable=False),
        sa.Column("scheme", sa.String(32), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("calibration", sa.Text(), nullable=False),
        sa.Column("calibration_sha256", sa.String(64), nullable=False),
        _integer("calibration_samples"),
        sa.Column("library", sa.String(255), nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        _integer("created_us"),
        _integer("size_bytes"),
    )
    _create_list(
        "variant_ranges",
        _integer("tensor"),
        sa.Column("name", sa.Text(), nullable=False),
        *_numbers("minimum", "maximum", "low", "high", "clipped"),
    )
    _create_list(
        "variant_tensors",
        _integer("tensor"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("dtype", sa.String(16), nullable=False),
        *_numbers("scale"),
        _integer("zero_point"),
        *_numbers("sqnr_db", "cosine", "saturated"),
    )
    _create_list(
        "variant_agreements",
        sa.Column("data", sa.String(16), nullable=False),
        _integer("samples"),
        *_numbers("top1", "sqnr_db", "cosine", "max_abs_diff", "parent_accuracy", "accuracy"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (*_PARTS, "variants"):
        op.drop_table(table)


def _create_list(table: str, *columns: sa.Column[Any]) -> None:
    """A table of rows that a variant owns, in order."""
    key = sa.Column(
        "variant_key",
        sa.String(64),
        sa.ForeignKey("variants.variant_key", ondelete="CASCADE"),
        primary_key=True,
    )
    position = sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False)
    op.create_table(table, key, position, *columns)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _numbers(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double()) for name in names]
