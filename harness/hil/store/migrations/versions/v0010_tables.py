"""The tables, and the views ``ops`` and ``functions`` over the runs' documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(64)
_NAME = sa.String(255)
_WORD = sa.String(16)
_TIME = sa.String(40)

# View: the document's list, and its fields with PostgreSQL's types. NaN (a text) becomes NULL.
_VIEWS = {
    "ops": {
        "index": "bigint",
        "op": "text",
        "name": "text",
        "macs": "bigint",
        "instructions": "bigint",
        "cycles": "bigint",
        "latency_us": "double precision",
        "kind": "text",
    },
    "functions": {"name": "text", "instructions": "bigint", "cycles": "bigint"},
}


def upgrade() -> None:
    """Create everything."""
    _create_runs()
    _create_evaluations()
    _create_variants()
    _create_baselines()
    create_views()


def create_views() -> None:
    """Create the views over the runs' documents."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for name, fields in _VIEWS.items():
        op.execute(_postgresql_view(name, fields) if postgresql else _sqlite_view(name, fields))


def drop_views() -> None:
    """Drop them, as the columns below them can be changed only without them."""
    for name in _VIEWS:
        op.execute(f"DROP VIEW {name}")


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", _ID, primary_key=True),
        *_work(),
        sa.Column("machine", _NAME, nullable=False),
        sa.Column("machine_exact", sa.Boolean, nullable=False),
        sa.Column("model_name", _NAME),
        sa.Column("model_path", sa.Text),
        sa.Column("model_sha256", _ID),
        sa.Column("model_dtype", _NAME),
        sa.Column("model_size_bytes", sa.BigInteger),
        sa.Column("model_macs", sa.BigInteger),
        sa.Column("model_ops", sa.BigInteger),
        sa.Column("engine_version", sa.Text),
        sa.Column("firmware_sha256", sa.Text),
        sa.Column("hil_commit", sa.Text),
        sa.Column("sweep_key", _ID),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("ix_runs_started", "runs", ["started_us", "run_id"])
    op.create_index("ix_runs_sweep_key", "runs", ["sweep_key"])
    slot = ["model_sha256", "profile_name", "target", "engine", "started_us", "run_id"]
    op.create_index("ix_runs_slot", "runs", [*slot, "model_name", "status"])
    op.create_table(
        "measurements",
        sa.Column(
            "run_id", _ID, sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("unit", _NAME, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("uncertainty_pct", sa.Double),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("spread_pct", sa.Double),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("samples", sa.JSON(none_as_null=True)),
    )
    op.create_index("ix_measurements_name", "measurements", ["name", "run_id"])


def _create_evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", _ID, primary_key=True),
        sa.Column("key", _ID, nullable=False),
        *_work(),
        sa.Column("model_name", _NAME, nullable=False),
        sa.Column("model_sha256", _ID, nullable=False),
        sa.Column("model_dtype", _NAME, nullable=False),
        sa.Column("data_name", sa.Text, nullable=False),
        sa.Column("metric", _WORD, nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("accuracy", sa.Double),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("ix_evaluations_key", "evaluations", ["key"])
    op.create_index("ix_evaluations_model", "evaluations", ["model_sha256"])
    op.create_table(
        "evaluation_samples",
        sa.Column(
            "evaluation_id",
            _ID,
            sa.ForeignKey("evaluations.evaluation_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("sample", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("label", sa.BigInteger, nullable=False),
        sa.Column("equal", sa.Boolean, nullable=False),
        sa.Column("max_abs_diff", sa.Double),
        sa.Column("decision", sa.BigInteger),
        sa.Column("host_decision", sa.BigInteger),
        sa.Column("in_top5", sa.Boolean),
        sa.Column("score", sa.Double),
        sa.Column("host_score", sa.Double),
    )


def _create_variants() -> None:
    op.create_table(
        "variants",
        sa.Column("variant_key", _ID, primary_key=True),
        sa.Column("sha256", _ID, nullable=False),
        sa.Column("parent_sha256", _ID, nullable=False),
        sa.Column("parent_name", _NAME, nullable=False),
        sa.Column("scheme", sa.String(32), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("ix_variants_sha256", "variants", ["sha256"])
    op.create_index("ix_variants_parent", "variants", ["parent_sha256"])


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("slot", _ID, primary_key=True),
        sa.Column("model_sha256", _ID, nullable=False),
        sa.Column("profile_name", _NAME, nullable=False),
        sa.Column("target", _NAME, nullable=False),
        sa.Column("engine", _NAME, nullable=False),
        sa.Column("model_name", _NAME, nullable=False),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("ix_baselines_model", "baselines", ["model_sha256", "profile_name"])


def _work() -> list[sa.Column[object]]:
    return [
        sa.Column("status", _WORD, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.Column("profile_name", _NAME, nullable=False),
        sa.Column("target", _NAME, nullable=False),
        sa.Column("engine", _NAME, nullable=False),
        sa.Column("host", _NAME, nullable=False),
        sa.Column("boot_id", _NAME, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("pid_start", sa.BigInteger),
    ]


def _sqlite_view(name: str, fields: dict[str, str]) -> str:
    columns = ", ".join(
        f"NULLIF(json_extract(item.value, '$.{field}'), 'NaN') AS {_column(field)}"
        for field in fields
    )
    return (
        f"CREATE VIEW {name} AS SELECT runs.run_id AS run_id, item.key AS position, {columns} "
        f"FROM runs, json_each(runs.document, '$.{name}') AS item"
    )


def _postgresql_view(name: str, fields: dict[str, str]) -> str:
    columns = ", ".join(
        f"NULLIF(item.value ->> '{field}', 'NaN')::{kind} AS {_column(field)}"
        for field, kind in fields.items()
    )
    return (
        f"CREATE VIEW {name} AS SELECT runs.run_id, item.number - 1 AS position, {columns} "
        f"FROM runs CROSS JOIN LATERAL jsonb_array_elements(runs.document::jsonb -> '{name}') "
        "WITH ORDINALITY AS item (value, number)"
    )


def _column(field: str) -> str:
    """``index`` is a keyword of SQL."""
    return "op_index" if field == "index" else field
