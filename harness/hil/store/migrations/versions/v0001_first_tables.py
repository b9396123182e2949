"""The first tables.

Written out, not taken from ``tables.py``: a step stays what it was when databases were made by it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_RUN_PARTS = (
    "measurements",
    "ops",
    "functions",
    "plans",
    "placements",
    "firmware_sizes",
    "checks",
    "provenance",
    "notes",
    "errors",
)


def upgrade() -> None:
    """Create all tables."""
    _create_shared()
    _create_runs()
    _create_results()
    _create_memory()
    _create_texts()


def downgrade() -> None:
    """Drop all tables."""
    for table in (*_RUN_PARTS, "runs", "profiles", "models"):
        op.drop_table(table)


def _create_shared() -> None:
    op.create_table(
        "models",
        sa.Column("model_key", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, index=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, index=True),
        sa.Column("dtype", sa.String(255), nullable=False),
        _integer("size_bytes"),
        _integer("macs"),
        _integer("ops"),
    )
    op.create_table(
        "profiles",
        sa.Column("profile_key", sa.String(64), primary_key=True),
        sa.Column("snapshot", sa.JSON(), nullable=False),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False, index=True),
        sa.Column("started_at", sa.String(40), nullable=False),
        _integer("started_us"),
        sa.Column("finished_at", sa.String(40)),
        sa.Column("profile_name", sa.String(255), nullable=False, index=True),
        sa.Column(
            "profile_key", sa.String(64), sa.ForeignKey("profiles.profile_key"), nullable=False
        ),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("machine_exact", sa.Boolean(), nullable=False),
        sa.Column("engine", sa.String(255), nullable=False),
        sa.Column("model_key", sa.String(64), sa.ForeignKey("models.model_key")),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("boot_id", sa.String(255), nullable=False),
        _integer("pid"),
        sa.Column("pid_start", sa.BigInteger()),
    )
    op.create_index("ix_runs_started", "runs", ["started_us", "run_id"])


def _create_results() -> None:
    _create_list(
        "measurements",
        sa.Column("name", sa.String(255), nullable=False, index=True),
        sa.Column("value", sa.Double()),
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("uncertainty_pct", sa.Double()),
        _integer("n"),
        sa.Column("spread_pct", sa.Double()),
        sa.Column("source", sa.Text(), nullable=False),
    )
    _create_list(
        "ops",
        _integer("op_index"),
        sa.Column("op", sa.String(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _integer("macs"),
        _integer("instructions"),
        _integer("cycles"),
        sa.Column("latency_us", sa.Double()),
        sa.Column("kind", sa.String(16), nullable=False),
    )
    _create_list(
        "functions",
        sa.Column("name", sa.Text(), nullable=False),
        _integer("instructions"),
        _integer("cycles"),
    )
    op.create_table(
        "checks",
        _run_id(),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("max_abs_diff", sa.Double()),
        sa.Column("max_rel_diff", sa.Double()),
        sa.Column("tolerance", sa.Double()),
        _integer("inputs"),
        _integer("mismatches"),
    )


def _create_memory() -> None:
    op.create_table("plans", _run_id(), _integer("arena_bytes"), _integer("peak_op"))
    _create_list(
        "placements",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tensor", sa.BigInteger()),
        _integer("offset"),
        _integer("size"),
        _integer("first_op"),
        _integer("last_op"),
    )
    _create_list(
        "firmware_sizes",
        sa.Column("memory", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        _integer("size_bytes"),
    )


def _create_texts() -> None:
    _create_list(
        "provenance",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
    )
    _create_list("notes", sa.Column("text", sa.Text(), nullable=False))
    _create_list(
        "errors",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(255), nullable=False),
    )


def _create_list(table: str, *columns: sa.Column[Any]) -> None:
    """A table of rows that a run owns, in order."""
    position = sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False)
    op.create_table(table, _run_id(), position, *columns)


def _run_id() -> sa.Column[str]:
    return sa.Column(
        "run_id",
        sa.String(64),
        sa.ForeignKey("runs.run_id", ondelete="CASCADE"),
        primary_key=True,
    )


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
