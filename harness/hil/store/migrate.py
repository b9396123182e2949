"""Create or update the tables of a database.

Alembic is imported only when there is something to do. ``VERSIONS`` lists all revisions in order;
a new one is a file in ``migrations/versions`` and an entry here.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, exc, inspect, text

from hil.errors import StoreError
from hil.store.database import WRITE

VERSIONS = ("0010", "0011")
"""Lower numbers were used during development, before the first release."""
HEAD = VERSIONS[-1]


def ensure_current(engine: Engine, where: str) -> None:
    """Create the tables, or migrate them if they are older; does nothing if they are current.

    Safe when several processes do it at once: the second one finds it done.

    Raises:
        StoreError: the database is of another version that cannot be migrated, or of another
            program.
    """
    with engine.connect() as connection:
        if version_of(connection, where) == HEAD:
            return
    try:
        _upgrade(engine, where)
    except exc.DBAPIError:
        with engine.connect() as connection:  # another process was faster (no lock outside SQLite)
            if version_of(connection, where) != HEAD:
                raise


def version_of(connection: Connection, where: str) -> str | None:
    """Return the revision of the tables, None for an empty database.

    Raises:
        StoreError: the revision is newer than this program or older than its first release, or
            the tables are another program's.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is None:
        if tables == {"alembic_version"}:
            return None
        raise StoreError(
            f"{where} is a database of another program",
            hint="give hil its own file with --db",
        )
    if version in VERSIONS:
        return str(version)
    if str(version) < VERSIONS[0]:
        raise StoreError(
            f"the database {where} is from a development version of hil before the first release "
            f"(its tables are at {version}, this version reads {VERSIONS[0]} and later)",
            hint="move the file away, or use another database with --db FILE; it was not changed",
        )
    raise StoreError(
        f"the database {where} is from a newer version of hil (its tables are at {version}, "
        f"this version knows {HEAD})",
        hint="update hil, or use another database with --db FILE",
    )


def _upgrade(engine: Engine, where: str) -> None:
    """Run the missing migrations in one transaction: all of them or none."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    scripts = Path(__file__).resolve().parent / "migrations"
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        if version_of(connection, where) == HEAD:
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
