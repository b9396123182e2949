"""A run as the ``hil.run/1`` JSON object's ``data``."""

from __future__ import annotations

import dataclasses
from typing import Any

from hil.records import RunRecord


def run_data(record: RunRecord) -> dict[str, Any]:
    """Return the machine-readable form of a run; keys are part of the schema ``hil.run/1``.

    ``measurements`` maps a name to value, unit, kind, uncertainty_pct, n, spread_pct and source;
    ``check`` is null when no output was compared, ``energy`` when no meter recorded.
    """
    model = record.model
    return {
        "run_id": record.run_id,
        "status": record.status,
        "profile": record.profile_name,
        "target": record.target,
        "machine": {"name": record.machine, "exact": record.machine_exact},
        "engine": record.engine,
        "model": dataclasses.asdict(model) if model else None,
        "measurements": {
            name: _without(dataclasses.asdict(figure), "name")
            for name, figure in record.measurements.items()
        },
        "ops": [dataclasses.asdict(op) for op in record.ops],
        "memory": {"flash": dict(record.flash_by_owner), "ram": dict(record.ram_by_owner)},
        "check": dataclasses.asdict(record.check) if record.check else None,
        "energy": dataclasses.asdict(record.energy) if record.energy else None,
        "notes": list(record.notes),
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "provenance": dict(record.provenance),
    }


def run_errors(record: RunRecord) -> list[dict[str, str]]:
    """Return the errors of a run as the envelope's ``errors``."""
    return [{"message": error.message, "hint": error.hint} for error in record.errors]


def _without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in mapping.items() if k != key}
