"""The history of runs, from columns alone: what trends are drawn of.

The heads of runs are read from the index ``ix_runs_history``, their figures from ``measurements``;
no document is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from hil.store.documents import epoch_us
from hil.store.store import Store
from hil.store.tables import evaluations, measurements, runs

#: The ends of runs and evaluations that say something of the model.
ENDED = ("passed", "failed")


@dataclass(frozen=True, slots=True)
class PastFigure:
    """One figure of a run; ``value`` is NaN where it is not a number."""

    value: float
    unit: str
    kind: str
    uncertainty_pct: float | None
    n: int
    spread_pct: float | None


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that passed or failed. ``started_us`` are microseconds since 1970.

    ``commit`` is of the model's repository, ``hil_commit`` of hil's; both end in ``+`` where the
    files differed from the commit, and are '' where unknown, as ``label`` is.
    """

    run_id: str
    status: str
    started_us: int
    model_name: str
    model_sha256: str
    profile_name: str
    engine: str
    target: str
    hil_commit: str
    commit: str
    label: str
    figures: Mapping[str, PastFigure]


@dataclass(frozen=True, slots=True)
class PastAccuracy:
    """An evaluation that ended; ``accuracy`` is a share (of an AUC the area)."""

    evaluation_id: str
    status: str
    started_us: int
    model_name: str
    model_sha256: str
    profile_name: str
    engine: str
    target: str
    data_name: str
    metric: str
    samples: int
    accuracy: float


def past_runs(
    store: Store, figures: Collection[str], *, since: datetime | None = None
) -> list[PastRun]:
    """Return the runs that passed or failed, by model, profile, engine, target and time.

    ``figures`` are the names of those wanted; ``since`` without a time zone is UTC.

    Raises:
        StoreError: the database cannot be read.
    """
    chosen: list[ColumnElement[bool]] = [
        runs.c.model_name.is_not(None),
        runs.c.status.in_(ENDED),
    ]
    if since is not None:
        chosen.append(runs.c.started_us >= epoch_us(since.isoformat()))
    order = ("model_name", "profile_name", "engine", "target", "started_us", "run_id")
    heads = select(
        *(runs.c[name] for name in ("run_id", "status", "started_us", "model_name")),
        *(runs.c[name] for name in ("model_sha256", "profile_name", "engine", "target")),
        *(runs.c[name] for name in ("hil_commit", "source_commit", "label")),
    )
    heads = heads.where(*chosen).order_by(*(runs.c[name] for name in order))
    names = ("value", "unit", "kind", "uncertainty_pct", "n", "spread_pct")
    wanted = select(
        measurements.c.run_id, measurements.c.name, *(measurements.c[name] for name in names)
    ).where(measurements.c.name.in_(list(figures)))
    if since is not None:
        wanted = wanted.where(measurements.c.run_id.in_(select(runs.c.run_id).where(*chosen)))
    found: dict[str, dict[str, PastFigure]] = {}
    with store.reading() as connection:
        rows = connection.execute(heads).all()
        for run_id, name, value, *rest in connection.execute(wanted):
            number = float("nan") if value is None else value
            found.setdefault(run_id, {})[name] = PastFigure(number, *rest)
    return [_past_run(tuple(row), _ordered(found.get(row[0], {}), figures)) for row in rows]


def past_accuracies(store: Store, *, since: datetime | None = None) -> list[PastAccuracy]:
    """Return the evaluations that ended, in the same order.

    Raises:
        StoreError: the database cannot be read.
    """
    columns = (
        *("evaluation_id", "status", "started_us", "model_name", "model_sha256", "profile_name"),
        *("engine", "target", "data_name", "metric", "samples", "accuracy"),
    )
    order = ("model_name", "profile_name", "engine", "target", "started_us", "evaluation_id")
    query = (
        select(*(evaluations.c[name] for name in columns))
        .where(evaluations.c.status.in_(ENDED), evaluations.c.accuracy.is_not(None))
        .order_by(*(evaluations.c[name] for name in order))
    )
    if since is not None:
        query = query.where(evaluations.c.started_us >= epoch_us(since.isoformat()))
    with store.reading() as connection:
        return [PastAccuracy(*row) for row in connection.execute(query)]


def first_run(store: Store) -> str:
    """Return the id of the oldest run in the database, '' if there is none.

    Raises:
        StoreError: the database cannot be read.
    """
    oldest = select(runs.c.run_id).order_by(runs.c.started_us, runs.c.run_id).limit(1)
    with store.reading() as connection:
        return connection.scalar(oldest) or ""


def _ordered(found: Mapping[str, PastFigure], names: Iterable[str]) -> dict[str, PastFigure]:
    """Return the figures in the order of their names: a database returns them in any."""
    return {name: found[name] for name in names if name in found}


def _past_run(head: tuple[Any, ...], figures: Mapping[str, PastFigure]) -> PastRun:
    run_id, status, started_us, name, sha256, profile, engine, target, *revision = head
    hil_commit, commit, label = (text or "" for text in revision)
    return PastRun(
        *(run_id, status, started_us, name, sha256, profile, engine, target),
        *(hil_commit, commit, label),
        figures,
    )
