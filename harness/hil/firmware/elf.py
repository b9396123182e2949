"""Reads a firmware ELF: sizes by owner, symbols, code.

The owners are output sections of ``firmware_stubs/ports/cortexm/link.ld``. Only 32-bit
little-endian ELF files, which is all that Cortex-M has.
"""

from __future__ import annotations

import bisect
import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from hil import children
from hil.errors import BuildFailed
from hil.records import Symbol

_FLASH_OWNERS = {".hil_engine": "code", ".hil_weights": "weights", ".hil_tables": "tables"}
_RAM_OWNERS = {".hil_arena": "arena", ".stack": "stack_reserved", ".heap": "heap_reserved"}
_SYMBOL = struct.Struct("<IIIBBH")  # ELF32: name, value, size, info, other, section index
_FUNCTION = 2
_NOTE_HEADER = 12  # sizes of name and description, type (System V ABI, note section)
_RESERVED_SECTIONS = 0xFF00  # absolute and common symbols, SHN_LORESERVE


@contextmanager
def _opened(elf: Path) -> Iterator[Any]:
    try:
        with elf.open("rb") as stream:
            yield ELFFile(stream)
    except ELFError as error:
        raise BuildFailed(
            f"{elf} is not a usable ELF file: {error}", hint="build it anew"
        ) from error


def sizes_by_owner(elf: Path) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return (flash by owner, RAM by owner) in bytes, with the keys of ``records.Firmware``.

    Initialized data counts twice, as on the device: its image in flash is ``runtime``, its place
    in RAM is ``static``. RAM has one more key, ``heap_reserved``.
    """
    flash = dict.fromkeys((*_FLASH_OWNERS.values(), "runtime"), 0)
    ram = dict.fromkeys((*_RAM_OWNERS.values(), "static"), 0)
    with _opened(elf) as file:
        for section in file.iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & SH_FLAGS.SHF_ALLOC:
                continue
            if section["sh_type"] != "SHT_NOBITS":
                flash[_FLASH_OWNERS.get(section.name, "runtime")] += size
            if flags & SH_FLAGS.SHF_WRITE:
                ram[_RAM_OWNERS.get(section.name, "static")] += size
    return flash, ram


def symbols(elf: Path) -> list[Symbol]:
    """Return the functions of the ELF in order of address, without the Thumb bit.

    Of several names at one address the first in the file is taken. A size of 0 is kept as it is.
    Names of C++ are shown as in the source, without parameters.
    """
    found: dict[int, Symbol] = {}
    for name, value, size, kind, section in _raw_symbols(elf):
        address = value & ~1
        if kind == _FUNCTION and section and (address not in found or not found[address].size):
            found[address] = Symbol(name, address, size, section)
    readable = _demangled(symbol.name for symbol in found.values())
    return [
        replace(found[address], name=readable.get(found[address].name, found[address].name))
        for address in sorted(found)
    ]


def _demangled(names: Iterable[str]) -> dict[str, str]:
    """C++ names by their mangled ones; empty where there are none, or no tool that reads them."""
    mangled = sorted({name for name in names if name.startswith("_Z")})
    tool = shutil.which((os.environ.get("HIL_CC_PREFIX") or "arm-none-eabi-") + "c++filt")
    if not mangled or tool is None:
        return {}
    done = children.run([tool, "--no-params"], text="\n".join(mangled))
    lines = done.stdout.splitlines()
    return dict(zip(mangled, lines, strict=True)) if len(lines) == len(mangled) else {}


def symbol_address(elf: Path, name: str) -> int:
    """Return the address (or absolute value) of a symbol, without the Thumb bit of a function.

    Raises:
        BuildFailed: the ELF has no such symbol; it is not one of our firmwares.
    """
    for found, value, _size, kind, _section in _raw_symbols(elf):
        if found == name:
            return value & ~1 if kind == _FUNCTION else value
    raise BuildFailed(
        f"{elf} has no symbol '{name}'", hint="it was not built from firmware_stubs; build it anew"
    )


def build_id(elf: Path) -> str:
    """Return the linker's build id in hex, '' where the ELF has none."""
    with _opened(elf) as file:
        section = file.get_section_by_name(".note.gnu.build-id")
        if section is None:
            return ""
        note = section.data()
    names, length = struct.unpack_from("<II", note)
    start = _NOTE_HEADER + (names + 3) // 4 * 4
    return bytes(note[start : start + length]).hex()


def code_bytes(elf: Path) -> list[tuple[int, bytes]]:
    """Return (address, content) of every executable section, in order of address."""
    with _opened(elf) as file:
        found = [
            (section["sh_addr"], section.data())
            for section in file.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR and section["sh_size"]
        ]
    return sorted(found)


def symbolize(elf: Path, address: int) -> str:
    """Return ``function+0x12`` for an address in code, or the address in hex outside of it."""
    functions = symbols(elf)
    code = address & ~1
    at = bisect.bisect_right([f.address for f in functions], code) - 1
    if at < 0 or code >= functions[at].address + max(functions[at].size, 2):
        return f"0x{address:08x}"
    offset = code - functions[at].address
    return f"{functions[at].name}+0x{offset:x}"


def _raw_symbols(elf: Path) -> Iterator[tuple[str, int, int, int, str]]:
    """Yield (name, value, size, type, section name or "") of named symbols.

    Unpacked here in one go: pyelftools' own iteration takes ten times as long.
    """
    with _opened(elf) as file:
        table = file.get_section_by_name(".symtab")
        if table is None:
            raise BuildFailed(f"{elf} has no symbols", hint="do not strip it; build it anew")
        names = file.get_section(table["sh_link"]).data()
        sections = [section.name for section in file.iter_sections()]
        rows = list(_SYMBOL.iter_unpack(table.data()))
    for name, value, size, info, _other, index in rows:
        if name:
            text = names[name : names.index(b"\0", name)].decode("ascii", "replace")
            section = sections[index] if index < min(len(sections), _RESERVED_SECTIONS) else ""
            yield text, value, size, info & 0xF, section
