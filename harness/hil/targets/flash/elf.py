"""What of an ELF file goes into flash, and other forms of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.errors import UsageError

_FILL = b"\xff"
_HEX_LINE = 16
_MOST = 64 << 20  # bytes that an image may have, gaps included


@dataclass(frozen=True)
class Part:
    """Bytes at an address of the flash."""

    address: int
    data: bytes


def checked(elf: Path) -> Path:
    """Return the absolute path of a firmware.

    Raises:
        UsageError: there is no such file.
    """
    if not elf.is_file():
        raise UsageError(f"there is no firmware {elf}", hint="build it first")
    return elf.absolute()


def parts(elf: Path) -> list[Part]:
    """Return the sections that are to be written, by the address that they are loaded to.

    Raises:
        UsageError: there is no such file, it is not an ELF file, or nothing in it is to be written.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    found = []
    try:
        with checked(elf).open("rb") as file:
            read = ELFFile(file)
            loads = list(read.iter_segments("PT_LOAD"))
            for section in read.iter_sections():
                in_memory = section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]
                if not in_memory or section["sh_type"] == "SHT_NOBITS":
                    continue
                for load in loads:
                    if load.section_in_segment(section):
                        address = load["p_paddr"] + section["sh_offset"] - load["p_offset"]
                        found.append(Part(address, section.data()))
                        break
    except ELFError as error:
        raise UsageError(f"{elf} is not an ELF file: {error}", hint="build it again") from error
    if not found:
        raise UsageError(f"{elf} has nothing to write", hint="build it again")
    return sorted(found, key=lambda part: part.address)


def image(elf: Path) -> Part:
    """Return all parts as one, with gaps filled as erased flash is (0xFF).

    Raises:
        UsageError: as :func:`parts`; or the gaps are too large for a file.
    """
    found = parts(elf)
    start = found[0].address
    size = max(part.address + len(part.data) for part in found) - start
    if size > _MOST:
        raise UsageError(f"{elf} spans {size} bytes", hint="flash it as ELF or HEX instead")
    data = bytearray(_FILL * size)
    for part in found:
        data[part.address - start : part.address - start + len(part.data)] = part.data
    return Part(start, bytes(data))


def intel_hex(elf: Path) -> str:
    """Return the parts as Intel HEX with linear addresses (Intel, revision A, 1988).

    Raises:
        UsageError: as :func:`parts`.
    """
    lines = []
    upper = None
    for part in parts(elf):
        at = 0
        while at < len(part.data):
            address = part.address + at
            if address >> 16 != upper:
                upper = address >> 16
                lines.append(_record(0, 4, upper.to_bytes(2, "big")))
            size = min(_HEX_LINE, 0x10000 - (address & 0xFFFF))
            lines.append(_record(address & 0xFFFF, 0, part.data[at : at + size]))
            at += size
    return "".join(f"{line}\n" for line in [*lines, _record(0, 1, b"")])


def _record(address: int, kind: int, data: bytes) -> str:
    body = bytes([len(data), *address.to_bytes(2, "big"), kind, *data])
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}"
