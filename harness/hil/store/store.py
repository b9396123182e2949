"""The store: a database of runs, variants, evaluations and baselines."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from hil import settings
from hil.errors import StoreError, UsageError
from hil.records import Measurement, ModelInfo, RunRecord, RunStatus
from hil.store import documents, postgresql, unstored
from hil.store.baselines import Baselines
from hil.store.database import Location, connect, locate, require_file
from hil.store.documents import epoch_us, to_document
from hil.store.evaluations import Evaluations
from hil.store.failures import translated
from hil.store.liveness import shown_status, this_process
from hil.store.migrate import ensure_current
from hil.store.rows import HEAD, MODEL, figure_rows, run_row
from hil.store.tables import measurements, runs
from hil.store.transactions import Transactions, is_again, is_opening, retried
from hil.store.variants import Variants

LATEST = "latest"
NEWEST_FIRST = (runs.c.started_us.desc(), runs.c.run_id.desc())
_AMBIGUOUS_SHOWN = 5
_AT_ONCE = 500  # SQLite before 3.32 takes 999 values in a statement
_FIGURE = tuple(field.name for field in dataclasses.fields(Measurement))
_STATUS = ("status", "started_us", "host", "boot_id", "pid", "pid_start")  # for shown_status


@dataclass(frozen=True)
class RunSummary:
    """A run's columns: without ops, functions, memory plan and provenance."""

    run_id: str
    status: RunStatus
    started_at: str
    finished_at: str | None
    profile_name: str
    target: str
    machine: str
    machine_exact: bool
    engine: str
    model: ModelInfo | None
    measurements: Mapping[str, Measurement]


class StoredResult(NamedTuple):
    """A run that could be a study's: ``commits`` are hil's and the model's repository's, or ''."""

    run_id: str
    status: RunStatus
    commits: tuple[str, str]


class Store:
    """An open database of runs. Use ``Store.open``; it is a context manager.

    Several processes may write at the same time: SQLite makes each wait for the other, PostgreSQL
    lets them write side by side.
    """

    def __init__(self, engine: Engine, location: Location, timeout_s: float) -> None:
        self._engine = engine
        self.location = location
        self.transactions = Transactions(engine, location, timeout_s)
        """For the modules of this package."""

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
        timeout_s: float | None = None,
    ) -> Self:
        """Open the database ``url``, creating or migrating its tables where needed.

        Args:
            url: an SQLAlchemy URL, a path, or None for ``hil.db`` in the state folder.
            create: create the file if it does not exist.
            read_only: never write runs; works in folders that cannot be written.
            timeout_s: how long to wait for other processes' locks and for a server that was
                lost; a transaction is repeated as long. None takes
                the setting ``db_timeout_s``.

        Raises:
            UsageError: ``url`` is malformed.
            StoreError: the database cannot be used; the message gives the reason.
        """
        location = locate(url)
        if timeout_s is None:
            timeout_s = settings.resolve().db_timeout_s
        with translated(location.label, location.file):
            require_file(location, create=create and not read_only, is_default=url is None)
            engine = connect(location, read_only=read_only, timeout_s=timeout_s)
            try:
                retried(
                    lambda _: _prepare(engine, location, timeout_s, read_only=read_only),
                    timeout_s,
                    passes=is_opening,
                )
            except BaseException:
                engine.dispose()
                raise
        return cls(engine, location, timeout_s)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def label(self) -> str:
        """The database as shown to users: the file, or the URL without its password."""
        return self.transactions.label

    @property
    def engine(self) -> Engine:
        """The connections, for the modules of this package."""
        return self._engine

    def server_identity(self) -> str:
        """Return what identifies the database on a server, on every machine; '' if unknown."""
        if self._engine.dialect.name == "sqlite":
            return ""
        with self.reading() as connection:
            return postgresql.identity(connection)

    @property
    def variants(self) -> Variants:
        """Models that hil quantized."""
        return Variants(self.transactions)

    @property
    def evaluations(self) -> Evaluations:
        """Accuracy measured on devices."""
        return Evaluations(self.transactions)

    @property
    def baselines(self) -> Baselines:
        """Named sets of runs that others are compared with."""
        return Baselines(self.transactions)

    def begin(self, record: RunRecord) -> None:
        """Store a run that starts now, carried out by the calling process."""
        document = to_document(record)

        def work(connection: Connection) -> None:
            if is_again(connection):
                connection.execute(delete(runs).where(runs.c.run_id == record.run_id))
            self._insert(connection, document)

        self.transactions.write(work)

    def finish(self, record: RunRecord, *, keep: bool = False) -> None:
        """Replace the stored run by ``record``, in one transaction.

        With ``keep`` a run that cannot be stored is kept as a file, with a message on stderr.

        Raises:
            StoreError: it cannot be stored, or, with ``keep``, neither stored nor kept.
        """
        try:
            self._finish(record)
        except StoreError as error:
            path = unstored.keep(self.location, to_document(record)) if keep else None
            if path is None:
                raise
            with suppress(OSError):
                sys.stderr.write(
                    f"warning: the run {record.run_id} is not stored: {error.message}; it is kept "
                    f"in {path}\nhint: `hil db recover` stores it later\n"
                )

    def _finish(self, record: RunRecord) -> None:
        document = to_document(record)

        def work(connection: Connection) -> None:
            connection.execute(delete(runs).where(runs.c.run_id == record.run_id))
            self._insert(connection, document)

        self.transactions.write(work)

    def get(self, run: str) -> RunRecord:
        """Return the run ``run``.

        It is an id, the beginning of one (or of its last part), ``latest``, or ``latest~N`` for the
        Nth run before the latest.

        Raises:
            UsageError: no run matches, or several do.
            StoreError: the run's document is damaged, or of a newer version of hil.
        """
        with self.reading() as connection:
            run_id = self._resolve(connection, run)
        return self.load([run_id])[0]

    def load(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Return the runs of these ids, in their order; ids that do not exist are left out.

        Raises:
            StoreError: a run's document is damaged, or of a newer version of hil.
        """
        query = _select("run_id", "document", *_STATUS)
        found = {}
        with self.reading() as connection:
            for some in _chunks(run_ids):
                for row in connection.execute(query.where(runs.c.run_id.in_(some))):
                    what = f"the run {row.run_id} in {self.label}"
                    run = documents.load(RunRecord, row.document, what)
                    found[row.run_id] = dataclasses.replace(run, status=shown_status(row))
        return [found[run_id] for run_id in run_ids if run_id in found]

    def find(
        self,
        *,
        model_sha256: str | None = None,
        model_name: str | None = None,
        profile: str | None = None,
        engine: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[RunSummary]:
        """Return the runs that match all given values, newest first.

        ``model_sha256`` may be the beginning of the hash; ``since`` without a time zone is UTC.
        """
        conditions: list[ColumnElement[bool]] = []
        if model_sha256 is not None:
            start = model_sha256.lower()
            conditions.append(runs.c.model_sha256.startswith(start, autoescape=True))
        if model_name is not None:
            conditions.append(runs.c.model_name == model_name)
        if profile is not None:
            conditions.append(runs.c.profile_name == profile)
        if engine is not None:
            conditions.append(runs.c.engine == engine)
        if since is not None:
            conditions.append(runs.c.started_us >= epoch_us(since.isoformat()))
        if status is not None:
            stored_as = ("running", status) if status == "interrupted" else (status,)
            conditions.append(runs.c.status.in_(stored_as))
        with self.reading() as connection:
            rows = _matching(connection, conditions, status, limit)
            figures = _figures(connection, [row["run_id"] for row in rows])
        return [
            RunSummary(
                **{name: row[name] for name in HEAD},
                model=_model(row),
                measurements=figures.get(row["run_id"], {}),
            )
            for row in rows
        ]

    def with_sweep_key(self, keys: Collection[str]) -> dict[str, list[StoredResult]]:
        """Return the runs whose provenance has one of ``keys`` as sweep key.

        By key, newest first; a key that no run has is missing.
        """
        columns = ("sweep_key", "run_id", *_STATUS, "hil_commit", "source_commit")
        query = _select(*columns).order_by(*NEWEST_FIRST)
        found: dict[str, list[StoredResult]] = {}
        with self.reading() as connection:
            for some in _chunks(list(keys)):
                for row in connection.execute(query.where(runs.c.sweep_key.in_(some))):
                    commits = (row.hil_commit or "", row.source_commit or "")
                    result = StoredResult(row.run_id, shown_status(row), commits)
                    found.setdefault(row.sweep_key, []).append(result)
        return found

    def delete(self, run: str) -> str:
        """Remove one run (same names as ``get``) and return its id."""

        def work(connection: Connection) -> str:
            run_id = self._resolve(connection, run)
            connection.execute(delete(runs).where(runs.c.run_id == run_id))
            return run_id

        return self.transactions.write(work)

    def _resolve(self, connection: Connection, run: str) -> str:
        """Return the one id that ``run`` means."""
        newest = select(runs.c.run_id).order_by(*NEWEST_FIRST)
        word, _, steps = run.partition("~")
        if run == LATEST or (word == LATEST and steps.isdecimal()):
            if found := connection.scalar(newest.offset(int(steps or 0)).limit(1)):
                return str(found)
            what = f"is no run '{run}'" if steps else "are no runs"
            raise UsageError(
                f"there {what} in {self.label}",
                hint="`hil run` makes one; `hil history` lists the runs",
            )
        if connection.scalar(select(runs.c.run_id).where(runs.c.run_id == run)):
            return run
        begins = runs.c.run_id.startswith(run, autoescape=True)
        ends = runs.c.run_id.contains(f"-{run}", autoescape=True)
        several = newest.where(or_(begins, ends)).limit(_AMBIGUOUS_SHOWN + 1)
        matches = connection.scalars(several).all() if run else ()
        if len(matches) == 1:
            return str(matches[0])
        if not matches:
            raise UsageError(
                f"there is no run '{run}' in {self.label}",
                hint="`hil history` lists the runs; latest is the newest, latest~1 the one before",
            )
        more = ", …" if len(matches) > _AMBIGUOUS_SHOWN else ""
        shown = ", ".join(matches[:_AMBIGUOUS_SHOWN])
        raise UsageError(
            f"'{run}' could be any of several runs: {shown}{more}", hint="give more of the id"
        )

    def _insert(self, connection: Connection, document: dict[str, Any]) -> None:
        try:
            connection.execute(insert(runs), run_row(document, this_process()))
        except IntegrityError as error:
            raise StoreError(
                f"the run {document['run_id']} cannot be stored in {self.label}: {error.orig}",
                hint="two runs must not have the same id; run it again",
            ) from error
        if figures := figure_rows(document):
            connection.execute(insert(measurements), figures)

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that reads; errors come out as ``StoreError``."""
        return self.transactions.reading()


def _prepare(engine: Engine, location: Location, timeout_s: float, *, read_only: bool) -> None:
    """Create missing tables, of a reader through a connection that may write, if there is one."""
    from hil.store.migrate import HEAD, version_of

    if not read_only:
        ensure_current(engine, location.label)
        return
    with engine.connect() as connection:
        if version_of(connection, location.label) == HEAD:
            return
    writer = connect(location, read_only=False, timeout_s=timeout_s)
    try:
        ensure_current(writer, location.label)
    finally:
        writer.dispose()


def _select(*names: str) -> Select[Any]:
    return select(*(runs.c[name] for name in names))


def _matching(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    status: str | None,
    limit: int | None,
) -> list[dict[str, Any]]:
    """Return the columns of matching runs, with the status to show."""
    names = dict.fromkeys((*HEAD, *(f"model_{name}" for name in MODEL), *_STATUS))
    query = _select(*names).where(*conditions).order_by(*NEWEST_FIRST)
    # A ``running`` row may be an interrupted run, so these are counted after the status is known.
    if limit is not None and status not in ("running", "interrupted"):
        query = query.limit(limit)
    found: list[dict[str, Any]] = []
    for row in connection.execute(query):
        shown = shown_status(row)
        if status in (None, shown):
            found.append({**row._mapping, "status": shown})
        if len(found) == limit:
            break
    return found


def _model(row: Mapping[str, Any]) -> ModelInfo | None:
    if row["model_sha256"] is None:
        return None
    return ModelInfo(**{name: row[f"model_{name}"] for name in MODEL})


def _figures(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Measurement]]:
    """Return the measurements of runs, in the order in which they were stored."""
    columns = (measurements.c[name] for name in _FIGURE)
    query = select(measurements.c.run_id, *columns).order_by(measurements.c.position)
    found: dict[str, dict[str, Measurement]] = {}
    for some in _chunks(run_ids):
        for run_id, *values in connection.execute(query.where(measurements.c.run_id.in_(some))):
            figure = dict(zip(_FIGURE, values, strict=True))
            if figure["value"] is None:
                figure["value"] = float("nan")
            figure["samples"] = tuple(figure["samples"] or ())
            found.setdefault(run_id, {})[figure["name"]] = Measurement(**figure)
    return found


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
