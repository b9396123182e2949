"""Any Cortex-M program: what its ELF says of functions, code and the core it is for.

Nothing of hil's own firmware is expected here; ``hil.firmware.elf`` knows that.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from hil.errors import RunFailed, UsageError, did_you_mean

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{1,8}$")
_THUMB_CODE = re.compile(r"\$t(\.|$)")
_ARCHITECTURES = {"EM_X86_64": "x86-64", "EM_386": "x86", "EM_AARCH64": "64-bit Arm (AArch64)"}
_BUILD_HINT = "give the linked program for a Cortex-M: arm-none-eabi-gcc -mcpu=… -mthumb"


@dataclass(frozen=True)
class Function:
    """A function of the symbol table; ``names`` are all its names, the ones to show first."""

    address: int
    size: int
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name to show."""
        return self.names[0]


@dataclass(frozen=True)
class Program:
    """A linked program for a Cortex-M.

    ``functions`` are in order of address, which has no Thumb bit. ``segments`` are the (address,
    content) pairs of executable sections, or of the loaded segments where there are no sections;
    ``loads`` the (address, size) pairs of what a loader writes. ``cpu_arch`` is the ELF's
    attribute (``v7E-M``), empty where it has none.
    """

    path: Path
    functions: tuple[Function, ...]
    segments: tuple[tuple[int, bytes], ...]
    loads: tuple[tuple[int, int], ...]
    cpu_arch: str

    @property
    def origin(self) -> int:
        """The lowest address that a loader writes."""
        return min((address for address, _ in self.loads), default=0)

    @cached_property
    def _addresses(self) -> list[int]:
        return [function.address for function in self.functions]

    @cached_property
    def _origins(self) -> list[int]:
        return [address for address, _ in self.segments]

    def address(self, marker: str) -> int:
        """Return the address that ``marker`` means: a function's name, or ``0x…``.

        Raises:
            UsageError: there is no such function, or no code at the address.
        """
        if _ADDRESS.match(marker):
            address = int(marker, 16) & ~1
            if not self._holds(address, address + 2):
                raise UsageError(
                    f"{self.path} has no code at {marker}",
                    hint="`arm-none-eabi-objdump -d` shows the addresses of its code",
                )
            return address
        found = [f.address for f in self.functions if marker in f.names]
        if not found:
            raise self._unknown(marker)
        if len(found) > 1:
            places = ", ".join(f"0x{address:08x}" for address in found)
            raise UsageError(
                f"{self.path} has {len(found)} functions named '{marker}'",
                hint=f"name the one that is meant by its address: {places}",
            )
        return found[0]

    def function_at(self, address: int) -> Function | None:
        """Return the function whose code holds ``address``; None between or outside functions.

        One without a size reaches up to the next function or to the end of its section.
        """
        at = bisect.bisect_right(self._addresses, address) - 1
        if at < 0:
            return None
        function = self.functions[at]
        if function.size:
            inside = address < function.address + function.size
        else:
            inside = self._holds(function.address, address + 2)
        return function if inside else None

    def symbolize(self, address: int) -> str:
        """Return ``function+0x12`` for an address in code, or the address in hex."""
        function = self.function_at(address & ~1)
        if function is None:
            return f"0x{address:08x}"
        offset = (address & ~1) - function.address
        return f"{function.name}+0x{offset:x}" if offset else function.name

    def read(self, start: int, end: int) -> bytes:
        """Return the code from ``start`` up to ``end``.

        Raises:
            RunFailed: the ELF holds no code there.
        """
        at = self._segment(start, end)
        if at is None:
            raise RunFailed(
                f"code ran at 0x{start:08x}, which {self.path} does not hold",
                hint="code that a program writes or copies itself cannot be priced; link it "
                "where it runs",
            )
        address, content = self.segments[at]
        return content[start - address : end - address]

    def direct_branch(self, start: int, end: int) -> int | None:
        """Return where the block from ``start`` up to ``end`` branches to, if its last instruction
        is a direct branch and no call (B in its encodings T1 to T4; Armv7-M ARM A7.7.12).
        """
        code = self.read(start, end)
        halves = [code[at] | code[at + 1] << 8 for at in range(0, len(code), 2)]
        at = 0
        while at + _length(halves[at]) < len(halves):
            at += _length(halves[at])
        offset = _branch_offset(halves[at:])
        return None if offset is None else start + 2 * at + 4 + offset

    def _holds(self, start: int, end: int) -> bool:
        return self._segment(start, end) is not None

    def _segment(self, start: int, end: int) -> int | None:
        at = bisect.bisect_right(self._origins, start) - 1
        if at < 0 or end > self._origins[at] + len(self.segments[at][1]):
            return None
        return at

    def _unknown(self, marker: str) -> UsageError:
        if not self.functions:
            return UsageError(
                f"{self.path} has no symbols (it was stripped), so '{marker}' cannot be found",
                hint="build it without -s, or give addresses as markers: --begin 0x… --end 0x…",
            )
        names = [name for function in self.functions for name in function.names]
        hint = did_you_mean(marker, names, most=3)
        return UsageError(
            f"{self.path} has no function '{marker}'",
            hint=hint + "`arm-none-eabi-nm` lists its symbols; a function that was inlined or "
            "removed has none (mark it __attribute__((noinline)))",
        )


def _length(first: int) -> int:
    """Halfwords of the instruction that begins with ``first`` (Armv7-M ARM A5.1)."""
    return 2 if first >> 11 in (0b11101, 0b11110, 0b11111) else 1


def _branch_offset(halves: list[int]) -> int | None:
    first, second = halves[0], halves[1] if len(halves) > 1 else 0
    if first & 0xF000 == 0xD000 and first & 0xF00 < 0xE00:  # T1
        return _signed(first & 0xFF, 8) * 2
    if first & 0xF800 == 0xE000:  # T2
        return _signed(first & 0x7FF, 11) * 2
    if first & 0xF800 != 0xF000 or second & 0xC000 != 0x8000:
        return None
    sign, low = first >> 10 & 1, second & 0x7FF
    j1, j2 = second >> 13 & 1, second >> 11 & 1
    if second & 0x1000:  # T4
        high = sign << 2 | (j1 ^ sign ^ 1) << 1 | (j2 ^ sign ^ 1)
        return _signed(high << 21 | (first & 0x3FF) << 11 | low, 24) * 2
    if first >> 6 & 0xE == 0xE:  # no condition: a system instruction
        return None
    return _signed((sign << 2 | j2 << 1 | j1) << 17 | (first & 0x3F) << 11 | low, 20) * 2  # T3


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def open_program(path: Path) -> Program:
    """Read the ELF at ``path``.

    Raises:
        UsageError: it cannot be read, is not an ELF, or is not a linked little-endian 32-bit
            program in Thumb code for a Cortex-M.
    """
    try:
        with path.open("rb") as stream:
            file: Any = ELFFile(stream)
            _require_cortex_m(path, file)
            return _program(path, file)
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="check the path and its permissions"
        ) from error
    except UsageError:
        raise
    except (ELFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        # pyelftools meets damaged files with whatever its parsers trip over
        raise UsageError(f"{path} is not a usable ELF file: {error}", hint=_BUILD_HINT) from error


def _require_cortex_m(path: Path, file: Any) -> None:
    machine, kind = file["e_machine"], file["e_type"]
    reason = ""
    if machine != "EM_ARM":
        reason = f"is for {_ARCHITECTURES.get(machine, str(machine).removeprefix('EM_'))}, not Arm"
    elif file.elfclass != 32:
        reason = f"is a {file.elfclass}-bit ELF, a Cortex-M has 32 bits"
    elif not file.little_endian:
        reason = "is big-endian; the cores that hil knows are little-endian"
    elif kind == "ET_REL":
        reason = "is an object file, not a linked program"
    elif kind not in ("ET_EXEC", "ET_DYN"):
        reason = f"is not a program ({kind})"
    elif (profile := _attribute(file, "TAG_CPU_ARCH_PROFILE")) not in (None, 0, ord("M")):
        reason = f"is for an Arm of profile {chr(profile)}, a Cortex-M is of profile M"
    if reason:
        raise UsageError(f"{path} {reason}", hint=_BUILD_HINT)


def _program(path: Path, file: Any) -> Program:
    loads = [
        (segment["p_paddr"], segment["p_filesz"], segment["p_vaddr"], segment.data())
        for segment in file.iter_segments()
        if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
    ]
    code = [
        (section["sh_addr"], section.data())
        for section in file.iter_sections()
        if section["sh_flags"] & 0x4 and section["sh_type"] == "SHT_PROGBITS" and section.data_size
    ]
    if not code:  # section headers can be stripped too
        code = [(address, content) for _, _, address, content in loads]
    return Program(
        path=path,
        functions=_functions(file),
        segments=_joined(code),
        loads=tuple(sorted((address, size) for address, size, _, _ in loads)),
        cpu_arch=_cpu_arch(file),
    )


def _joined(code: list[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    """Pieces of code in order, those that touch in one: blocks cross from section to section."""
    joined: list[tuple[int, bytes]] = []
    for address, content in sorted(code):
        if joined and address == joined[-1][0] + len(joined[-1][1]):
            joined[-1] = (joined[-1][0], joined[-1][1] + content)
        else:
            joined.append((address, content))
    return tuple(joined)


def _functions(file: Any) -> tuple[Function, ...]:
    """Functions by address. Global names come first, as they are what sources call them."""
    table = file.get_section_by_name(".symtab")
    if table is None:
        return ()
    found: dict[int, list[tuple[int, str, int]]] = {}
    for symbol in table.iter_symbols():
        info = symbol["st_info"]
        if info["type"] != "STT_FUNC" or symbol["st_shndx"] == "SHN_UNDEF" or not symbol.name:
            continue
        order = {"STB_GLOBAL": 0, "STB_WEAK": 1}.get(info["bind"], 2)
        found.setdefault(symbol["st_value"] & ~1, []).append(
            (order, symbol.name, symbol["st_size"])
        )
    return tuple(
        Function(
            address=address,
            size=max(size for _, _, size in rows),
            names=tuple(dict.fromkeys(name for _, name, _ in sorted(rows))),
        )
        for address, rows in sorted(found.items())
    )


# Tag_CPU_arch of the ABI for the Arm Architecture's build attributes (addenda32, section 3.3.5).
_CPU_ARCH = {
    11: "v6-M",
    12: "v6S-M",
    10: "v7",
    13: "v7E-M",
    16: "v8-M.base",
    17: "v8-M.main",
    21: "v8.1-M.main",
}


def _cpu_arch(file: Any) -> str:
    return _CPU_ARCH.get(_attribute(file, "TAG_CPU_ARCH") or 0, "")


def _attribute(file: Any, tag: str) -> int | None:
    """A build attribute of the whole file (``.ARM.attributes``), None where it is not given."""
    section = file.get_section_by_name(".ARM.attributes")
    if section is None:
        return None
    for subsection in section.iter_subsections():
        for scope in subsection.iter_subsubsections():
            for attribute in scope.iter_attributes(tag):
                return int(attribute.value)
    return None
