"""PostgreSQL: text is compared by its bytes, as in SQLite, whatever the database's language.

So both sort alike, and an index finds the beginning of an id or hash.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hil.store.migrations.versions.v0010_tables import create_views, drop_views

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = ("runs", "measurements", "variants", "evaluations", "evaluation_samples", "baselines")


def upgrade() -> None:
    """Give the columns of text the collation ``C``; nothing to do in SQLite."""
    if op.get_context().dialect.name != "postgresql":
        return
    drop_views()
    inspector = sa.inspect(op.get_bind())
    for table in _TABLES:
        changes = [
            f'ALTER COLUMN "{column["name"]}" TYPE {column["type"].compile()} COLLATE "C"'
            for column in inspector.get_columns(table)
            if isinstance(column["type"], sa.String)
        ]
        if changes:
            op.execute(f'ALTER TABLE "{table}" {", ".join(changes)}')
    create_views()
