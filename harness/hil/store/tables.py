"""The tables; ``migrations/`` creates the same ones, a test compares.

A row of ``runs``, ``variants``, ``evaluations`` and ``baselines`` has columns for what is filtered,
sorted and plotted, and ``document``: the whole record (``hil.store.documents``), which is what is
read back. Both are written together. The type ``JSON`` (not PostgreSQL's JSONB) keeps the order of
keys. The migration also creates the views ``ops`` and ``functions`` over the runs' documents.

Columns ending in ``_us`` and ``_at`` are the same time, in microseconds since 1970 and as ISO 8601
text (except ``latency_us``). A NULL number is NaN or unknown.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine


def _text(kind: String) -> String:
    """Text that PostgreSQL compares by its bytes, as SQLite does."""
    same = type(kind)(kind.length, collation="C")
    return kind.with_variant(same, "postgresql")


ID = _text(String(64))
NAME = _text(String(255))
WORD = _text(String(16))
TIME = _text(String(40))
TEXT = _text(Text())

metadata = MetaData()


def _required(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _work() -> tuple[Column[Any], ...]:
    """When and on what, and by which process (``hil.store.liveness.ProcessId``)."""
    return (
        _required("status", WORD),
        _required("started_at", TIME),
        _required("started_us", BigInteger),
        Column("finished_at", TIME),
        _required("profile_name", NAME),
        _required("target", NAME),
        _required("engine", NAME),
        _required("host", NAME),
        _required("boot_id", NAME),
        _required("pid", BigInteger),
        Column("pid_start", BigInteger),
    )


runs = Table(
    "runs",
    metadata,
    Column("run_id", ID, primary_key=True),
    *_work(),
    _required("machine", NAME),
    _required("machine_exact", Boolean),
    Column("model_name", NAME),
    Column("model_path", TEXT),
    Column("model_sha256", ID),
    Column("model_dtype", NAME),
    Column("model_size_bytes", BigInteger),
    Column("model_macs", BigInteger),
    Column("model_ops", BigInteger),
    Column("engine_version", TEXT),
    Column("firmware_sha256", TEXT),
    Column("hil_commit", TEXT),
    Column("sweep_key", ID),
    _required("document", JSON),
    Column("source_commit", TEXT),
    Column("label", TEXT),
    Index("ix_runs_started", "started_us", "run_id"),
    Index("ix_runs_sweep_key", "sweep_key"),
    # Finds the latest run of each kind without reading rows (``hil.store.latest``).
    Index(
        "ix_runs_slot",
        *("model_sha256", "profile_name", "target", "engine", "started_us", "run_id"),
        *("model_name", "status"),
    ),
    # Has all that ``hil.store.history`` reads; a column behind the document is slow to read.
    Index(
        "ix_runs_history",
        *("model_name", "profile_name", "engine", "target", "started_us", "run_id", "status"),
        *("model_sha256", "hil_commit", "source_commit", "label"),
    ),
)

measurements = Table(
    "measurements",
    metadata,
    Column("run_id", ID, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("name", NAME, primary_key=True),
    _required("position", BigInteger),
    Column("value", Double),
    _required("unit", NAME),
    _required("kind", WORD),
    Column("uncertainty_pct", Double),
    _required("n", BigInteger),
    Column("spread_pct", Double),
    _required("source", TEXT),
    Column("samples", JSON(none_as_null=True)),
    Index("ix_measurements_name", "name", "run_id"),
)

variants = Table(
    "variants",
    metadata,
    Column("variant_key", ID, primary_key=True),
    _required("sha256", ID),
    _required("parent_sha256", ID),
    _required("parent_name", NAME),
    _required("scheme", _text(String(32))),
    _required("created_at", TIME),
    _required("created_us", BigInteger),
    _required("size_bytes", BigInteger),
    _required("document", JSON),
    Index("ix_variants_sha256", "sha256"),
    Index("ix_variants_parent", "parent_sha256"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("evaluation_id", ID, primary_key=True),
    _required("key", ID),
    *_work(),
    _required("model_name", NAME),
    _required("model_sha256", ID),
    _required("model_dtype", NAME),
    _required("data_name", TEXT),
    _required("metric", WORD),
    _required("samples", BigInteger),
    Column("accuracy", Double),
    _required("document", JSON),
    Index("ix_evaluations_key", "key"),
    Index("ix_evaluations_model", "model_sha256"),
)

evaluation_samples = Table(
    "evaluation_samples",
    metadata,
    Column(
        "evaluation_id",
        ID,
        ForeignKey("evaluations.evaluation_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("sample", BigInteger, primary_key=True, autoincrement=False),
    _required("label", BigInteger),
    _required("equal", Boolean),
    Column("max_abs_diff", Double),
    Column("decision", BigInteger),
    Column("host_decision", BigInteger),
    Column("in_top5", Boolean),
    Column("score", Double),
    Column("host_score", Double),
)

baselines = Table(
    "baselines",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("slot", ID, primary_key=True),  # hash of the next four (``hil.store.baselines``)
    _required("model_sha256", ID),
    _required("profile_name", NAME),
    _required("target", NAME),
    _required("engine", NAME),
    _required("model_name", NAME),
    _required("run_id", ID),
    _required("added_at", TIME),
    _required("document", JSON),
    Index("ix_baselines_model", "model_sha256", "profile_name"),
)
