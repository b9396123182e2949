"""The hottest blocks of a priced window as annotated disassembly.

Every line of a block has the mean cycles of the instruction and the rules that they come from; the
lines of a block add up to the block's price. ``docs/timing.md`` ("Reading a listing") explains
some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hil.measure.cycles.cores import TimingTable
from hil.measure.cycles.decode import ReadCode
from hil.measure.cycles.memory_system import branch_entries
from hil.measure.cycles.pricing import Costs, Explained, explain
from hil.measure.cycles.windows import Window
from hil.tflite.graph import Graph

FLASH_WAIT = "flash wait"
_LEAST_SHOWN = 0.005
NameOf = Callable[[int], str]
"""Gives ``function+0x12`` for an address of code."""


@dataclass(frozen=True)
class ListedInstruction:
    """One line: ``cycles`` a run of the block, in the mean, and the rules that add up to them."""

    address: int
    text: str
    cycles: float
    reasons: Costs


@dataclass(frozen=True)
class ListedBlock:
    """A block of code from ``start`` up to ``end``.

    ``executed`` times it ran, ``taken`` times the next block was another than the one behind it,
    ``entered`` times a branch led to it. ``cycles`` are all its runs', ``share_pct`` of the
    window; ``flash_wait`` is the cycles a run that it waited for the flash.
    """

    start: int
    end: int
    name: str
    executed: int
    taken: int
    entered: int
    cycles: float
    share_pct: float
    flash_wait: float
    instructions: tuple[ListedInstruction, ...]


@dataclass
class _Counts:
    """Counts of a block, summed over the regions that it ran in."""

    executed: int = 0
    taken: int = 0
    entered: int = 0
    cycles: float = 0.0
    waits: float = 0.0


def hottest_blocks(
    core: TimingTable,
    read: ReadCode,
    window: Window,
    name_of: NameOf,
    *,
    count: int = 10,
    region: int | None = None,
) -> tuple[ListedBlock, ...]:
    """Return the ``count`` blocks with the most cycles, of all regions or of one.

    ``share_pct`` of the blocks is their part of these regions.
    """
    profile = window.profile
    chosen = profile.region == (profile.region if region is None else region)
    blocks = _by_block(window, np.flatnonzero(chosen).tolist())
    whole = float(window.row_cycles[chosen].sum())
    order = sorted(blocks, key=lambda pair: (-blocks[pair].cycles, pair))
    return tuple(_listed(core, read, name_of, pair, blocks[pair], whole) for pair in order[:count])


def _by_block(window: Window, rows: Sequence[int]) -> dict[tuple[int, int], _Counts]:
    profile = window.profile
    entered = branch_entries(profile)
    found: dict[tuple[int, int], _Counts] = {}
    for row in rows:
        pair = int(profile.start[row]), int(profile.end[row])
        counts = found.setdefault(pair, _Counts())
        counts.executed += int(profile.executed[row])
        counts.taken += int(profile.taken[row])
        counts.entered += int(entered[row])
        counts.cycles += float(window.row_cycles[row])
        counts.waits += float(window.row_waits[row])
    return found


def _listed(
    core: TimingTable,
    read: ReadCode,
    name_of: NameOf,
    pair: tuple[int, int],
    counts: _Counts,
    whole: float,
) -> ListedBlock:
    runs = counts.executed
    rows = explain(core, read, *pair)
    return ListedBlock(
        start=pair[0],
        end=pair[1],
        name=name_of(pair[0]),
        executed=runs,
        taken=counts.taken,
        entered=counts.entered,
        cycles=counts.cycles,
        share_pct=100.0 * counts.cycles / whole,
        flash_wait=counts.waits / runs,
        instructions=tuple(_line(row, counts.taken / runs, counts.entered / runs) for row in rows),
    )


def _line(row: Explained, taken: float, entered: float) -> ListedInstruction:
    """Weight what a taken branch adds, or saves, by how often it was taken."""
    spared = {name for name, cost in row.taken if cost < 0}
    reasons = [
        (f"{name} in {_percent(1 - taken)}", cost * (1 - taken)) if name in spared else (name, cost)
        for name, cost in row.reasons
    ]
    reasons += [
        (f"{name} in {_percent(taken)}", cost * taken)
        for name, cost in row.taken
        if name not in spared
    ]
    reasons += [(f"{name} in {_percent(entered)}", cost * entered) for name, cost in row.target]
    kept = tuple((name, cost) for at, (name, cost) in enumerate(reasons) if cost or not at)
    return ListedInstruction(row.address, row.text, sum(cost for _, cost in kept), kept)


def _percent(share: float) -> str:
    if 0.9995 <= share < 1 or 0 < share < 0.0005:
        return "almost all runs" if share > 0.5 else "few runs"
    return "all runs" if share == 1 else f"{100 * share:.3g} % of runs"


def render(blocks: Sequence[ListedBlock]) -> str:
    """Return the blocks as text, the most expensive first."""
    return "\n\n".join(_render_block(number, one) for number, one in enumerate(blocks, start=1))


def render_ops(
    core: TimingTable,
    read: ReadCode,
    window: Window,
    graph: Graph,
    name_of: NameOf,
    *,
    count: int = 3,
) -> str:
    """Return the ``count`` hottest blocks of each op of ``graph``, op by op."""
    parts = []
    for op in graph.ops[: window.profile.n_regions]:
        output = graph.tensors[op.outputs[0]].name
        cycles = int(window.cycles[op.index])
        blocks = hottest_blocks(core, read, window, name_of, count=count, region=op.index)
        head = f"op {op.index} {op.name} '{output}': {cycles:,} cycles, {op.macs:,} MACs"
        parts.append(f"{head}\n\n{render(blocks)}\n")
    return "\n".join(parts)


def _render_block(number: int, block: ListedBlock) -> str:
    head = (
        f"{number}. {block.name}  {block.cycles:,.0f} cycles ({block.share_pct:.1f} %)\n"
        f"   ran {block.executed:,} times, entered by a branch {block.entered:,} times, "
        f"left by one {block.taken:,} times"
    )
    width = max(24, *(len(line.text) for line in block.instructions))
    rows = [(f"{o.address:08x}", o.cycles, o.text, why(o)) for o in block.instructions]
    if block.flash_wait >= _LEAST_SHOWN:
        rows.append(("", block.flash_wait, "", FLASH_WAIT))
    rows.append(("a run", block.cycles / block.executed, "", ""))
    lines = [
        f"   {place:8}  {_cycles(cycles):>6}  {text:<{width}}  {words}".rstrip()
        for place, cycles, text, words in rows
    ]
    return "\n".join([head, *lines])


def why(line: ListedInstruction) -> str:
    """Return the rules that make up the line; what is too small to show is left out."""
    (name, own), *others = line.reasons
    rest = [f"{rule} {cost:+.3g}" for rule, cost in others if abs(cost) >= _LEAST_SHOWN]
    if not rest:
        return name
    return ", ".join([f"{name} {_cycles(own)}".strip(), *rest])


def _cycles(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
