"""Runs: the commit of the model's repository, the user's label, and an index of all histories."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; runs of before have neither."""
    op.add_column("runs", sa.Column("source_commit", sa.Text))
    op.add_column("runs", sa.Column("label", sa.Text))
    kind = ["model_name", "profile_name", "engine", "target"]
    facts = ["status", "model_sha256", "hil_commit", "source_commit", "label"]
    op.create_index("ix_runs_history", "runs", [*kind, "started_us", "run_id", *facts])
