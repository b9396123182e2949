"""The registers of a port: what its registers.h defines, what its registers.md says of them.

docs/porting.md describes both. Run as a module (``scripts/registers``), it compares the tables with
the vendors' headers in a folder of clones.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PORTS = Path(__file__).resolve().parents[2] / "firmware_stubs" / "ports"
WITHOUT = {"cortexm", "host", "mps2"}
"""Folders that are not for the silicon of a vendor: what all Cortex-M share, a process, a board
that exists in emulators only."""

_DEFINE = re.compile(r"^#define (\w+)(?:\((\w+)\))? (.+)$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ROW = re.compile(r"^\|(.*)\|$", re.MULTILINE)
_EXPRESSION = re.compile(r"`([^`]+)` in ([\w, ]+)$")
_REGISTER_COLUMNS = ["register", "address", "field", "value", "source"]
_FILE_COLUMNS = ["key", "file", "repository", "commit"]


@dataclass(frozen=True)
class Row:
    """A line of the table. ``address`` is as written: ``+0x0C`` is relative to a base address."""

    register: str
    address: str
    field: str
    value: str
    source: str

    @property
    def macro(self) -> str:
        """The name in registers.h."""
        return f"{self.register}_{self.field}" if self.field else self.register

    @property
    def number(self) -> int:
        """What the macro must be: the field's bits, else the address or offset."""
        return int(self.value if self.field else self.address.lstrip("+"), 16)

    @property
    def vendor(self) -> dict[str, str]:
        """The expression in each of the vendor's headers, by key; none where a manual is named."""
        found = map(_EXPRESSION.fullmatch, self.source.split("; "))
        return {key: one[1] for one in found if one for key in one[2].split(", ")}


@dataclass(frozen=True)
class Table:
    """A registers.md: its rows, and the vendor's files by key (repository, path)."""

    rows: tuple[Row, ...]
    files: dict[str, tuple[str, str]]


def ports() -> list[str]:
    """Return the folders that need a table, sorted."""
    folders = (path.name for path in PORTS.iterdir() if path.is_dir())
    return sorted(name for name in folders if name not in WITHOUT)


def without_comments(file: Path) -> str:
    """Return a C source without its comments, a continued line as one."""
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    return _COMMENT.sub(" ", text)


def macros(file: Path) -> dict[str, int]:
    """Return the values of what a registers.h defines; a parameter, a base address, is 0."""
    found: dict[str, int] = {}
    for name, parameter, body in _DEFINE.findall(without_comments(file)):
        expression = re.sub(r"\b(0[xX][0-9A-Fa-f]+|\d+)[uU]\b", r"\1", body.strip())
        names = {"REG": int, **found, **({parameter: 0} if parameter else {})}
        found[name] = eval(expression, {"__builtins__": {}}, names)
    return found


def table(file: Path) -> Table:
    """Read a registers.md.

    Raises:
        ValueError: a row has too few cells.
    """
    columns: list[str] = []
    rows: list[Row] = []
    files: dict[str, tuple[str, str]] = {}
    for line in _ROW.findall(file.read_text(encoding="utf-8")):
        cells = [cell.strip() for cell in line.split("|")]
        if cells in (_REGISTER_COLUMNS, _FILE_COLUMNS):
            columns = cells
        elif not set(cells[0]) <= set("-:") or not cells[0]:
            if len(cells) != len(columns):
                raise ValueError(f"{file}: not {len(columns)} cells: {line}")
            if columns == _FILE_COLUMNS:
                key, path, repository, _ = cells
                files[key] = repository, path.strip("`")
            else:
                *plain, source = cells
                rows.append(Row(*(cell.strip("`") for cell in plain), source))
    return Table(tuple(rows), files)


# --- comparison with the vendors' headers ---


def _values(header: Path, includes: list[Path], expressions: list[str]) -> list[int]:
    """Return what the vendor's header makes of the expressions, by the compiler."""
    lines = [f'#include "{header.name}"', "#include <stddef.h>", "#include <stdint.h>"]
    lines += ["const uint32_t hil_values[] = {"]
    for expression in expressions:
        is_register = "->" in expression
        lines.append(f"    (uint32_t)({'&' if is_register else ''}{expression}),")
    lines += ["};"]
    with tempfile.TemporaryDirectory() as folder:
        source, ours, raw = (Path(folder) / f"values.{end}" for end in ("c", "o", "bin"))
        source.write_text("\n".join(lines))
        flags = ["-mcpu=cortex-m4", "-mthumb", "-w", "-I", header.parent]
        flags += [part for path in includes for part in ("-I", path)]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", source, "-o", ours], check=True)
        copy = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".rodata", ours, raw]
        subprocess.run(copy, check=True)
        data = raw.read_bytes()
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _compare(name: str, key: str, header: Path, rows: list[Row], includes: list[Path]) -> int:
    """Print each row that the header contradicts; return how many those are (1 without header)."""
    if not header.is_file():
        print(f"{name}: {key} was not compared: there is no {header}")
        return 1
    values = _values(header, includes, [row.vendor[key] for row in rows])
    wrong = 0
    for row, value in zip(rows, values, strict=True):
        if value != row.number:
            wrong += 1
            print(f"{name}: {row.macro} is 0x{row.number:08X}, in {key} 0x{value:08X}")
    print(f"{name}: {len(rows)} rows compared with {header.name}, {wrong} different")
    return wrong


def main() -> int:
    """Compare the tables; return 1 where a row differs or a header is missing."""
    parser = argparse.ArgumentParser(
        prog="scripts/registers",
        description="Compare the ports' tables of registers with the vendors' headers.",
    )
    parser.add_argument(
        "clones",
        type=Path,
        help="a folder with clones of the repositories that the tables name, by their names; also "
        "of ARM-software/CMSIS_5, whose core headers the vendors' include",
    )
    parser.add_argument("ports", nargs="*", metavar="PORT", help="default: all ports")
    options = parser.parse_args()
    includes = [options.clones.resolve() / "CMSIS_5" / "CMSIS" / "Core" / "Include"]
    wrong = 0
    for name in options.ports or ports():
        read = table(PORTS / name / "registers.md")
        for key, (repository, path) in read.files.items():
            rows = [row for row in read.rows if key in row.vendor]
            header = options.clones.resolve() / repository.partition("/")[2] / path
            wrong += _compare(name, key, header, rows, includes)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
