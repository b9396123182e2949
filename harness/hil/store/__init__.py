"""Runs in a database: SQLite by default, anything that SQLAlchemy speaks by URL."""

from hil.store.store import RunSummary, Store

__all__ = ["RunSummary", "Store"]
