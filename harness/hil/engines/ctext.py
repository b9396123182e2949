"""C text for values: types, literals, arrays, and comments that nothing can break out of."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

_C_TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "bool": "uint8_t",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9_./:;,()\[\]<>=+ -]")
_COMMENT_CHARS = 80
_LINE_ELEMENTS = 16
_LINE_BYTES = 32
_ESCAPES = np.frombuffer("".join(f"\\{b:03o}" for b in range(256)).encode(), dtype="<u4")


def comment_text(text: str) -> str:
    """Make any text safe inside a C comment: no ``*``, backslash, newline or trigraph survives."""
    safe = _UNSAFE.sub("_", text)
    return safe if len(safe) <= _COMMENT_CHARS else safe[: _COMMENT_CHARS - 3] + "..."


def c_type(dtype: str) -> str:
    """The C element type of a numpy dtype."""
    return _C_TYPES[dtype]


def has_c_type(dtype: str) -> bool:
    """Whether a generated program can have tensors of this dtype."""
    return dtype in _C_TYPES


def float_literal(value: float) -> str:
    """Return a C expression for a float32 value, exact; infinities need <math.h>."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{float(np.float32(value)).hex()}f"


def number_list(array: npt.NDArray[Any]) -> str:
    """An initializer that lists the numbers, exactly."""
    words = [_number(value) for value in array.ravel().tolist()] or ["0"]
    lines = (words[i : i + _LINE_ELEMENTS] for i in range(0, len(words), _LINE_ELEMENTS))
    return "{\n" + "".join("    " + ", ".join(line) + ",\n" for line in lines) + "}"


def _number(value: float | int | bool) -> str:
    if isinstance(value, float):
        return float_literal(value)
    if isinstance(value, bool) or -(2**31) < value < 2**31:
        return str(int(value))
    if value == -(2**31):
        return "INT32_MIN"
    return "INT64_MIN" if value == -(2**63) else f"INT64_C({value})"


def byte_strings(array: npt.NDArray[Any]) -> str:
    """String literals that hold the array's bytes in little-endian order."""
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    text = _ESCAPES[np.frombuffer(data, dtype=np.uint8)].tobytes().decode("ascii")
    width = 4 * _LINE_BYTES
    return "".join(f'    "{text[i : i + width]}"\n' for i in range(0, len(text), width))
