"""Prices the listings of docs/timing.md again, from their own instructions and counts.

``python -m tests.timing.documented`` rewrites the page after a rule or a cost has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hil.measure.cycles.cores import core_table
from hil.measure.cycles.decode import Insn, parse
from hil.measure.cycles.listing import ListedInstruction, _cycles, _line, why
from hil.measure.cycles.pricing import Explained, _target_costs, _walk, leaving_costs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "timing.md"
CORE = core_table("cortex-m4f")
COUNTS = re.compile(r" {4}ran ([\d,]+) times?, entered by a branch ([\d,]+) .* by one ([\d,]+)")
LINE = re.compile(r" {4}([0-9a-f]{8}) +([\d.]+)  (\S+(?: \S+)*)(?: {2,}(.*))?$")
WAIT = re.compile(r" {12} +([\d.]+) +flash wait$")


def repriced(page: str) -> str:
    """The page with the cycles and reasons of its listings as the rules give them now."""
    out: list[str] = []
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        counts = COUNTS.match(lines[at])
        out.append(lines[at])
        at += 1
        if counts:
            end = next(i for i in range(at, len(lines)) if lines[i].startswith("    a run"))
            executed, entered, taken = (int(n.replace(",", "")) for n in counts.groups())
            out += _block(lines[at:end], taken / executed, entered / executed)
            at = end + 1
    return "\n".join(out) + "\n"


def blocks(page: str) -> int:
    return len(re.findall(COUNTS.pattern, page))


def _block(lines: list[str], taken: float, entered: float) -> Iterator[str]:
    rows = [found.groups() for line in lines if (found := LINE.match(line))]
    waits = [float(found[1]) for line in lines if (found := WAIT.match(line))]
    assert len(rows) + len(waits) == len(lines), lines
    texts = [(int(address, 16), text) for address, _, text, _ in rows]
    listed = _priced(texts, taken, entered)
    width = max(24, *(len(text) for _, text in texts))
    for line in listed:
        row = (
            f"    {line.address:08x}  {_cycles(line.cycles):>6}  {line.text:<{width}}  {why(line)}"
        )
        yield row.rstrip()
    for wait in waits:
        yield f"    {'':8}  {_cycles(wait):>6}  {'':<{width}}  flash wait"
    total = sum(line.cycles for line in listed) + sum(waits)
    yield f"    {'a run':8}  {_cycles(total):>6}"


def _priced(texts: list[tuple[int, str]], taken: float, entered: float) -> list[ListedInstruction]:
    """As ``pricing.explain``, but from the text instead of the bytes."""
    code: dict[int, tuple[int, Insn]] = {}
    for (address, text), following in zip(texts, [*texts[1:], None], strict=True):
        mnemonic, _, operands = text.partition(" ")
        size = following[0] - address if following else 4 if mnemonic.endswith(".w") else 2
        assert size in (2, 4), text
        code[address] = (size, parse(mnemonic, operands))
    first, last = texts[0][0], texts[-1][0]
    walked = _walk(CORE, code, first, last + code[last][0])
    return [
        _line(
            Explained(
                address=address,
                size=code[address][0],
                text=text,
                cycles=sum(cycles for _, cycles in costs),
                reasons=tuple(costs),
                taken=leaving_costs(CORE, insn) if address == last else (),
                target=_target_costs(CORE, code, first) if address == first else (),
            ),
            taken,
            entered,
        )
        for (address, insn, costs), (_, text) in zip(walked, texts, strict=True)
    ]


if __name__ == "__main__":
    PAGE.write_text(repriced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
