"""Alembic's environment: uses the connection, and the transaction, that ``migrate`` hands over."""

from __future__ import annotations

from alembic import context

from hil.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
