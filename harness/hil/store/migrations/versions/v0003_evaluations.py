"""Accuracy of a model on a device, and the samples that it was counted from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of evaluations."""
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, index=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started_at", sa.String(40), nullable=False),
        _integer("started_us"),
        sa.Column("finished_at", sa.String(40)),
        sa.Column("profile_name", sa.String(255), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("machine_exact", sa.Boolean(), nullable=False),
        sa.Column("engine", sa.String(255), nullable=False),
        sa.Column("model_name", sa.String(255), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False, index=True),
        sa.Column("model_dtype", sa.String(255), nullable=False),
        sa.Column("firmware_sha256", sa.String(64), nullable=False),
        sa.Column("data_name", sa.Text(), nullable=False),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("metric", sa.String(16), nullable=False),
        _integer("samples"),
        sa.Column("preparation", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("accuracy", sa.JSON()),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("boot_id", sa.String(255), nullable=False),
        _integer("pid"),
        sa.Column("pid_start", sa.BigInteger()),
    )
    op.create_table(
        "evaluation_samples",
        sa.Column(
            "evaluation_id",
            sa.String(64),
            sa.ForeignKey("evaluations.evaluation_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("sample", sa.BigInteger(), primary_key=True, autoincrement=False),
        _integer("label"),
        sa.Column("equal", sa.Boolean(), nullable=False),
        sa.Column("max_abs_diff", sa.Double()),
        sa.Column("decision", sa.BigInteger()),
        sa.Column("host_decision", sa.BigInteger()),
        sa.Column("in_top5", sa.Boolean()),
        sa.Column("score", sa.Double()),
        sa.Column("host_score", sa.Double()),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("evaluation_samples")
    op.drop_table("evaluations")


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
