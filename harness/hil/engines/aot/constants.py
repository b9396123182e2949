"""Constant arrays of the generated program: deduplicated, named, written as C text.

Small arrays are lists of numbers, which can be read. Large ones are string literals in a union:
GCC 12 compiles 1 MB of float32 in 0.09 s that way, against 0.57 s as decimal floats and 0.35 s as
hexadecimal words (int8, 300 kB: 0.04 s against 0.22 s). This form needs a little-endian target;
all are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.ctext import byte_strings, c_type, comment_text, number_list

_LIST_BYTES = 1024  # up to here a list of numbers
_FILE_BYTES = 512 * 1024  # constants of one generated file
_SECTIONS = {"weights": "HIL_WEIGHTS", "tables": "HIL_TABLES"}


@dataclass(frozen=True, eq=False)
class _Entry:
    """One array under its C name."""

    name: str
    array: npt.NDArray[Any]
    owner: str
    origin: str

    @property
    def is_list(self) -> bool:
        return self.array.nbytes <= _LIST_BYTES

    @property
    def expression(self) -> str:
        return self.name if self.is_list else f"{self.name}.values"

    def declaration(self) -> str:
        element = c_type(str(self.array.dtype))
        if self.is_list:
            return f"extern const {element} {self.name}[{max(self.array.size, 1)}];\n"
        return (
            f"union {self.name}_data {{\n"
            f"    unsigned char bytes[{self.array.nbytes}] HIL_NONSTRING;\n"
            f"    {element} values[{self.array.size}];\n}};\n"
            f"extern const union {self.name}_data {self.name};\n"
        )

    def definition(self) -> str:
        section = _SECTIONS[self.owner]
        if self.is_list:
            element = c_type(str(self.array.dtype))
            subject = f"const {element} {self.name}[{max(self.array.size, 1)}]"
            value = number_list(self.array)
        else:
            subject = f"const union {self.name}_data {self.name}"
            value = "{\n" + byte_strings(self.array) + "}"
        return f"/* {comment_text(self.origin)} */\n{subject} {section} = {value};\n"


class ConstantPool:
    """All constants of a program; equal ones (type, content and owner) are stored once."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, bytes], _Entry] = {}

    def add(self, array: npt.NDArray[Any], owner: str, name: str, origin: str) -> str:
        """Add an array and return the C expression for its first element's address.

        ``name`` must be a C identifier of its own; ``origin`` is shown in a comment.
        """
        array = np.ascontiguousarray(array)
        key = (str(array.dtype), owner, array.tobytes())
        return self._entries.setdefault(key, _Entry(name, array, owner, origin)).expression

    def size(self, owner: str) -> int:
        """Bytes of all constants of ``owner``."""
        return sum(e.array.nbytes for e in self._entries.values() if e.owner == owner)

    def files(self) -> dict[str, str]:
        """Write the header ``model_data.h`` and as many ``data_N.c`` as there are chunks."""
        entries = list(self._entries.values())
        header = (
            "/* Generated: the constants of the model. */\n"
            "#ifndef MODEL_DATA_H\n#define MODEL_DATA_H\n\n"
            '#include <stdint.h>\n\n#include "hil_aot.h"\n\n'
            + "".join(entry.declaration() for entry in entries)
            + "\n#endif\n"
        )
        head = '#include <math.h>\n\n#include "model_data.h"\n\n'
        return {
            "model_data.h": header,
            **{
                f"data_{i}.c": head + "\n".join(entry.definition() for entry in chunk)
                for i, chunk in enumerate(_chunks(entries))
            },
        }


def _chunks(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Split into runs of at most ``_FILE_BYTES`` (one array may exceed it alone)."""
    chunks: list[list[_Entry]] = []
    left = -1
    for entry in entries:
        if entry.array.nbytes > left:
            chunks.append([])
            left = _FILE_BYTES
        chunks[-1].append(entry)
        left -= entry.array.nbytes
    return chunks
