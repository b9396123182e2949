"""Create or update the tables of a database.

Alembic is imported only when there is something to do. ``VERSIONS`` lists all revisions in order;
a new one is a file in ``migrations/versions`` and an entry here.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, exc, inspect, text

from hil.errors import StoreError
from hil.store import postgresql
from hil.store.database import WRITE

VERSIONS = ("0010", "0011", "0012")
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
    _upgrade(engine, where)


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
            hint="give hil a file or database of its own with --db",
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
    """Run the missing migrations in one transaction: all of them or none.

    Another process waits at its beginning and then finds them done.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    scripts = Path(__file__).resolve().parent / "migrations"
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    writer = engine.execution_options(**{WRITE: True})
    if engine.dialect.name != "sqlite":
        writer = writer.execution_options(isolation_level="READ COMMITTED")  # sees the other's
    with writer.begin() as connection:
        if engine.dialect.name != "sqlite":
            postgresql.lock(connection, "migration")
        before = version_of(connection, where)
        if before == HEAD:
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except exc.ProgrammingError as error:
            raise _refused(error, where, before) from error


def _refused(error: exc.ProgrammingError, where: str, before: str | None) -> Exception:
    if not postgresql.is_refused(error.orig or error):
        return error
    if before is None:
        return StoreError(
            f"there are no tables in {where}, and this user may not create them",
            hint="its owner creates them: hil history --db URL (docs/database.md)",
        )
    return StoreError(
        f"the tables in {where} are of an older version of hil ({before}, this version needs "
        f"{HEAD}), and this user may not change them",
        hint="their owner migrates them with this version: hil history --db URL",
    )
