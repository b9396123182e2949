"""Verify the structure of a .tflite as a whole, also of the parts that hil itself does not read.

TensorFlow Lite's Python interpreter follows every offset of the file without a check. This does
what flatbuffers' C++ verifier does: every table with its vtable, every number, string, vector and
union lies inside the file. Alignment is not checked.
"""

from __future__ import annotations

import struct

from hil.tflite import schema
from hil.tflite.layout import TABLES

MAX_TABLES = 1_000_000  # as flatbuffers' verifier; a model has some thousands

_I32 = struct.Struct("<i")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")


class Malformed(ValueError):
    """The file contradicts itself or the schema; the text names the place."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def verify(data: bytes) -> None:
    """Follow every offset of a .tflite from its root.

    Raises:
        Malformed: something lies outside of the file; the message has its kind and place.
    """
    walk = _Walk(data)
    walk.follow(0, "Model")
    while walk.pending:
        walk.table(*walk.pending.pop())


class _Walk:
    """The tables that are still to be verified, and those that were; each is verified once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._seen: set[tuple[int, str]] = set()
        self._entries = 0
        self.pending: list[tuple[int, str]] = []

    def follow(self, at: int, table: str) -> None:
        """Note the table to which the offset at a place leads."""
        found = (self._target(at, table), table)
        if found not in self._seen:
            self._seen.add(found)
            self.pending.append(found)

    def table(self, at: int, name: str) -> None:
        """Verify one table: its vtable and its fields; other tables are noted."""
        self._require(at, 4, name)
        vtable = at - _I32.unpack_from(self._data, at)[0]
        self._require(vtable, 4, f"the vtable of {name}")
        (length,) = _U16.unpack_from(self._data, vtable)
        if length < 4 or length % 2:
            raise _damaged(f"the vtable of {name} at byte {vtable} has {length} bytes")
        self._require(vtable, length, f"the vtable of {name}")
        offsets = struct.unpack_from(f"<{length // 2 - 2}H", self._data, vtable + 4)
        before = 0  # the place of the field before, where a union has its type
        for kind, offset in zip(TABLES.get(name, ()), offsets, strict=False):
            if offset and kind != "-":
                self._field(at + offset, kind, name, before)
            before = at + offset if offset else 0

    def _field(self, at: int, kind: str, table: str, before: int) -> None:
        if kind.isdigit():
            self._require(at, int(kind), f"a number of {table}")
        elif kind == "str":
            self._string(at, table)
        elif kind[0] == "[":
            self._vector(at, kind[1:], table)
        elif kind[0] == "?":
            self._union(at, kind[1:], before)
        else:
            self.follow(at, kind)

    def _union(self, at: int, union: str, type_at: int) -> None:
        """Verify a union's table; TensorFlow Lite does not read one of an unknown type."""
        number = self._data[type_at] if type_at else 0
        table = schema.enum_names(union).get(number, "NONE")
        if table != "NONE":
            self.follow(at, table)

    def _string(self, at: int, table: str) -> None:
        start, count = self._length(at, f"a text of {table}")
        self._require(start, count + 1, f"a text of {table}")
        if self._data[start + count]:
            raise _damaged(f"a text of {table} at byte {start} does not end with a zero")

    def _vector(self, at: int, kind: str, table: str) -> None:
        what = f"a vector of {table}"
        start, count = self._length(at, what)
        if kind.isdigit():
            self._require(start, count * int(kind), what)
            return
        self._require(start, count * 4, what)
        self._entries += count
        if self._entries > MAX_TABLES:
            raise _damaged(f"the file has more than {MAX_TABLES:,} tables")
        for place in range(start, start + 4 * count, 4):
            if kind == "str":
                self._string(place, table)
            else:
                self.follow(place, kind)

    def _length(self, at: int, what: str) -> tuple[int, int]:
        """Where the content of a vector or text begins, and its length."""
        start = self._target(at, what)
        self._require(start, 4, what)
        return start + 4, _U32.unpack_from(self._data, start)[0]

    def _target(self, at: int, what: str) -> int:
        self._require(at, 4, f"the offset of {what}")
        target: int = at + _U32.unpack_from(self._data, at)[0]
        return target

    def _require(self, at: int, count: int, what: str) -> None:
        if at < 0 or at + count > len(self._data):
            raise _damaged(
                f"{what} at byte {at} needs {count:,} bytes, the file has {len(self._data):,}"
            )


def _damaged(message: str) -> Malformed:
    return Malformed(f"not a readable .tflite: {message}")
