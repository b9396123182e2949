"""Reads a static library: members, symbols, core, float ABI, compiler.

The `ar` format with GNU's long names (System V); members are ELF32 objects for Arm. Attributes are
those of the ABI for the Arm Architecture (addenda32, section 3.3.5).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from hil.errors import UsageError

_MAGIC, _THIN_MAGIC = b"!<arch>\n", b"!<thin>\n"
_HEADER_BYTES = 60
_SYMBOL = struct.Struct("<IIIBBH")  # ELF32: name, value, size, info, other, section index
_GLOBAL, _WEAK = 1, 2
_HINT = "give the static library that TFLM's build makes for the core, libtensorflow-microlite.a"
_CPU_ARCH = {
    10: "v7",
    11: "v6-M",
    12: "v6S-M",
    13: "v7E-M",
    14: "v8-A",
    16: "v8-M.base",
    17: "v8-M.main",
    21: "v8.1-M.main",
}
_ATTRIBUTES = {
    "TAG_CPU_ARCH": "arch",
    "TAG_CPU_ARCH_PROFILE": "profile",
    "TAG_FP_ARCH": "fp",
    "TAG_ABI_VFP_ARGS": "vfp_args",
    "TAG_ABI_ENUM_SIZE": "enum_size",
}


@dataclass(frozen=True)
class Archive:
    """A static library for a Cortex-M.

    ``arch`` is that of the most demanding member (``v7E-M``); ``float_abi`` is ``hard`` or
    ``soft`` (softfp too, whose calls are the same); ``defined`` and ``needed`` are global symbols
    as the linker knows them, ``needed`` (symbol: a member that needs it) those which no member
    defines.
    """

    members: int
    arch: str
    float_abi: str
    short_enums: bool
    compiler: str
    defined: frozenset[str]
    needed: dict[str, str]


@dataclass(frozen=True)
class _Member:
    name: str
    arch: int
    vfp_args: int | None
    fp: int
    enum_size: int
    compiler: str
    defined: tuple[str, ...]
    undefined: tuple[str, ...]


def read_archive(path: Path) -> Archive:
    """Read the library at ``path``.

    Raises:
        UsageError: it cannot be read, is not a static library, or its members are not for one
            Cortex-M and one float ABI.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="check the path and its permissions"
        ) from error
    members = [_member(path, name, content) for name, content in _contents(path, data)]
    objects = [member for member in members if member is not None]
    if not objects:
        raise UsageError(f"{path} holds no object files", hint=_HINT)
    defined = {symbol for member in objects for symbol in member.defined}
    needed: dict[str, str] = {}
    for member in objects:
        for symbol in member.undefined:
            if symbol not in defined:
                needed.setdefault(symbol, member.name)
    return Archive(
        members=len(objects),
        arch=_CPU_ARCH.get(max(member.arch for member in objects), "unknown"),
        float_abi=_float_abi(path, objects),
        short_enums=all(member.enum_size != 2 for member in objects),
        compiler=next((m.compiler for m in objects if m.compiler), ""),
        defined=frozenset(defined),
        needed=needed,
    )


def _contents(path: Path, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the members, without the archive's own tables."""
    if data.startswith(_THIN_MAGIC):
        raise UsageError(
            f"{path} is a thin archive: it only refers to object files elsewhere",
            hint="make it with `ar` without the option T",
        )
    if not data.startswith(_MAGIC):
        raise UsageError(f"{path} is not a static library", hint=_HINT)
    names, at = b"", len(_MAGIC)
    while at + _HEADER_BYTES <= len(data):
        raw, size_text = data[at : at + 16].rstrip(), data[at + 48 : at + 58].strip()
        if data[at + 58 : at + 60] != b"`\n" or not size_text.isdigit():
            raise UsageError(f"{path} is damaged at byte {at}", hint="build or copy it again")
        start, size = at + _HEADER_BYTES, int(size_text)
        content = data[start : start + size]
        if len(content) != size:
            raise UsageError(f"{path} is cut off at byte {len(data)}", hint="copy it again")
        if raw == b"//":
            names = content
        elif raw not in (b"/", b"/SYM64/", b"__.SYMDEF"):
            yield _member_name(raw, names), content
        at = start + size + size % 2


def _member_name(raw: bytes, names: bytes) -> str:
    if raw.startswith(b"/") and raw[1:].isdigit():
        raw = names[int(raw[1:]) :].partition(b"\n")[0]
    return raw.rstrip(b"/").decode("utf-8", "replace")


def _member(path: Path, name: str, content: bytes) -> _Member | None:
    """An object file; None for any other file."""
    if not content.startswith(b"\x7fELF"):
        return None
    try:
        return _object(path, name, ELFFile(io.BytesIO(content)))
    except UsageError:
        raise
    except (ELFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        # what pyelftools raises for damaged files
        raise UsageError(
            f"{path}: the object file {name} is damaged: {error}", hint="build the library again"
        ) from error


def _object(path: Path, name: str, elf: Any) -> _Member:
    machine = elf["e_machine"]
    if machine != "EM_ARM" or elf.elfclass != 32 or not elf.little_endian:
        what = str(machine).removeprefix("EM_")
        raise UsageError(
            f"{path} is for {what}, not for a 32-bit little-endian Arm ({name})", hint=_HINT
        )
    tags = _attributes(elf)
    if tags.get("profile") not in (None, 0, ord("M")):
        raise UsageError(
            f"{path} is for an Arm of profile {chr(int(tags['profile']))}, a Cortex-M is of "
            f"profile M ({name})",
            hint=_HINT,
        )
    if any(section.name.startswith(".gnu.lto_") for section in elf.iter_sections()):
        raise UsageError(
            f"{path} was compiled with -flto ({name}): only the same compiler can link it, and its "
            "kernels cannot be distinguished",
            hint="build it without -flto",
        )
    defined, undefined = _symbols(elf)
    return _Member(
        name=name,
        arch=int(tags.get("arch", 0)),
        vfp_args=int(tags["vfp_args"]) if "vfp_args" in tags else None,
        fp=int(tags.get("fp", 0)),
        enum_size=int(tags.get("enum_size", 0)),
        compiler=_compiler(elf),
        defined=defined,
        undefined=undefined,
    )


def _attributes(elf: Any) -> dict[str, Any]:
    section = elf.get_section_by_name(".ARM.attributes")
    found: dict[str, Any] = {}
    if section is not None:
        for part in section.iter_subsections():
            for scope in part.iter_subsubsections():
                for attribute in scope.iter_attributes():
                    if attribute.tag in _ATTRIBUTES:
                        found[_ATTRIBUTES[attribute.tag]] = attribute.value
    return found


def _compiler(elf: Any) -> str:
    section = elf.get_section_by_name(".comment")
    text = section.data().strip(b"\0").split(b"\0")[0] if section is not None else b""
    return str(text.decode("utf-8", "replace"))


def _symbols(elf: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Global symbols: (defined here, defined elsewhere)."""
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return (), ()
    names = elf.get_section(table["sh_link"]).data()
    defined, undefined = [], []
    for name, _value, _size, info, _other, section in _SYMBOL.iter_unpack(table.data()):
        if info >> 4 not in (_GLOBAL, _WEAK) or not name:
            continue
        text = names[name : names.index(b"\0", name)].decode("ascii", "replace")
        if section:
            defined.append(text)
        elif info >> 4 == _GLOBAL:
            undefined.append(text)
    return tuple(defined), tuple(undefined)


def _float_abi(path: Path, members: list[_Member]) -> str:
    """``hard`` passes floats in registers; a member without floats may not say."""
    said = {member.vfp_args: member.name for member in members if member.vfp_args is not None}
    if 1 not in said:
        return "soft"
    soft = next((m.name for m in members if m.vfp_args is None and m.arch and not m.fp), None)
    if 0 in said or soft is not None:
        raise UsageError(
            f"{path} mixes float ABIs: {said[1]} passes floats in registers, "
            f"{said.get(0, soft)} does not",
            hint="build all of it with one -mfloat-abi",
        )
    return "hard"
