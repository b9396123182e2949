"""Prices a block of code at zero wait states by a core's timing table.

A block is priced from its instructions in order; the instruction before the first one is unknown
(a branch led here), so no rule that looks back applies to it. Rules and their sources are listed
in ``docs/timing.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.measure.cycles.cores import TimingTable
from hil.measure.cycles.decode import Insn, ReadCode, decode, disassemble
from hil.measure.cycles.memory_system import branch_entries
from hil.records import BlockProfile

Cost = tuple[str, float]
"""A rule's name (empty for an instruction's own cycles) and its cycles."""
Costs = tuple[Cost, ...]

_SINGLE = ("load", "store")
_MULTIPLE = ("multiple_load", "multiple_store")
_MEMORY = _SINGLE + _MULTIPLE
_NOT_TAKEN = "branch not taken"
_UNALIGNED_GROUP = 3
_FLOAT_RESULT = ("fp_alu", "fp_mul", "fp_mac", "fp_div", "fp_sqrt")


@dataclass(frozen=True)
class PricedBlocks:
    """Prices of blocks, parallel to the (start, end) pairs that were asked for.

    ``cycles`` per execution; ``taken_cycles`` more each time the block is left by a branch;
    ``target_cycles`` more each time it is entered by one. ``float_cycles`` is the share of
    ``cycles`` that is FP arithmetic. ``literal_loads`` read constants beside the code;
    ``data_loads`` and ``data_bytes`` count single loads from neither there nor the stack.
    """

    cycles: npt.NDArray[np.float64]
    taken_cycles: npt.NDArray[np.float64]
    target_cycles: npt.NDArray[np.float64]
    float_cycles: npt.NDArray[np.float64]
    instructions: npt.NDArray[np.int64]
    literal_loads: npt.NDArray[np.int64]
    data_loads: npt.NDArray[np.int64]
    data_bytes: npt.NDArray[np.int64]


def price_blocks(
    core: TimingTable, read: ReadCode, blocks: Sequence[tuple[int, int]]
) -> PricedBlocks:
    """Price the blocks ``(start, end)`` of the program that ``read`` gives bytes of."""
    code = decode(read, blocks)
    rows = [_price_block(core, code, start, end) for start, end in blocks]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 8)
    counts: npt.NDArray[Any] = table[:, 4:].astype(np.int64)
    return PricedBlocks(
        cycles=table[:, 0],
        taken_cycles=table[:, 1],
        target_cycles=table[:, 2],
        float_cycles=table[:, 3],
        instructions=counts[:, 0],
        literal_loads=counts[:, 1],
        data_loads=counts[:, 2],
        data_bytes=counts[:, 3],
    )


def profile_cycles(
    core: TimingTable, read: ReadCode, profile: BlockProfile
) -> npt.NDArray[np.float64]:
    """Return the pipeline's cycles of each row of ``profile``, not rounded, without flash waits."""
    blocks = list(zip(profile.start.tolist(), profile.end.tolist(), strict=True))
    return pipeline_cycles(price_blocks(core, read, blocks), profile)


def pipeline_cycles(priced: PricedBlocks, profile: BlockProfile) -> npt.NDArray[np.float64]:
    """Price the rows of ``profile``, to which ``priced`` is parallel."""
    total: npt.NDArray[np.float64] = (
        priced.cycles * profile.executed
        + priced.taken_cycles * profile.taken
        + priced.target_cycles * branch_entries(profile)
    )
    return total


@dataclass(frozen=True)
class Explained:
    """One instruction of a block: its price per execution, and the rules that make it up.

    ``reasons`` add up to ``cycles``. ``taken`` comes on top when control leaves the block here,
    ``target`` when a branch entered the block here.
    """

    address: int
    size: int
    text: str
    cycles: float
    reasons: Costs
    taken: Costs = ()
    target: Costs = ()


def explain(core: TimingTable, read: ReadCode, start: int, end: int) -> list[Explained]:
    """Explain the price that :func:`price_blocks` gives the block from ``start`` to ``end``."""
    code = decode(read, [(start, end)])
    texts = {address: text for address, _, text in disassemble(read, start, end)}
    walk = list(_walk(core, code, start, end))
    rows = []
    for address, insn, costs in walk:
        rows.append(
            Explained(
                address=address,
                size=code[address][0],
                text=texts[address],
                cycles=sum(cycles for _, cycles in costs),
                reasons=tuple(costs),
                taken=leaving_costs(core, insn) if address == walk[-1][0] else (),
                target=_target_costs(core, code, start) if address == start else (),
            )
        )
    return rows


def _walk(
    core: TimingTable, code: dict[int, tuple[int, Insn]], start: int, end: int
) -> Iterator[tuple[int, Insn, Sequence[Cost]]]:
    """Give each instruction of a block with its address and what makes up its price."""
    before: Insn | None = None
    before_size = unaligned = 0
    paired = False
    address = start
    while address < end:
        size, insn = code[address]
        costs = instruction_costs(core, insn, before)
        unaligned = unaligned + 1 if size == 4 and address % 4 == 2 else 0
        if unaligned == _UNALIGNED_GROUP:
            costs = [*costs, ("third unaligned 32-bit instruction in a row", core.wide_group)]
        fits = max(size, before_size) <= core.issue_bytes
        if paired := core.issue_width > 1 and not paired and fits and _pairs(insn, before):
            costs = [*costs, ("issued with the one before", -1.0)]
        yield address, insn, costs
        before, before_size = insn, size
        address += size


def _price_block(
    core: TimingTable, code: dict[int, tuple[int, Insn]], start: int, end: int
) -> tuple[float, ...]:
    cycles = float_cycles = 0.0
    n = literal_loads = data_loads = data_bytes = 0
    insn = None
    for _, insn, costs in _walk(core, code, start, end):
        cost = sum(part for _, part in costs)
        cycles += cost
        if insn.is_float:
            float_cycles += cost
        if insn.kind == "load":
            literal_loads += insn.literal
            if not (insn.literal or insn.stack):
                data_loads += 1
                data_bytes += insn.access_bytes
        n += 1
    taken = sum(part for _, part in leaving_costs(core, insn)) if insn else 0.0
    target = sum(part for _, part in _target_costs(core, code, start))
    return cycles, taken, target, float_cycles, n, literal_loads, data_loads, data_bytes


def instruction_costs(core: TimingTable, insn: Insn, before: Insn | None) -> Sequence[Cost]:
    """Costs of one instruction after ``before``, without what a taken branch adds.

    The first is its own, the others are what it waits for.
    """
    costs = [_own_cost(core, insn, before)]
    if insn.literal:
        costs.append(("literal", core.literal))
    if insn.conditional:
        costs.append((_NOT_TAKEN, core.branch_not_taken))
        costs.append(("mispredictions", core.misprediction))
    if before is None:
        return costs
    if insn.kind in _MEMORY and before.writes & insn.address:
        late = _is_load(before)
        extra = core.address_after_load if late else core.address_after_alu
        costs.append(("address just loaded" if late else "address just computed", extra))
    elif _is_load(before) and before.writes & insn.reads:
        costs.append(("load-use", core.load_use))
    if _float_hazard(insn, before):
        costs.append(("waits for the FP result before", core.fp_hazard))
    return costs


def _float_hazard(insn: Insn, before: Insn) -> bool:
    """Whether FP arithmetic waits for the result before it; accumulating chains do not."""
    chain = insn.kind == before.kind == "fp_mac"
    return before.kind in _FLOAT_RESULT and not chain and bool(before.writes & insn.reads)


def leaving_costs(core: TimingTable, insn: Insn) -> Costs:
    """What ``insn`` costs more when it does leave its block (less: it is a branch taken then)."""
    if not insn.leaves:
        return ()
    if insn.conditional:
        return (("taken branch", core.branch_taken), (_NOT_TAKEN, -core.branch_not_taken))
    return {
        "branch": (("taken branch", core.branch_taken),),
        "call": (("call", core.call_taken),),
        "indirect": (("indirect branch", core.indirect_taken),),
        "pc_load": (("branch by a load", core.pc_load_taken),),
    }[insn.leaves]


def _target_costs(core: TimingTable, code: dict[int, tuple[int, Insn]], start: int) -> Costs:
    """What a block costs more when a branch enters it."""
    if start % 4 == 2 and code[start][0] == 4:
        return (("unaligned 32-bit branch target", core.halfword_target),)
    return ()


def _own_cost(core: TimingTable, insn: Insn, before: Insn | None) -> Cost:
    if insn.kind == "load":
        follows = before is not None and before.kind == "load"
        needs = before is not None and before.writes & insn.address
        if follows and not needs:
            return "load, pipelined", core.load_pipelined
        return "load", core.load
    if insn.kind == "store":
        after_load = before is not None and before.kind == "load"
        if insn.register_offset and not after_load:
            return "store, register offset", core.store_register_offset
        return "store", core.store
    if insn.kind in _MULTIPLE:
        return f"{insn.words} words", core.multiple + insn.words
    return _NAMES.get(insn.kind, insn.kind), _arithmetic_cycles(core, insn)


_NAMES = {
    "alu": "",
    "mul": "multiply",
    "mla": "multiply-accumulate",
    "mul_long": "long multiply",
    "mla_long": "long multiply-accumulate",
    "divide": "division",
    "it": "IT",
    "branch": "branch",
    "fp_alu": "FP",
    "fp_move": "FP move",
    "fp_mul": "FP multiply",
    "fp_mac": "FP multiply-accumulate",
    "fp_div": "FP division",
    "fp_sqrt": "FP square root",
}


def _arithmetic_cycles(core: TimingTable, insn: Insn) -> float:
    """Cost from the table's field of the same name; a branch's own cycle is as an ALU's."""
    if insn.kind in ("alu", "branch"):
        return core.alu
    if insn.kind == "fp_move":
        return core.fp_alu * max(1, len(insn.writes))
    return float(getattr(core, insn.kind))


def _is_load(insn: Insn) -> bool:
    return insn.kind in ("load", "multiple_load")


def _pairs(insn: Insn, before: Insn | None) -> bool:
    """Whether a dual-issue core starts ``insn`` in the cycle of ``before``."""
    if before is None or before.writes & (insn.reads | insn.writes) or before.leaves:
        return False
    units = [_unit(insn), _unit(before)]
    return None not in units and (units[0] != units[1] or units[0] == "alu")


def _unit(insn: Insn) -> str | None:
    """The unit that serves an instruction; None for what issues alone."""
    if insn.kind in _SINGLE:
        return "memory"
    if insn.kind in ("alu", "branch", "it"):
        return insn.kind
    if insn.kind in ("mul", "mla", "mul_long", "mla_long"):
        return "multiply"
    if insn.kind in ("fp_alu", "fp_mul", "fp_mac", "fp_move"):
        return "float"
    return None
