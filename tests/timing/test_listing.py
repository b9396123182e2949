"""Annotated listings: every line by its rule, and lines that add up to the price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.cores import CORES
from hil.devices import load
from hil.measure.cycles.cores import core_table
from hil.measure.cycles.listing import ListedBlock, hottest_blocks, render, why
from hil.measure.cycles.windows import Window, price_windows
from hil.records import BlockProfile

from tests.support.assembled import assemble

CORE = core_table("cortex-m4f")
SOURCE = """
    ldr r2, [r0]
    ldr r3, [r1]
    ldr r4, [r3]
    mul r5, r2, r3
    str r5, [r1, r4]
    ldr r6, =0x12345678
    subs r7, #1
    bne .
    nop
    .pool
"""


def window_of(
    code: bytes, rows: list[tuple[int, int, int, int]], waits: float = 0.0
) -> tuple[Window, object]:
    """Price blocks (start, end, executed, taken) of ``code``, region by region."""
    columns = np.array(rows, dtype=np.int64).T
    profile = BlockProfile(
        start=columns[0],
        end=columns[1],
        region=np.arange(len(rows), dtype=np.int32),
        executed=columns[2],
        taken=columns[3],
        n_regions=len(rows),
        instructions=0,
        line_misses=np.full(len(rows), int(waits)),
        sequential_misses=np.zeros(len(rows), dtype=np.int64),
        data_misses=np.zeros(len(rows), dtype=np.int64),
    )

    def read(start: int, end: int) -> bytes:
        return code[start:end]

    (window,) = price_windows(load("stm32l4"), read, [profile])
    return window, read


def listed(
    folder: Path, rows: list[tuple[int, int, int, int]], **options: int
) -> list[ListedBlock]:
    code = assemble(folder, SOURCE)
    window, read = window_of(code, rows, options.pop("waits", 0))
    blocks = hottest_blocks(CORE, read, window, hex, **options)  # type: ignore[arg-type]
    return list(blocks)


def test_each_line_says_why(tmp_path: Path) -> None:
    (block,) = listed(tmp_path, [(0, 18, 100, 75)])
    texts = [line.text.split()[0] for line in block.instructions]
    assert texts == ["ldr", "ldr", "ldr", "mul", "str", "ldr", "subs", "bne"]
    rules = [[rule for rule, _ in line.reasons] for line in block.instructions]
    assert rules[0] == ["load"]
    assert rules[1] == ["load, pipelined"]
    assert rules[2] == ["load", "address just loaded"]
    assert rules[3] == ["multiply"]
    assert rules[4] == ["store, register offset"]
    assert rules[5][0].startswith("load")
    assert rules[5][1] == "literal"
    assert rules[6] == [""]
    assert rules[7][0] == "branch"
    assert "taken branch in 75 % of runs" in rules[7]
    assert "branch not taken in 25 % of runs" in rules[7]


def test_lines_add_up_to_the_price(tmp_path: Path) -> None:
    rows = [(0, 18, 100, 75), (4, 18, 30, 30), (18, 20, 25, 0)]
    for block in listed(tmp_path, rows, waits=7):
        lines = sum(line.cycles for line in block.instructions) + block.flash_wait
        assert lines * block.executed == pytest.approx(block.cycles)
        for line in block.instructions:
            assert sum(cycles for _, cycles in line.reasons) == pytest.approx(line.cycles)


def test_a_block_is_listed_once_for_all_its_regions(tmp_path: Path) -> None:
    rows = [(0, 18, 100, 75), (0, 18, 50, 0)]
    (both,) = listed(tmp_path, rows)
    assert (both.executed, both.taken, both.share_pct) == (150, 75, pytest.approx(100))
    (second,) = listed(tmp_path, rows, region=1)
    assert (second.executed, second.share_pct) == (50, pytest.approx(100))
    assert listed(tmp_path, rows, region=5) == []


def test_the_hottest_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    rows = [(0, 4, 1, 0), (4, 18, 9, 0), (18, 20, 500, 0)]
    assert [block.start for block in listed(tmp_path, rows)] == [18, 4, 0]
    assert [block.start for block in listed(tmp_path, rows, count=1)] == [18]


def test_flash_waits_have_their_own_line(tmp_path: Path) -> None:
    (with_waits,) = listed(tmp_path, [(0, 18, 10, 10)], waits=5)
    (without,) = listed(tmp_path, [(0, 18, 10, 10)])
    waits = load("stm32l4").flash.wait_states
    assert with_waits.flash_wait == pytest.approx(5 * waits / 10)
    assert "flash wait" in render([with_waits])
    assert "flash wait" not in render([without])
    assert [why(line) for line in with_waits.instructions] == [
        why(line) for line in without.instructions
    ]


def test_the_text_of_a_listing(tmp_path: Path) -> None:
    (block,) = listed(tmp_path, [(14, 18, 1000, 999)])
    lines = render([block]).splitlines()
    assert lines[0].startswith("1. 0xe  ")
    assert lines[0].endswith("cycles (100.0 %)")
    assert "ran 1,000 times" in lines[1]
    assert "left by one 999 times" in lines[1]
    assert lines[2].split()[:3] == ["0000000e", "1", "subs"]
    assert lines[3].split()[:2] == ["00000010", "2"]
    assert "branch 1, taken branch in 99.9 % of runs +0.999" in lines[3]
    assert lines[-1].split()[:2] == ["a", "run"]


@pytest.mark.parametrize("name", sorted(CORES))
def test_every_core_explains_itself(tmp_path: Path, name: str) -> None:
    """On a core that issues two instructions at once, too, the lines add up to the price."""
    from hil.measure.cycles.pricing import explain, price_blocks

    code = assemble(tmp_path, SOURCE)

    def read(start: int, end: int) -> bytes:
        return code[start:end]

    lines = explain(core_table(name), read, 0, 18)
    priced = price_blocks(core_table(name), read, [(0, 18)])
    assert sum(line.cycles for line in lines) == pytest.approx(priced.cycles[0])
    leaving = sum(cycles for _, cycles in lines[-1].taken)
    assert leaving == pytest.approx(priced.taken_cycles[0])
    assert all(line.taken == () for line in lines[:-1])
