"""Provenance as labelled groups: model, quantization, build, target, version of hil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_GROUPS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "Model and inputs",
        {
            "label": "Label",
            "source_commit": "Model's repository, git commit",
            "model_sha256": "Model, SHA-256",
            "inputs_sha256": "Inputs, SHA-256",
            "firmware_sha256": "Firmware, SHA-256",
            "profile_sha256": "Profile, SHA-256",
            "engine_version": "Engine version",
        },
    ),
    (
        "Quantization",
        {
            "scheme": "Scheme",
            "parent_name": "Float model",
            "parent_sha256": "Float model, SHA-256",
            "quantizer": "Quantizer",
            "quantize_options": "Options",
            "quantize_calibration": "Calibrated with",
            "quantize_calibration_samples": "Calibration samples",
            "quantize_calibration_sha256": "Calibration samples, SHA-256",
        },
    ),
    (
        "Build",
        {
            "compiler": "Compiler",
            "compiler_flags": "Compiler flags",
            "optimize": "Optimization",
            "build_command": "Build command",
            "firmware_cached": "Firmware from cache",
        },
    ),
    (
        "Target",
        {
            "target_tool": "Target tool",
            "target_command": "Target command",
            "input_path": "Inputs loaded by",
            "load_retries": "Loads repeated",
            "reference": "Reference",
            "stage_s": "Seconds per stage on the host",
        },
    ),
    (
        "hil and host",
        {
            "hil_version": "hil version",
            "hil_commit": "git commit",
            "python": "Python",
            "host": "Host",
        },
    ),
)
_SHOWN_ELSEWHERE = {"command", "engine_title", "engine_role", "target"}


@dataclass(frozen=True)
class ProvenanceGroup:
    """A heading with its rows of (label, value)."""

    title: str
    rows: tuple[tuple[str, str], ...]


def provenance_groups(provenance: Mapping[str, Any]) -> tuple[ProvenanceGroup, ...]:
    """Sort provenance into groups; keys unknown here come last under their own names."""
    groups = []
    seen = set(_SHOWN_ELSEWHERE)
    for title, labels in _GROUPS:
        rows = [
            (label, plain_text(provenance[key]))
            for key, label in labels.items()
            if key in provenance
        ]
        seen.update(labels)
        groups.append(ProvenanceGroup(title, tuple(row for row in rows if row[1])))
    others = [
        (key.replace("_", " "), plain_text(value))
        for key, value in provenance.items()
        if key not in seen
    ]
    groups.append(ProvenanceGroup("Other", tuple(row for row in others if row[1])))
    return tuple(group for group in groups if group.rows)


def plain_text(value: Any) -> str:
    """Show a value on one line; absent ones as an empty string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(plain_text(item) for item in value)
    return str(value)
