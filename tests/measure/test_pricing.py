"""One timing rule each, on real machine code. Expected cycles are from the sources named in
docs/timing.md: Cortex-M4 TRM 3.3.1, Cortex-M3 TRM 3.3, Cortex-M0+ TRM 3.3."""

from __future__ import annotations

from pathlib import Path

import pytest
from hil.cores import CORES
from hil.errors import ProfileError
from hil.measure.cycles.cores import core_table
from hil.measure.cycles.decode import decode
from hil.measure.cycles.pricing import PricedBlocks, price_blocks

from tests.support.assembled import assemble


def price(folder: Path, source: str, core: str = "cortex-m4f") -> PricedBlocks:
    code = assemble(folder, source)
    return price_blocks(core_table(core), lambda start, end: code[start:end], [(0, len(code))])


M4_RULES = [
    ("data processing", "add r0, r1, r2", 1),
    ("a literal-free move of two words", "movw r0, #1; movt r0, #2", 2),
    ("multiply-accumulate of any width", "mla r0, r1, r2, r3; smlal r4, r5, r6, r7", 2),
    ("DSP", "smlad r0, r1, r2, r3", 1),
    ("DSP, bytes unpacked", "sxtb16 r0, r1, ror #8; uxtb16 r2, r3; sxtab16 r4, r5, r6", 3),
    ("DSP, halves packed", "pkhbt r0, r1, r2, lsl #16; pkhtb r3, r4, r5, asr #16", 2),
    ("DSP, products of pairs", "smladx r0, r1, r2, r3; smlsd r4, r5, r6, r7; smuad r0, r1, r2", 3),
    (
        "DSP, products of halves",
        "smlabb r0, r1, r2, r3; smlatt r4, r5, r6, r7; smulbb r0, r1, r2",
        3,
    ),
    ("DSP, upper words", "smmulr r0, r1, r2; smmlar r3, r4, r5, r6", 2),
    ("DSP, sums of 64 bits", "smlald r0, r1, r2, r3; smlalbb r4, r5, r6, r7", 2),
    (
        "DSP, saturation and selection",
        "ssat r0, #8, r1; qadd16 r2, r3, r4; ssub8 r5, r6, r7; sel r0, r1, r2",
        4,
    ),
    ("a product that a load waits for", "smmulr r1, r2, r3; ldr r0, [r1]", 4),
    ("both results of a long product", "smlald r0, r1, r2, r3; ldr r4, [r1]", 4),
    ("division, mean of 2 to 12", "udiv r0, r1, r2", 7),
    ("a load alone", "ldr r0, [r1]", 2),
    ("loads in a row pipeline", "ldr r0, [r1]; ldr r2, [r1, #4]; ldrb r3, [r1, #8]", 4),
    ("loads with writeback pipeline too", "ldrb r0, [r1], #1; ldrb r2, [r1], #1", 3),
    ("not where the address is the load before", "ldr r0, [r1]; ldr r2, [r0]", 5),
    ("nothing pipelines after a store", "str r0, [r1]; ldr r2, [r3]", 3),
    ("a literal contends with fetching", "ldr r0, [pc, #8]", 2.5),
    ("ALU between loads breaks the pipeline", "ldr r0, [r1]; nop; ldr r2, [r1]", 5),
    ("address from the ALU result before", "add r1, r1, r2; ldr r0, [r1]", 4),
    ("address from an older ALU result", "add r1, r1, r2; nop; ldr r0, [r1]", 4),
    ("store with immediate", "str r0, [r1, #4]", 1),
    ("store with register offset", "str r0, [r1, r2]", 2),
    ("the same after a load", "ldr r3, [r4]; str r0, [r1, r2]", 3),
    ("push of three", "push {r4, r5, lr}", 4),
    ("load multiple of four", "ldm r0!, {r1-r4}", 5),
    ("load double", "ldrd r0, r1, [r2]", 3),
    ("store double", "strd r0, r1, [r2]", 3),
    ("an IT block, both ways", "it eq; moveq r0, r1", 1.3),
    ("FP add", "vadd.f32 s0, s1, s2", 1),
    ("FP result used at once", "vadd.f32 s0, s1, s2; vmul.f32 s3, s0, s4", 3),
    ("FP results not used at once", "vadd.f32 s0, s1, s2; vmul.f32 s3, s4, s5", 2),
    ("FP multiply-accumulate", "vmla.f32 s0, s1, s2", 3),
    ("FP accumulation chain", "vfma.f32 s0, s1, s2; vfma.f32 s0, s3, s4", 6),
    ("FP division and root", "vdiv.f32 s0, s1, s2; vsqrt.f32 s3, s4", 28),
    ("FP load", "vldr s0, [r0]", 2),
    ("FP load of a double", "vldr d0, [r0]", 3),
    ("FP load multiple of two doubles", "vldmia r0!, {d0-d1}", 5),
]


@pytest.mark.parametrize(
    ("source", "cycles"), [r[1:] for r in M4_RULES], ids=[r[0] for r in M4_RULES]
)
def test_cortex_m4_rule(tmp_path: Path, source: str, cycles: float) -> None:
    assert price(tmp_path, source).cycles[0] == pytest.approx(cycles)


LEAVING = [
    ("b .", 1, 1),
    ("beq .", 1.8, 0.2),
    (".hword 0xb108  @ cbz r0, ahead", 1.8, 0.2),
    ("bl .", 1, 1),
    ("bx lr", 1, 2),
    ("blx r3", 1, 2),
    ("pop {r4, pc}", 3, 3),
    ("ldr pc, [r0]", 2, 3),
    ("mov pc, r0", 1, 2),
    ("tbb [pc, r0]", 2, 3),
    ("add r0, r1", 1, 0),
]


@pytest.mark.parametrize(("source", "own", "taken"), LEAVING, ids=[row[0] for row in LEAVING])
def test_what_leaving_a_block_costs(tmp_path: Path, source: str, own: float, taken: float) -> None:
    priced = price(tmp_path, source)
    assert (priced.cycles[0], priced.taken_cycles[0]) == pytest.approx((own, taken))


def test_a_wide_instruction_at_a_halfword_costs_a_branch_to_it_more(tmp_path: Path) -> None:
    code = assemble(tmp_path, "nop; add.w r0, r1, r2; nop; nop")
    blocks = [(0, 6), (2, 6), (6, 10)]
    priced = price_blocks(core_table("cortex-m4f"), lambda s, e: code[s:e], blocks)
    assert priced.target_cycles.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("unaligned", "cycles"), [(2, 3), (3, 5), (6, 8)])
def test_a_row_of_unaligned_wide_instructions_costs_one_more(
    tmp_path: Path, unaligned: int, cycles: float
) -> None:
    source = "nop" + "; add.w r0, r1, r2" * unaligned
    assert price(tmp_path, source).cycles[0] == cycles
    aligned = price(tmp_path, "nop; " + source)
    assert aligned.cycles[0] == unaligned + 2


def test_blocks_that_overlap_are_decoded_alike(tmp_path: Path) -> None:
    code = assemble(tmp_path, "add.w r0, r1, r2; nop; bx lr")
    priced = price_blocks(core_table("cortex-m4f"), lambda s, e: code[s:e], [(0, 8), (4, 8)])
    assert priced.instructions.tolist() == [3, 2]


def test_loads_are_told_apart_for_the_flash_estimate(tmp_path: Path) -> None:
    priced = price(tmp_path, "ldr r0, [sp, #4]; ldrsb r1, [r2]; ldrh r3, [r2]; ldr r4, [pc, #8]")
    assert (priced.literal_loads[0], priced.data_loads[0], priced.data_bytes[0]) == (1, 2, 3)


def test_bytes_that_are_no_instruction_count_as_one() -> None:
    code = bytes.fromhex("00bf ffde ffff ffff 00bf")  # nop, udf, nonsense of 32 bits, nop
    found = decode(lambda s, e: code[s:e], [(0, len(code))])
    assert sorted(found) == [0, 2, 4, 8]


@pytest.mark.parametrize(
    ("core", "source", "cycles"),
    [
        ("cortex-m3", "mla r0, r1, r2, r3", 2),
        ("cortex-m3", "smull r0, r1, r2, r3", 4),
        ("cortex-m3", "ldr r0, [r1]; ldr r2, [r1]", 3),
        ("cortex-m0+", "ldr r0, [r1]; ldr r2, [r1]", 4),
        ("cortex-m0+", "str r0, [r1]", 2),
        ("cortex-m0+", "ldm r0!, {r1-r4}", 5),
        ("cortex-m33f", "ldr r0, [r1]; add.w r2, r3, r4", 2),
        ("cortex-m33f", "adds r0, r1, r2; adds r3, r4, r5", 1),
        ("cortex-m33f", "ldr r0, [r1]; adds r3, r4, r5", 1),
        ("cortex-m33f", "adds r0, r1, r2; add.w r3, r4, r5", 2),
        ("cortex-m33f", "ldr r0, [r1]; add r2, r0, r4", 3),
        ("cortex-m7f", "add r0, r1, r2; add r3, r4, r5", 1),
        ("cortex-m7f", "beq .", 1.7),
        ("cortex-m7f", "add r0, r1, r2; add r3, r0, r5", 2),
        ("cortex-m7f", "ldr r0, [r1]; ldr r2, [r3]", 2),
        ("cortex-m7f", "ldr r0, [r1]; add r2, r3, r4; add r5, r6, r7", 2),
    ],
)
def test_rules_of_other_cores(tmp_path: Path, core: str, source: str, cycles: float) -> None:
    assert price(tmp_path, source, core).cycles[0] == pytest.approx(cycles)


@pytest.mark.parametrize(("name", "total"), [("b", 2), ("bl", 3), ("bx", 2)])
def test_cortex_m0plus_branches(tmp_path: Path, name: str, total: float) -> None:
    priced = price(tmp_path, "bx lr" if name == "bx" else f"{name} .", "cortex-m0+")
    assert priced.cycles[0] + priced.taken_cycles[0] == total


def test_every_core_names_its_source_and_what_was_fitted() -> None:
    for core in map(core_table, CORES):
        assert core.source
        assert all(isinstance(getattr(core, name), float) for name in core.fitted)


def test_an_unknown_core_is_refused() -> None:
    with pytest.raises(ProfileError, match="cortex-a72"):
        core_table("cortex-a72")
