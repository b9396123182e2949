"""C initializers for params structs, as templates of ``str.format`` (literal braces doubled)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hil.engines.ctext import float_literal

#: What a field may hold: a number, C text (a constant's field such as ``"{table}"``), a list of
#: numbers, or a struct of its own.
Value = int | float | str | Sequence[int] | Mapping[str, "Value"]


def struct_literal(fields: Mapping[str, Value]) -> str:
    """Return a designated initializer, fields in the order given."""
    return "{{" + ", ".join(f".{name} = {_value(v)}" for name, v in fields.items()) + "}}"


def _value(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float):
        return float_literal(value)
    if isinstance(value, Mapping):
        return struct_literal(value)
    return "{{" + ", ".join(str(int(item)) for item in value or (0,)) + "}}"
