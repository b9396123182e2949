"""Decodes Thumb code into the few features that timing rules need.

Capstone's text form is parsed instead of its detail structures: ten times faster, and the text of
an instruction repeats so often that the parse is cached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

ReadCode = Callable[[int, int], bytes]
"""``read(start, end)`` gives the program's bytes from ``start`` up to ``end``."""

_NONE: frozenset[str] = frozenset()
_REGISTER = re.compile(r"\b(?:r\d+|[sd]\d+|sp|lr|pc|sb|sl|fp|ip)\b")
_CONDITION = "(?:eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)"
_BRANCH = re.compile(rf"(?:b{_CONDITION}?|cbn?z)(?:\.[wn])?$")
_CALL = re.compile(rf"bl{_CONDITION}?$")
_INDIRECT = re.compile(rf"(?:bx|blx|bxns|blxns){_CONDITION}?$")
_COMPARE = ("cmp", "cmn", "tst", "teq", "vcmp", "pld", "it")


@dataclass(frozen=True)
class Insn:
    """One instruction. ``kind`` is what the pricing rules switch on.

    ``writes`` leaves out a base register that a load or store steps (its new value is early).
    ``address`` holds the registers of the address, ``reads`` all that are read. ``words`` is what
    a multiple transfer moves, ``access_bytes`` the width of a single one. ``leaves`` says how
    control flow may leave: "", "branch", "call", "indirect" or "pc_load".
    """

    kind: str
    writes: frozenset[str] = _NONE
    reads: frozenset[str] = _NONE
    address: frozenset[str] = _NONE
    words: int = 1
    access_bytes: int = 0
    register_offset: bool = False
    literal: bool = False
    stack: bool = False
    leaves: str = ""
    conditional: bool = False

    @property
    def is_float(self) -> bool:
        """Whether this is FP arithmetic, whose timing is the least certain."""
        return self.kind in ("fp_alu", "fp_mul", "fp_mac", "fp_div", "fp_sqrt")


def decode(read: ReadCode, ranges: Iterable[tuple[int, int]]) -> dict[int, tuple[int, Insn]]:
    """Decode the code in ``ranges`` ((start, end), may overlap): address -> (size, instruction).

    Bytes that capstone cannot decode count as one ALU instruction of the length that their first
    halfword gives (Armv7-M ARM section A5.1).
    """
    engine = _engine()
    return {
        address: (size, parse(mnemonic, operands) if mnemonic else Insn("alu"))
        for start, end in _merged(ranges)
        for address, size, mnemonic, operands in _instructions(engine, read(start, end), start)
    }


def disassemble(read: ReadCode, start: int, end: int) -> list[tuple[int, int, str]]:
    """Return (address, size, text) of the instructions that :func:`decode` finds there."""
    code = read(start, end)
    rows = []
    for address, size, mnemonic, operands in _instructions(_engine(), code, start):
        raw = code[address - start : address - start + size]
        text = f"{mnemonic} {operands}".strip() if mnemonic else f".inst 0x{_number(raw):x}"
        rows.append((address, size, text))
    return rows


def _number(raw: bytes) -> int:
    """An instruction as it is written: the first halfword in the upper half."""
    halves = [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]
    return halves[0] if len(halves) == 1 else halves[0] << 16 | halves[1]


def _engine() -> Any:
    import capstone

    return capstone.Cs(  # type: ignore[no-untyped-call]
        capstone.CS_ARCH_ARM,
        capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8,
    )


def _instructions(engine: Any, code: bytes, start: int) -> Iterator[tuple[int, int, str, str]]:
    """Give (address, size, mnemonic, operands); the texts are empty for unknown bytes."""
    position = 0
    while position + 2 <= len(code):
        for found in engine.disasm_lite(code[position:], start + position):
            yield found
            position = found[0] + found[1] - start
        if position + 2 <= len(code):
            size = 4 if code[position + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
            yield start + position, size, "", ""
            position += size


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@lru_cache(maxsize=65536)
def parse(mnemonic: str, operands: str) -> Insn:
    """Classify one instruction from capstone's ``mnemonic`` and operand text."""
    if flow := _flow(mnemonic, operands):
        return flow
    if mnemonic.startswith(("ldr", "str", "vldr", "vstr")) and "[" in operands:
        return _single_transfer(mnemonic, operands)
    if mnemonic.startswith(
        ("ldm", "stm", "push", "pop", "vldm", "vstm", "vpush", "vpop", "fldm", "fstm")
    ):
        return _multiple_transfer(mnemonic, operands)
    return _data_processing(mnemonic, operands)


def _flow(mnemonic: str, operands: str) -> Insn | None:
    if _BRANCH.match(mnemonic):
        may_fall = mnemonic.partition(".")[0] != "b"
        reads = _registers(operands)
        return Insn("branch", reads=reads, leaves="branch", conditional=may_fall)
    if _CALL.match(mnemonic):
        return Insn("branch", leaves="call")
    if _INDIRECT.match(mnemonic):
        return Insn("branch", reads=_registers(operands), leaves="indirect")
    if mnemonic in ("tbb", "tbh"):
        registers = _registers(operands)
        return Insn("load", reads=registers, address=registers - {"pc"}, leaves="pc_load")
    if mnemonic.startswith("it") and set(mnemonic[2:]) <= {"t", "e"}:
        return Insn("it")
    return None


def _single_transfer(mnemonic: str, operands: str) -> Insn:
    transferred, _, rest = operands.partition("[")
    inside = rest.partition("]")[0]
    address = _registers(inside)
    values = _registers(transferred)
    is_load = mnemonic.lstrip("v").startswith("ldr")
    double = mnemonic[3:4] == "d" or bool(re.match(r"d\d", transferred))
    into_pc = is_load and "pc" in values
    return Insn(
        kind=("multiple_" if double else "") + ("load" if is_load else "store"),
        writes=values - {"pc"} if is_load else _NONE,
        reads=address if is_load else address | values,
        address=address - {"pc"},
        words=2 if double else 1,
        access_bytes=8 if double else _width(mnemonic),
        register_offset=len(_REGISTER.findall(inside)) > 1,
        literal="pc" in address,
        stack="sp" in address,
        leaves="pc_load" if into_pc else "",
    )


def _width(mnemonic: str) -> int:
    """Bytes that a single load or store moves: ldrb, ldrsb, ldrh, ldrsh, else a word."""
    size = mnemonic[3:].lstrip("s")[:1]
    return {"b": 1, "h": 2}.get(size, 4) if mnemonic[0] != "v" else 4


def _multiple_transfer(mnemonic: str, operands: str) -> Insn:
    base, _, listed = operands.rpartition("{")
    names = _REGISTER.findall(listed)
    words = sum(2 if name[0] == "d" else 1 for name in names)
    is_load = "ld" in mnemonic or "pop" in mnemonic
    address = _registers(base) or frozenset({"sp"})
    values = _registers(listed)
    return Insn(
        kind="multiple_load" if is_load else "multiple_store",
        writes=values - {"pc"} if is_load else _NONE,
        reads=address if is_load else address | values,
        address=address,
        words=words,
        access_bytes=4 * words,
        stack="sp" in address,
        leaves="pc_load" if is_load and "pc" in names else "",
    )


def _data_processing(mnemonic: str, operands: str) -> Insn:
    names = _REGISTER.findall(operands)
    kind = _arithmetic_kind(mnemonic)
    results = 2 if kind in ("mul_long", "mla_long") else 1
    if mnemonic.startswith(_COMPARE) or not names:
        results = 0
    if mnemonic.startswith("vmov") and len(names) == 4:
        results = 2
    accumulates = kind in ("mla_long", "fp_mac") or len(names) - results <= 0 or "#" in operands
    moves = mnemonic.startswith(("mov", "mvn", "vmov", "adr"))
    reads = names if accumulates and not moves else names[results:]
    return Insn(
        kind=kind,
        writes=_expand(names[:results]) - {"pc"},
        reads=_expand(reads),
        leaves="indirect" if results and names[0] == "pc" else "",
    )


_PREFIXES = (
    (("sdiv", "udiv"), "divide"),
    (("smull", "umull"), "mul_long"),
    (("smlal", "umlal", "smlsld", "umaal"), "mla_long"),
    (("mla", "mls", "smla", "smls", "smmla", "smmls"), "mla"),
    (("mul", "smul", "smmul", "smuad", "smusd"), "mul"),
    (("dsb", "dmb", "isb"), "barrier"),
    (("vdiv",), "fp_div"),
    (("vsqrt",), "fp_sqrt"),
    (("vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma", "vfnms"), "fp_mac"),
    (("vmul", "vnmul"), "fp_mul"),
    (("vmov", "vmrs", "vmsr"), "fp_move"),
)


def _arithmetic_kind(mnemonic: str) -> str:
    for prefixes, kind in _PREFIXES:
        if mnemonic.startswith(prefixes):
            return kind
    return "fp_alu" if mnemonic.startswith("v") else "alu"


def _registers(text: str) -> frozenset[str]:
    return _expand(_REGISTER.findall(text))


def _expand(names: list[str]) -> frozenset[str]:
    """Registers as a set, a double as the two singles that it overlaps."""
    result: set[str] = set()
    for name in names:
        if name[0] == "d" and name[1:].isdigit():
            number = int(name[1:])
            result.update((f"s{2 * number}", f"s{2 * number + 1}"))
        else:
            result.add(name)
    return frozenset(result)
