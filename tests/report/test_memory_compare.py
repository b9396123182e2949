from __future__ import annotations

import dataclasses

import pytest
from hil.records import Measurement, RunRecord
from hil.report.compare.memory import (
    MemoryTable,
    arena_parts,
    largest_scratch_bytes,
    memory_tables,
)

from .report_records import bare, passed


def tflm() -> RunRecord:
    """TFLM's arena of 20,000 B: 3,000 persistent, 16,900 not, of which 1,000 scratch."""
    found = {"": 20_000, "_persistent": 3_000, "_nonpersistent": 16_900, "_scratch": 1_000}
    rows = {
        f"arena{name}_bytes": Measurement(f"arena{name}_bytes", value, "bytes", "modelled", 0.0)
        for name, value in found.items()
    }
    record = passed(engine="tflm", plan=None)
    owners = {"arena": 20_000, "static": 500, "stack_reserved": 4_096}
    return dataclasses.replace(
        record, measurements={**record.measurements, **rows}, ram_by_owner=owners
    )


def table(name: str, *runs: RunRecord) -> MemoryTable:
    return next(table for table in memory_tables(runs) if table.name == name)


def test_an_interpreters_arena_is_split_and_adds_up() -> None:
    assert arena_parts(tflm()) == [
        ("persistent", 3_000, "modelled"),
        ("values", 16_900, "modelled"),
        ("unused", 100, "modelled"),
    ]
    assert largest_scratch_bytes(tflm()) == 1_000


def test_a_planned_arena_is_what_its_plan_uses() -> None:
    assert arena_parts(passed()) == [("values", 16_000, "static")]
    assert largest_scratch_bytes(passed()) == 1_280
    assert arena_parts(passed(plan=None)) == []
    assert largest_scratch_bytes(passed(plan=None)) is None


def test_lines_follow_the_runs_and_share_a_scale() -> None:
    arena = table("Arena", tflm(), passed(), bare("error"))
    assert [owner.key for owner in arena.owners] == ["persistent", "values", "unused"]
    assert [line.total.bytes for line in arena.lines] == [20_000, 16_000, None]
    assert [cell.bytes for cell in arena.lines[1].cells] == [0, 16_000, 0]
    assert [cell.bytes for cell in arena.lines[2].cells] == [None, None, None]
    assert [line.more.bytes for line in arena.lines if line.more] == [1_000, 1_280, None]
    widths = [sum(width for _, width in line.slices) for line in arena.lines]
    assert widths == pytest.approx([100, 80, 0])


def test_ram_counts_what_was_touched_and_not_what_is_set_aside() -> None:
    ram = table("RAM", tflm(), passed())
    assert [owner.key for owner in ram.owners] == ["arena", "static", "stack"]
    assert [line.total.bytes for line in ram.lines] == [20_000 + 500 + 712, 16_000 + 2_272 + 712]
    assert ram.kinds == ("static", "measured")


def test_owners_that_nobody_knows_are_columns_too() -> None:
    flash = table("Flash", passed(flash_by_owner={"interpreter": 10, "code": 5}), passed())
    assert [owner.label for owner in flash.owners][-1] == "interpreter"
    assert flash.owners[-1].colour == "other"


def test_without_sizes_there_is_no_table() -> None:
    assert memory_tables([bare("error"), bare("failed")]) == ()
