"""Baselines, the observations of a measurement, an index that finds the latest run of a kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SLOT = ["model_key", "profile_name", "target", "engine", "started_us", "run_id"]


def upgrade() -> None:
    """Create the table, the column and the index."""
    op.create_table(
        "baselines",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("model_name", sa.String(255), nullable=False),
        sa.Column("profile_name", sa.String(255), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("engine", sa.String(255), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("added_at", sa.String(40), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
    )
    op.create_index("ix_baselines_model", "baselines", ["model_sha256", "profile_name"])
    op.add_column("measurements", sa.Column("samples", sa.JSON()))
    op.create_index("ix_runs_slot", "runs", _SLOT)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_runs_slot", table_name="runs")
    op.drop_column("measurements", "samples")
    op.drop_table("baselines")
