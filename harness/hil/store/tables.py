"""The tables, as SQLAlchemy's typed ORM. ``migrations/`` holds the same as steps; a test compares.

A run owns its rows (``ON DELETE CASCADE``). Models and profiles are shared between runs: their keys
are the SHA-256 of their content, so writing the same one twice is writing it once.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

RUN_ID = String(64)
HASH = String(64)
NAME = String(255)


class Base(DeclarativeBase):
    """Root of all tables; Python types map to portable column types."""

    type_annotation_map: ClassVar = {
        int: BigInteger,
        float: Double,
        str: Text,
        dict[str, Any]: JSON,
        list[float]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON,
    }


def _run_key() -> Any:
    return mapped_column(RUN_ID, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)


def _position() -> Any:
    return mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ModelRow(Base):
    """A model as a run saw it; the name and path are part of the key."""

    __tablename__ = "models"

    model_key: Mapped[str] = mapped_column(HASH, primary_key=True)
    name: Mapped[str] = mapped_column(NAME, index=True)
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(HASH, index=True)
    dtype: Mapped[str] = mapped_column(NAME)
    size_bytes: Mapped[int]
    macs: Mapped[int]
    ops: Mapped[int]


class ProfileRow(Base):
    """A device profile's content at the time of a run."""

    __tablename__ = "profiles"

    profile_key: Mapped[str] = mapped_column(HASH, primary_key=True)
    snapshot: Mapped[dict[str, Any]]


class RunRow(Base):
    """One run; ``host``, ``boot_id``, ``pid``, ``pid_start`` name the process that does it."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_started", "started_us", "run_id"),
        Index(
            "ix_runs_slot", "model_key", "profile_name", "target", "engine", "started_us", "run_id"
        ),
    )

    run_id: Mapped[str] = mapped_column(RUN_ID, primary_key=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    started_at: Mapped[str] = mapped_column(String(40))
    started_us: Mapped[int]
    finished_at: Mapped[str | None] = mapped_column(String(40))
    profile_name: Mapped[str] = mapped_column(NAME, index=True)
    profile_key: Mapped[str] = mapped_column(HASH, ForeignKey("profiles.profile_key"))
    target: Mapped[str] = mapped_column(NAME)
    machine: Mapped[str] = mapped_column(NAME)
    machine_exact: Mapped[bool]
    engine: Mapped[str] = mapped_column(NAME)
    model_key: Mapped[str | None] = mapped_column(HASH, ForeignKey("models.model_key"))
    host: Mapped[str] = mapped_column(NAME)
    boot_id: Mapped[str] = mapped_column(NAME)
    pid: Mapped[int]
    pid_start: Mapped[int | None]

    model: Mapped[ModelRow | None] = relationship()
    profile: Mapped[ProfileRow] = relationship()
    measurements: Mapped[list[MeasurementRow]] = relationship(
        order_by="MeasurementRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    ops: Mapped[list[OpRow]] = relationship(
        order_by="OpRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    functions: Mapped[list[FunctionRow]] = relationship(
        order_by="FunctionRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    plan: Mapped[PlanRow | None] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    placements: Mapped[list[PlacementRow]] = relationship(
        order_by="PlacementRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    firmware: Mapped[list[FirmwareSizeRow]] = relationship(
        order_by="FirmwareSizeRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    check: Mapped[CheckRow | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )
    provenance: Mapped[list[ProvenanceRow]] = relationship(
        order_by="ProvenanceRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    notes: Mapped[list[NoteRow]] = relationship(
        order_by="NoteRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    errors: Mapped[list[ErrorRow]] = relationship(
        order_by="ErrorRow.position", cascade="all, delete-orphan", passive_deletes=True
    )


class MeasurementRow(Base):
    """A figure. A NULL ``value`` is NaN: SQLite has none. No ``samples`` is NULL."""

    __tablename__ = "measurements"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    name: Mapped[str] = mapped_column(NAME, index=True)
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(NAME)
    kind: Mapped[str] = mapped_column(String(16))
    uncertainty_pct: Mapped[float | None]
    n: Mapped[int]
    spread_pct: Mapped[float | None]
    source: Mapped[str]
    samples: Mapped[list[float] | None]


class OpRow(Base):
    """Cost of one op of the model."""

    __tablename__ = "ops"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    op_index: Mapped[int]
    op: Mapped[str] = mapped_column(NAME)
    name: Mapped[str]
    macs: Mapped[int]
    instructions: Mapped[int]
    cycles: Mapped[int]
    latency_us: Mapped[float | None]
    kind: Mapped[str] = mapped_column(String(16))


class FunctionRow(Base):
    """Cost of one function of the firmware."""

    __tablename__ = "functions"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    name: Mapped[str]
    instructions: Mapped[int]
    cycles: Mapped[int]


class PlanRow(Base):
    """Head of the memory plan."""

    __tablename__ = "plans"

    run_id: Mapped[str] = _run_key()
    arena_bytes: Mapped[int]
    peak_op: Mapped[int]


class PlacementRow(Base):
    """One buffer of the memory plan; sizes in bytes."""

    __tablename__ = "placements"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    name: Mapped[str]
    tensor: Mapped[int | None]
    offset: Mapped[int]
    size: Mapped[int]
    first_op: Mapped[int]
    last_op: Mapped[int]


class FirmwareSizeRow(Base):
    """Bytes of ``memory`` (flash or ram) that one owner takes in the ELF."""

    __tablename__ = "firmware_sizes"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    memory: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(NAME)
    size_bytes: Mapped[int]


class CheckRow(Base):
    """Outputs against the reference."""

    __tablename__ = "checks"

    run_id: Mapped[str] = _run_key()
    reference: Mapped[str]
    exact: Mapped[bool]
    passed: Mapped[bool]
    max_abs_diff: Mapped[float | None]
    max_rel_diff: Mapped[float | None]
    tolerance: Mapped[float | None]
    inputs: Mapped[int]
    mismatches: Mapped[int]


class ProvenanceRow(Base):
    """One fact about where the run's numbers come from; ``value`` is JSON text."""

    __tablename__ = "provenance"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    key: Mapped[str] = mapped_column(NAME)
    value: Mapped[str]


class NoteRow(Base):
    """A remark for the reader."""

    __tablename__ = "notes"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    text: Mapped[str]


class ErrorRow(Base):
    """Why the run did not pass."""

    __tablename__ = "errors"

    run_id: Mapped[str] = _run_key()
    position: Mapped[int] = _position()
    message: Mapped[str]
    hint: Mapped[str]
    kind: Mapped[str] = mapped_column(NAME)


class BaselineRow(Base):
    """One run of a baseline, whole: it stays when the run it was made of goes.

    ``slot`` hashes model, profile, target and engine (``hil.store.baselines.slot_key``);
    ``document`` is the run as ``hil.store.portable`` writes it.
    """

    __tablename__ = "baselines"
    __table_args__ = (Index("ix_baselines_model", "model_sha256", "profile_name"),)

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    slot: Mapped[str] = mapped_column(HASH, primary_key=True)
    model_sha256: Mapped[str] = mapped_column(HASH)
    model_name: Mapped[str] = mapped_column(NAME)
    profile_name: Mapped[str] = mapped_column(NAME)
    target: Mapped[str] = mapped_column(NAME)
    engine: Mapped[str] = mapped_column(NAME)
    run_id: Mapped[str] = mapped_column(RUN_ID)
    added_at: Mapped[str] = mapped_column(String(40))
    document: Mapped[dict[str, Any]]


def _variant_key() -> Any:
    return mapped_column(
        HASH, ForeignKey("variants.variant_key", ondelete="CASCADE"), primary_key=True
    )


class VariantRow(Base):
    """A quantized model; its key is the hash of its bytes, its parent and how it was made."""

    __tablename__ = "variants"

    variant_key: Mapped[str] = mapped_column(HASH, primary_key=True)
    sha256: Mapped[str] = mapped_column(HASH, index=True)
    parent_sha256: Mapped[str] = mapped_column(HASH, index=True)
    parent_name: Mapped[str] = mapped_column(NAME)
    scheme: Mapped[str] = mapped_column(String(32))
    options: Mapped[dict[str, Any]]
    calibration: Mapped[str]
    calibration_sha256: Mapped[str] = mapped_column(HASH)
    calibration_samples: Mapped[int]
    library: Mapped[str] = mapped_column(NAME)
    created_at: Mapped[str] = mapped_column(String(40))
    created_us: Mapped[int]
    size_bytes: Mapped[int]

    ranges: Mapped[list[VariantRangeRow]] = relationship(
        order_by="VariantRangeRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    tensors: Mapped[list[VariantTensorRow]] = relationship(
        order_by="VariantTensorRow.position", cascade="all, delete-orphan", passive_deletes=True
    )
    agreements: Mapped[list[VariantAgreementRow]] = relationship(
        order_by="VariantAgreementRow.position", cascade="all, delete-orphan", passive_deletes=True
    )


class VariantRangeRow(Base):
    """What calibration saw of one tensor of the float parent."""

    __tablename__ = "variant_ranges"

    variant_key: Mapped[str] = _variant_key()
    position: Mapped[int] = _position()
    tensor: Mapped[int]
    name: Mapped[str]
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    clipped: Mapped[float | None]


class VariantTensorRow(Base):
    """Quality of one tensor against the float parent's."""

    __tablename__ = "variant_tensors"

    variant_key: Mapped[str] = _variant_key()
    position: Mapped[int] = _position()
    tensor: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(16))
    dtype: Mapped[str] = mapped_column(String(16))
    scale: Mapped[float | None]
    zero_point: Mapped[int]
    sqnr_db: Mapped[float | None]
    cosine: Mapped[float | None]
    saturated: Mapped[float | None]


class VariantAgreementRow(Base):
    """End-to-end agreement with the float parent over one set of samples."""

    __tablename__ = "variant_agreements"

    variant_key: Mapped[str] = _variant_key()
    position: Mapped[int] = _position()
    data: Mapped[str] = mapped_column(String(16))
    samples: Mapped[int]
    top1: Mapped[float | None]
    sqnr_db: Mapped[float | None]
    cosine: Mapped[float | None]
    max_abs_diff: Mapped[float | None]
    parent_accuracy: Mapped[float | None]
    accuracy: Mapped[float | None]


class EvaluationRow(Base):
    """Labelled samples through a firmware; ``host`` to ``pid_start`` name the process at it."""

    __tablename__ = "evaluations"

    evaluation_id: Mapped[str] = mapped_column(RUN_ID, primary_key=True)
    key: Mapped[str] = mapped_column(HASH, index=True)
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[str] = mapped_column(String(40))
    started_us: Mapped[int]
    finished_at: Mapped[str | None] = mapped_column(String(40))
    profile_name: Mapped[str] = mapped_column(NAME)
    target: Mapped[str] = mapped_column(NAME)
    machine: Mapped[str] = mapped_column(NAME)
    machine_exact: Mapped[bool]
    engine: Mapped[str] = mapped_column(NAME)
    model_name: Mapped[str] = mapped_column(NAME)
    model_sha256: Mapped[str] = mapped_column(HASH, index=True)
    model_dtype: Mapped[str] = mapped_column(NAME)
    firmware_sha256: Mapped[str] = mapped_column(HASH)
    data_name: Mapped[str]
    data_sha256: Mapped[str] = mapped_column(HASH)
    metric: Mapped[str] = mapped_column(String(16))
    samples: Mapped[int]
    preparation: Mapped[str]
    options: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]
    accuracy: Mapped[dict[str, Any] | None]
    errors: Mapped[list[dict[str, Any]]]
    host: Mapped[str] = mapped_column(NAME)
    boot_id: Mapped[str] = mapped_column(NAME)
    pid: Mapped[int]
    pid_start: Mapped[int | None]


class EvaluationSampleRow(Base):
    """What became of one sample; a NULL number is one that the metric does not know, or NaN."""

    __tablename__ = "evaluation_samples"

    evaluation_id: Mapped[str] = mapped_column(
        RUN_ID, ForeignKey("evaluations.evaluation_id", ondelete="CASCADE"), primary_key=True
    )
    sample: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    label: Mapped[int]
    equal: Mapped[bool]
    max_abs_diff: Mapped[float | None]
    decision: Mapped[int | None]
    host_decision: Mapped[int | None]
    in_top5: Mapped[bool | None]
    score: Mapped[float | None]
    host_score: Mapped[float | None]
