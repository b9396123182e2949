"""How an exported baseline is written: one measurement, op or fact a line, in a stable order.

Its difference can then be reviewed in a pull request. Values are not touched: the text is the same
JSON document, whatever the lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hil.figures import in_order

_INDENT = "  "
#: What is spread over lines: places in a run's document, lists and objects alike.
_SPREAD = frozenset(
    {
        "",
        "profile",
        "measurements",
        "ops",
        "functions",
        "plan",
        "plan.placements",
        "provenance",
        "notes",
        "errors",
    }
)
_SORTED = frozenset({"profile", "provenance"})


def text(document: Mapping[str, Any]) -> str:
    """Return a baseline's document (``hil.gate.exchange``) as text, with a line end."""
    head = [f"{_inline(key)}: {_inline(value)}" for key, value in document.items() if key != "runs"]
    entries = sorted(document["runs"], key=_order)
    runs = ",\n".join(_entry(entry) for entry in entries)
    lines = ",\n".join(_INDENT + line for line in head)
    return f'{{\n{lines},\n{_INDENT}"runs": [\n{runs}\n{_INDENT}]\n}}\n'


def _order(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """By model, profile, target and engine: a run that is replaced keeps its place."""
    run = entry["run"]
    model = run["model"]
    return (
        *(model["name"], run["profile_name"], run["target"], run["engine"]),
        model["sha256"],
    )


def _entry(entry: Mapping[str, Any]) -> str:
    digest = f'{_INDENT * 3}"sha256": {_inline(entry["sha256"])}'
    run = f'{_INDENT * 3}"run": {_block(entry["run"], "", 3)}'
    return f"{_INDENT * 2}{{\n{digest},\n{run}\n{_INDENT * 2}}}"


def _block(value: Any, place: str, depth: int) -> str:
    """One line for each item of ``value`` where its place is spread, else one line."""
    if place not in _SPREAD or not value or not isinstance(value, dict | list):
        return _inline(value)
    indent = _INDENT * (depth + 1)
    if isinstance(value, list):
        items = [_inline(item) for item in value]
        return "[\n" + ",\n".join(indent + item for item in items) + f"\n{_INDENT * depth}]"
    lines = [
        f"{indent}{_inline(key)}: {_block(value[key], f'{place}.{key}'.lstrip('.'), depth + 1)}"
        for key in _keys(value, place)
    ]
    return "{\n" + ",\n".join(lines) + f"\n{_INDENT * depth}}}"


def _keys(value: Mapping[str, Any], place: str) -> list[str]:
    if place == "measurements":
        return in_order(sorted(value))
    return sorted(value) if place in _SORTED else list(value)


def _inline(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
