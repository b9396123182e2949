"""Records as JSON documents without loss: what the database keeps and baseline files hold.

A document has every field of its record, and ``schema``: ``hil.record.run/1`` for a ``RunRecord``,
so that ``from_document(RunRecord, to_document(run)) == run``. (``hil.run/1`` of
``hil.report.output.run_json`` is for readers.) ``to_document`` normalises what JSON or a database
lacks: numpy scalars and arrays become numbers and lists, paths become text, NUL and bytes of a file
name that are not UTF-8 become escapes. NaN and the infinities become the texts ``NaN``,
``Infinity`` and ``-Infinity``, which are numbers again in fields of type float; in free-form values
such as provenance they become null.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hil.errors import StoreError
from hil.records import Evaluation, RunRecord, Variant

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Record = TypeVar("Record", RunRecord, Variant, Evaluation)

_SCHEMAS: Mapping[type, tuple[str, int]] = {
    RunRecord: ("hil.record.run", 1),
    Variant: ("hil.record.variant", 1),
    Evaluation: ("hil.record.evaluation", 1),
}


class InvalidDocument(ValueError):
    """Data that is not a document of a record; the text gives the place and the reason."""

    hint = "restore the database from a copy, or use another with --db FILE"


class NewerDocument(InvalidDocument):
    """A document whose schema is of a later version of hil."""

    hint = "update hil, or use another database with --db FILE"


def to_document(record: RunRecord | Variant | Evaluation) -> dict[str, Any]:
    """Return the record as what ``json`` can write: dicts, lists, text and finite numbers."""
    kind: Any = type(record)
    plain = _adapter(kind).dump_python(record, mode="json", warnings=False, fallback=_plain_value)
    name, version = _SCHEMAS[kind]
    return {"schema": f"{name}/{version}", **_portable(plain)}


def from_document(kind: type[Record], document: Any) -> Record:
    """Return the record that ``to_document`` made ``document`` of.

    Fields that were added since, with a default, may be absent; unknown fields are ignored
    (``check_lossless`` finds them).

    Raises:
        InvalidDocument: a field is missing or of another type, or the schema is another.
    """
    from pydantic import ValidationError

    _check_schema(kind, document)
    adapter: TypeAdapter[Record] = _adapter(cast("Any", kind))
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        reason = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise InvalidDocument(f"{where}: {reason}") from error


def load(kind: type[Record], document: Any, what: str) -> Record:
    """``from_document`` for the database; ``what`` names the record, such as ``the run x in y``.

    Raises:
        StoreError: the document is damaged, or of a later version of hil.
    """
    try:
        return from_document(kind, document)
    except InvalidDocument as error:
        raise StoreError(f"{what} cannot be read: {error}", hint=error.hint) from error


def check_lossless(document: Any, record: RunRecord | Variant | Evaluation) -> None:
    """Check that ``record`` holds all of ``document``, from which it was read, unconverted.

    Raises:
        InvalidDocument: a field of the document is unknown, or its value was converted.
    """
    if fault := _difference(document, to_document(record), ""):
        raise InvalidDocument(fault)


def digest(plain: Any) -> str:
    """Return the SHA-256 of plain data as JSON: sorted keys, ASCII, no blanks."""
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def epoch_us(iso: str) -> int:
    """Return an ISO 8601 time as microseconds since 1970; without an offset it is UTC."""
    moment = datetime.fromisoformat(iso)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def to_column(value: float | str | None) -> float | None:
    """Return a number of a document or a record for a column; NaN becomes NULL, as in SQLite."""
    number = math.nan if value is None else float(value)
    return None if math.isnan(number) else number


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # not needed to list runs

    return TypeAdapter(kind)


def _check_schema(kind: type, document: Any) -> None:
    if not isinstance(document, dict):
        raise InvalidDocument("it is not a JSON object")
    name, version = _SCHEMAS[kind]
    found = document.get("schema")
    if found == f"{name}/{version}":
        return
    given, _, number = found.partition("/") if isinstance(found, str) else ("", "", "")
    if given == name and number.isdecimal() and int(number) > version:
        raise NewerDocument(
            f"it is from a newer version of hil ({found}, this one reads {name}/{version})"
        )
    raise InvalidDocument(f"its schema is {found!r}, not '{name}/{version}'")


def _plain_value(value: Any) -> Any:
    """Numpy scalars and arrays, and paths: what records may hold beside plain values."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _portable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _portable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_portable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _difference(given: Any, kept: Any, where: str) -> str:
    """Return the first place of ``given`` that ``kept`` lacks or has otherwise, or ''."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, item in given.items():
            path = f"{where}.{key}".removeprefix(".")
            if key not in kept:
                return f"{path}: there is no such field"
            if fault := _difference(item, kept[key], path):
                return fault
        return ""
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        pairs = enumerate(zip(given, kept, strict=True))
        return next((f for i, (a, b) in pairs if (f := _difference(a, b, f"{where}.{i}"))), "")
    same = given == kept and isinstance(given, bool) == isinstance(kept, bool)
    return "" if same else f"{where}: invalid value {given!r}"
