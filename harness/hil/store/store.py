"""The store: keeps runs with everything that belongs to them, and finds them again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, cast

from sqlalchemy import ColumnElement, Engine, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from hil.errors import StoreError, UsageError
from hil.records import Measurement, ModelInfo, RunRecord, RunStatus
from hil.store import convert
from hil.store.baselines import Baselines
from hil.store.database import WRITE, Location, connect, locate, require_file
from hil.store.evaluations import Evaluations
from hil.store.failures import translated
from hil.store.liveness import ProcessId, is_gone, this_process
from hil.store.migrate import ensure_current
from hil.store.tables import ModelRow, ProfileRow, ProvenanceRow, RunRow
from hil.store.variants import Variants

LATEST = "latest"
_TIMEOUT_S = 10.0
_AMBIGUOUS_SHOWN = 5


@dataclass(frozen=True)
class RunSummary:
    """A run without its ops, functions, placements and provenance."""

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


class Store:
    """An open database of runs. Use ``Store.open``; it is a context manager.

    Several processes may write at the same time: SQLite makes each wait for the other.
    """

    def __init__(self, engine: Engine, location: Location) -> None:
        self._engine = engine
        self._location = location
        self._writer = engine.execution_options(**{WRITE: True})

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
        timeout_s: float = _TIMEOUT_S,
    ) -> Self:
        """Open the database ``url``, migrating it where it is older than this program.

        Args:
            url: an SQLAlchemy URL, a path, or None for ``hil.db`` in the state folder.
            create: make the file where there is none.
            read_only: never write runs; works in folders that cannot be written.
            timeout_s: how long to wait for another process's lock (SQLite).

        Raises:
            UsageError: ``url`` is malformed.
            StoreError: it cannot be used; the message says why.
        """
        location = locate(url)
        with translated(location.label, location.file):
            require_file(location, create=create and not read_only, is_default=url is None)
            engine = connect(location, read_only=read_only, timeout_s=timeout_s)
            try:
                if read_only:
                    _ensure_readable(engine, location, timeout_s)
                else:
                    ensure_current(engine, location.label)
            except BaseException:
                engine.dispose()
                raise
        return cls(engine, location)

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
        return self._location.label

    @property
    def variants(self) -> Variants:
        """What is kept of models that hil quantized."""
        return Variants(self.reading, self.writing)

    @property
    def evaluations(self) -> Evaluations:
        """What is kept of accuracy on devices."""
        return Evaluations(self.reading, self.writing)

    @property
    def baselines(self) -> Baselines:
        """Named sets of runs that others are compared with."""
        return Baselines(self.reading, self.writing, self.label)

    def begin(self, record: RunRecord) -> None:
        """Keep a run that starts now, with the calling process as the one that carries it out."""
        with self.writing() as session:
            self._insert(session, record, this_process())

    def finish(self, record: RunRecord) -> None:
        """Replace what is kept of the run by ``record``, in one transaction."""
        with self.writing() as session:
            session.execute(delete(RunRow).where(RunRow.run_id == record.run_id))
            self._insert(session, record, this_process())

    def get(self, run: str) -> RunRecord:
        """Return the run ``run``: an id, the beginning of one (or of its last part), or ``latest``.

        Raises:
            UsageError: there is no such run, or there are several.
        """
        with self.reading() as session:
            row = session.get(RunRow, self._resolve(session, run))
            assert row is not None
            return convert.to_record(row, shown_status(row))

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
            conditions.append(ModelRow.sha256.startswith(model_sha256.lower(), autoescape=True))
        if model_name is not None:
            conditions.append(ModelRow.name == model_name)
        if profile is not None:
            conditions.append(RunRow.profile_name == profile)
        if engine is not None:
            conditions.append(RunRow.engine == engine)
        if since is not None:
            conditions.append(RunRow.started_us >= convert.epoch_us(since.isoformat()))
        if status is not None:
            conditions.append(RunRow.status.in_(_stored_as(status)))
        with self.reading() as session:
            return list(self._summaries(session, conditions, status, limit))

    def runs_with(
        self, key: str, values: Collection[str]
    ) -> dict[str, list[tuple[str, RunStatus]]]:
        """Return ids and statuses of the runs whose provenance has a text of ``values`` as ``key``.

        By value, newest first; a value that no run has is missing.
        """
        wanted = {convert.to_json(value): value for value in values}
        query = (
            select(ProvenanceRow.value, RunRow)
            .join(RunRow, RunRow.run_id == ProvenanceRow.run_id)
            .where(ProvenanceRow.key == key)
            .order_by(RunRow.started_us.desc(), RunRow.run_id.desc())
        )
        found: dict[str, list[tuple[str, RunStatus]]] = {}
        with self.reading() as session:
            for text, row in session.execute(query):
                if text in wanted:
                    found.setdefault(wanted[text], []).append((row.run_id, shown_status(row)))
        return found

    def delete(self, run: str) -> str:
        """Remove one run (same names as ``get``) and return its id."""
        with self.writing() as session:
            run_id = self._resolve(session, run)
            session.execute(delete(RunRow).where(RunRow.run_id == run_id))
            _remove_orphans(session)
            return run_id

    def _summaries(
        self,
        session: Session,
        conditions: Sequence[ColumnElement[bool]],
        status: str | None,
        limit: int | None,
    ) -> Iterator[RunSummary]:
        query = (
            select(RunRow)
            .outerjoin(RunRow.model)
            .where(*conditions)
            .order_by(RunRow.started_us.desc(), RunRow.run_id.desc())
            .options(joinedload(RunRow.model), selectinload(RunRow.measurements))
        )
        # ``running`` rows may turn out to be interrupted ones, so those are counted after the look.
        if limit is not None and status not in ("running", "interrupted"):
            query = query.limit(limit)
        found = 0
        for row in session.scalars(query):
            shown = shown_status(row)
            if status is not None and shown != status:
                continue
            if limit is not None and found == limit:
                return
            found += 1
            yield _summary(row, shown)

    def _resolve(self, session: Session, run: str) -> str:
        """Return the one id that ``run`` means."""
        newest = select(RunRow.run_id).order_by(RunRow.started_us.desc(), RunRow.run_id.desc())
        if run == LATEST:
            latest = session.scalar(newest.limit(1))
            if latest is None:
                raise UsageError(f"there are no runs in {self.label}", hint="`hil run` makes one")
            return latest
        if session.scalar(select(RunRow.run_id).where(RunRow.run_id == run)):
            return run
        matches = list(
            session.scalars(
                newest.where(
                    or_(
                        RunRow.run_id.startswith(run, autoescape=True),
                        RunRow.run_id.contains(f"-{run}", autoescape=True),
                    )
                ).limit(_AMBIGUOUS_SHOWN + 1)
            )
            if run
            else ()
        )
        if len(matches) == 1:
            return matches[0]
        if not matches:
            raise UsageError(
                f"there is no run '{run}' in {self.label}",
                hint="`hil history` lists the runs; 'latest' means the newest",
            )
        more = ", …" if len(matches) > _AMBIGUOUS_SHOWN else ""
        shown = ", ".join(matches[:_AMBIGUOUS_SHOWN])
        raise UsageError(
            f"'{run}' could be any of several runs: {shown}{more}", hint="give more of the id"
        )

    def _insert(self, session: Session, record: RunRecord, process: ProcessId) -> None:
        _share(session, convert.profile_row(record.profile), "profile_key")
        if record.model is not None:
            _share(session, convert.model_row(record.model), "model_key")
        session.add(convert.to_row(record, process))
        try:
            session.flush()
        except IntegrityError as error:
            raise StoreError(
                f"the run {record.run_id} cannot be stored in {self.label}: {error.orig}",
                hint="two runs must not have the same id; run it again",
            ) from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction for the modules of this room; errors come out as ``StoreError``."""
        with (
            translated(self.label, self._location.file),
            Session(self._writer) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """The same for looking only."""
        with translated(self.label, self._location.file), Session(self._engine) as session:
            yield session


def _ensure_readable(engine: Engine, location: Location, timeout_s: float) -> None:
    """Migrate an older database through a connection that may write, if there is such a one."""
    from hil.store.migrate import HEAD, version_of

    with engine.connect() as connection:
        if version_of(connection, location.label) == HEAD:
            return
    writer = connect(location, read_only=False, timeout_s=timeout_s)
    try:
        ensure_current(writer, location.label)
    finally:
        writer.dispose()


def _share(session: Session, row: ModelRow | ProfileRow, key: str) -> None:
    """Insert a row that other runs may have inserted already (or insert at this moment)."""
    if session.get(type(row), getattr(row, key)) is not None:
        return
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        if session.get(type(row), getattr(row, key)) is None:
            raise


def _remove_orphans(session: Session) -> None:
    used_models = select(RunRow.model_key).where(RunRow.model_key.is_not(None))
    session.execute(delete(ModelRow).where(ModelRow.model_key.not_in(used_models)))
    session.execute(
        delete(ProfileRow).where(ProfileRow.profile_key.not_in(select(RunRow.profile_key)))
    )


def _stored_as(status: str) -> tuple[str, ...]:
    return ("running", "interrupted") if status == "interrupted" else (status,)


def shown_status(row: RunRow) -> RunStatus:
    """The status to show: a ``running`` run whose process is gone was interrupted."""
    process = ProcessId(row.host, row.boot_id, row.pid, row.pid_start)
    if row.status == "running" and is_gone(process, row.started_us):
        return "interrupted"
    return cast(RunStatus, row.status)


def _summary(row: RunRow, status: RunStatus) -> RunSummary:
    return RunSummary(
        run_id=row.run_id,
        status=status,
        started_at=row.started_at,
        finished_at=row.finished_at,
        profile_name=row.profile_name,
        target=row.target,
        machine=row.machine,
        machine_exact=row.machine_exact,
        engine=row.engine,
        model=convert.to_model(row.model),
        measurements=convert.to_measurements(row.measurements),
    )
