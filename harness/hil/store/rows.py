"""The rows of records: columns for what is queried, beside the document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hil.records import ModelInfo
from hil.store.documents import epoch_us, to_column
from hil.store.liveness import ProcessId

HEAD = (
    *("run_id", "status", "started_at", "finished_at", "profile_name"),
    *("target", "machine", "machine_exact", "engine"),
)
MODEL = tuple(field.name for field in dataclasses.fields(ModelInfo))
_PROVENANCE = (
    "engine_version",
    "firmware_sha256",
    "hil_commit",
    "sweep_key",
    "source_commit",
    "label",
)


def run_row(document: Mapping[str, Any], process: ProcessId) -> dict[str, Any]:
    """Return the row of ``runs``; ``process`` carries the run out."""
    model = document["model"] or {}
    facts = {name: document["provenance"].get(name) for name in _PROVENANCE}
    return {
        **{name: document[name] for name in HEAD},
        **{f"model_{name}": model.get(name) for name in MODEL},
        **{name: None if fact is None else str(fact) for name, fact in facts.items()},
        **dataclasses.asdict(process),
        "started_us": epoch_us(document["started_at"]),
        "document": document,
    }


def figure_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of ``measurements`` of a run."""
    numbers = ("value", "uncertainty_pct", "spread_pct")
    return [
        {
            **figure,
            **{field: to_column(figure[field]) for field in numbers},
            "samples": figure["samples"] or None,
            "run_id": document["run_id"],
            "name": name,
            "position": position,
        }
        for position, (name, figure) in enumerate(document["measurements"].items())
    ]
