"""A run as JSON without loss, and back: what baselines are kept and shipped as.

``hil.run/1`` (``hil.report.output.run_json``) is for readers; this is for hil itself: every field
of ``RunRecord`` is there, and ``from_plain(to_plain(run)) == run``. NaN and the infinities,
which JSON lacks, are the strings ``NaN``, ``Infinity`` and ``-Infinity``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hil.records import RunRecord


class NotARun(ValueError):
    """Plain data that is no run; the text says where and why."""


@functools.cache
def _adapter() -> TypeAdapter[RunRecord]:
    return TypeAdapter(RunRecord)


def to_plain(run: RunRecord) -> dict[str, Any]:
    """Return the run as what ``json`` can write: dicts, lists, text and finite numbers."""
    plain = _finite(
        _adapter().dump_python(run, mode="json", warnings=False, fallback=_plain_number)
    )
    assert isinstance(plain, dict)
    return plain


def from_plain(plain: Any, *, trusted: bool = False) -> RunRecord:
    """Return the run that ``to_plain`` made ``plain`` of.

    Fields that a newer version added and that have a default may be absent; nothing may be there
    that is not a field, and no value is bent to fit a field (not looked at where it is ``trusted``
    to come from ``to_plain``).

    Raises:
        NotARun: it is none.
    """
    try:
        run = _adapter().validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the run"
        raise NotARun(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
    if not trusted and (fault := _not_kept(plain, to_plain(run), "")):
        raise NotARun(fault)
    return run


def digest(plain: Any) -> str:
    """Return the SHA-256 of plain data; the order of keys does not count."""
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain_number(value: Any) -> Any:
    """Numpy scalars and arrays, and paths: what records may hold beside plain values."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _not_kept(given: Any, kept: Any, where: str) -> str:
    """Say what of ``given`` did not come through as it was, or return an empty text."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, item in given.items():
            path = f"{where}.{key}".removeprefix(".")
            if key not in kept:
                return f"{path}: there is no such field"
            if fault := _not_kept(item, kept[key], path):
                return fault
        return ""
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        pairs = enumerate(zip(given, kept, strict=True))
        return next((f for i, (a, b) in pairs if (f := _not_kept(a, b, f"{where}.{i}"))), "")
    same = given == kept and isinstance(given, bool) == isinstance(kept, bool)
    return "" if same else f"{where}: {given!r} is no value for it"
