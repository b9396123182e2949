"""Records to rows and back; ``to_record(to_row(record, …)) == record``."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from hil.records import (
    Check,
    ErrorInfo,
    FunctionMeasurement,
    Kind,
    Measurement,
    MemoryPlan,
    ModelInfo,
    OpMeasurement,
    Placement,
    RunRecord,
    RunStatus,
)
from hil.store.liveness import ProcessId
from hil.store.tables import (
    CheckRow,
    ErrorRow,
    FirmwareSizeRow,
    FunctionRow,
    MeasurementRow,
    ModelRow,
    NoteRow,
    OpRow,
    PlacementRow,
    PlanRow,
    ProfileRow,
    ProvenanceRow,
    RunRow,
)


def to_row(record: RunRecord, process: ProcessId) -> RunRow:
    """Return the run with all rows that it owns; its model and profile only by their keys."""
    return RunRow(
        run_id=record.run_id,
        status=record.status,
        started_at=record.started_at,
        started_us=epoch_us(record.started_at),
        finished_at=record.finished_at,
        profile_name=record.profile_name,
        profile_key=profile_row(record.profile).profile_key,
        target=record.target,
        machine=record.machine,
        machine_exact=bool(record.machine_exact),
        engine=record.engine,
        model_key=model_row(record.model).model_key if record.model else None,
        host=process.host,
        boot_id=process.boot_id,
        pid=process.pid,
        pid_start=process.pid_start,
        measurements=_measurement_rows(record),
        ops=_op_rows(record),
        functions=[
            FunctionRow(
                position=i, name=f.name, instructions=int(f.instructions), cycles=int(f.cycles)
            )
            for i, f in enumerate(record.functions)
        ],
        plan=_plan_row(record.plan),
        placements=_placement_rows(record.plan),
        firmware=_firmware_rows(record),
        check=_check_row(record.check),
        provenance=[
            ProvenanceRow(position=i, key=key, value=to_json(value))
            for i, (key, value) in enumerate(record.provenance.items())
        ],
        notes=[NoteRow(position=i, text=plain_text(text)) for i, text in enumerate(record.notes)],
        errors=[
            ErrorRow(
                position=i, message=plain_text(e.message), hint=plain_text(e.hint), kind=e.kind
            )
            for i, e in enumerate(record.errors)
        ],
    )


def profile_row(profile: Mapping[str, Any]) -> ProfileRow:
    """Return the profile's snapshot, keyed by its content (the order of keys is not content)."""
    snapshot = json.loads(to_json(profile))
    canonical = json.dumps(snapshot, sort_keys=True, ensure_ascii=True)
    return ProfileRow(profile_key=_sha256(canonical), snapshot=snapshot)


def model_row(model: ModelInfo) -> ModelRow:
    """Return the model's row, keyed by all that is said of it."""
    fields = {
        "name": plain_text(model.name),
        "path": plain_text(model.path),
        "sha256": model.sha256,
        "dtype": model.dtype,
        "size_bytes": int(model.size_bytes),
        "macs": int(model.macs),
        "ops": int(model.ops),
    }
    return ModelRow(model_key=_sha256(json.dumps(fields, sort_keys=True)), **fields)


def to_record(row: RunRow, status: RunStatus) -> RunRecord:
    """Return the whole run; ``status`` is the one to show (see ``liveness``)."""
    return RunRecord(
        run_id=row.run_id,
        status=status,
        started_at=row.started_at,
        finished_at=row.finished_at,
        profile_name=row.profile_name,
        profile=row.profile.snapshot,
        target=row.target,
        machine=row.machine,
        machine_exact=row.machine_exact,
        engine=row.engine,
        model=to_model(row.model),
        measurements=to_measurements(row.measurements),
        ops=tuple(_to_op(op) for op in row.ops),
        functions=tuple(
            FunctionMeasurement(f.name, f.instructions, f.cycles) for f in row.functions
        ),
        plan=_to_plan(row),
        flash_by_owner={f.owner: f.size_bytes for f in row.firmware if f.memory == "flash"},
        ram_by_owner={f.owner: f.size_bytes for f in row.firmware if f.memory == "ram"},
        check=_to_check(row.check),
        provenance=to_provenance(row.provenance),
        notes=tuple(note.text for note in row.notes),
        errors=to_errors(row.errors),
    )


def to_provenance(rows: list[ProvenanceRow]) -> dict[str, Any]:
    """Return provenance in the order in which it was stored."""
    return {row.key: json.loads(row.value) for row in rows}


def to_errors(rows: list[ErrorRow]) -> tuple[ErrorInfo, ...]:
    """Return the errors' records."""
    return tuple(ErrorInfo(row.message, row.hint, row.kind) for row in rows)


def to_model(row: ModelRow | None) -> ModelInfo | None:
    """Return the model's record."""
    if row is None:
        return None
    return ModelInfo(row.name, row.path, row.sha256, row.dtype, row.size_bytes, row.macs, row.ops)


def to_measurements(rows: list[MeasurementRow]) -> dict[str, Measurement]:
    """Return figures by name, in the order in which they were stored."""
    return {
        row.name: Measurement(
            name=row.name,
            value=from_column(row.value),
            unit=row.unit,
            kind=cast(Kind, row.kind),
            uncertainty_pct=row.uncertainty_pct,
            n=row.n,
            spread_pct=row.spread_pct,
            source=row.source,
            samples=tuple(row.samples or ()),
        )
        for row in rows
    }


def epoch_us(iso: str) -> int:
    """Return an ISO 8601 time as microseconds since 1970; without an offset it is UTC."""
    moment = datetime.fromisoformat(iso)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _measurement_rows(record: RunRecord) -> list[MeasurementRow]:
    return [
        MeasurementRow(
            position=i,
            name=name,
            value=to_column(m.value),
            unit=m.unit,
            kind=m.kind,
            uncertainty_pct=to_column(m.uncertainty_pct),
            n=int(m.n),
            spread_pct=to_column(m.spread_pct),
            source=m.source,
            samples=[float(sample) for sample in m.samples] or None,
        )
        for i, (name, m) in enumerate(record.measurements.items())
    ]


def _op_rows(record: RunRecord) -> list[OpRow]:
    return [
        OpRow(
            position=i,
            op_index=int(op.index),
            op=op.op,
            name=op.name,
            macs=int(op.macs),
            instructions=int(op.instructions),
            cycles=int(op.cycles),
            latency_us=to_column(op.latency_us),
            kind=op.kind,
        )
        for i, op in enumerate(record.ops)
    ]


def _to_op(row: OpRow) -> OpMeasurement:
    return OpMeasurement(
        index=row.op_index,
        op=row.op,
        name=row.name,
        macs=row.macs,
        instructions=row.instructions,
        cycles=row.cycles,
        latency_us=from_column(row.latency_us),
        kind=cast(Kind, row.kind),
    )


def _plan_row(plan: MemoryPlan | None) -> PlanRow | None:
    if plan is None:
        return None
    return PlanRow(arena_bytes=int(plan.arena_bytes), peak_op=int(plan.peak_op))


def _placement_rows(plan: MemoryPlan | None) -> list[PlacementRow]:
    return [
        PlacementRow(
            position=i,
            name=p.name,
            tensor=None if p.tensor is None else int(p.tensor),
            offset=int(p.offset),
            size=int(p.size),
            first_op=int(p.first_op),
            last_op=int(p.last_op),
        )
        for i, p in enumerate(plan.placements if plan else ())
    ]


def _to_plan(row: RunRow) -> MemoryPlan | None:
    if row.plan is None:
        return None
    placements = tuple(
        Placement(p.name, p.tensor, p.offset, p.size, p.first_op, p.last_op) for p in row.placements
    )
    return MemoryPlan(row.plan.arena_bytes, placements, row.plan.peak_op)


def _firmware_rows(record: RunRecord) -> list[FirmwareSizeRow]:
    sizes = [("flash", *item) for item in record.flash_by_owner.items()]
    sizes += [("ram", *item) for item in record.ram_by_owner.items()]
    return [
        FirmwareSizeRow(position=i, memory=memory, owner=owner, size_bytes=int(size))
        for i, (memory, owner, size) in enumerate(sizes)
    ]


def _check_row(check: Check | None) -> CheckRow | None:
    if check is None:
        return None
    return CheckRow(
        reference=check.reference,
        exact=bool(check.exact),
        passed=bool(check.passed),
        max_abs_diff=to_column(check.max_abs_diff),
        max_rel_diff=to_column(check.max_rel_diff),
        tolerance=to_column(check.tolerance),
        inputs=int(check.inputs),
        mismatches=int(check.mismatches),
    )


def _to_check(row: CheckRow | None) -> Check | None:
    if row is None:
        return None
    return Check(
        reference=row.reference,
        exact=row.exact,
        passed=row.passed,
        max_abs_diff=from_column(row.max_abs_diff),
        max_rel_diff=from_column(row.max_rel_diff),
        tolerance=from_column(row.tolerance),
        inputs=row.inputs,
        mismatches=row.mismatches,
    )


def to_column(value: float | None) -> float | None:
    """A plain float; NaN becomes NULL, because SQLite would make it one silently."""
    return None if value is None or math.isnan(value) else float(value)


def from_column(value: float | None) -> float:
    """The number again; NULL is NaN."""
    return math.nan if value is None else value


def plain_text(value: str) -> str:
    """Text that any database takes: bytes of a file name that are no UTF-8 become escapes."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(value: Any) -> str:
    """JSON text of plain values, mappings, paths and numpy's."""
    return json.dumps(value, default=_jsonable, ensure_ascii=True)


def _jsonable(value: Any) -> Any:
    """What json cannot write by itself: mappings, numpy scalars and arrays, paths."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
