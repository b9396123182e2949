from __future__ import annotations

import dataclasses

import pytest
from hil.records import Measurement, MemoryPlan, Placement
from hil.report.run.arena import arena_view, occupied_bytes
from hil.report.run.memory import flash_bar, ram_bar

from .report_records import bare, passed, plan

SMALL = MemoryPlan(
    arena_bytes=100,
    placements=(
        Placement("in", 0, 0, 40, -1, 0),
        Placement("mid", 1, 40, 60, 0, 1),
        Placement("mid, reshaped in place", 2, 40, 60, 1, 1),
        Placement("scratch", None, 0, 10, 1, 1),
        Placement("out", 3, 10, 20, 1, 2),
    ),
    peak_op=0,
)


def test_occupancy_counts_shared_memory_once() -> None:
    assert occupied_bytes(SMALL, 0) == 100
    assert occupied_bytes(SMALL, 1) == 60 + 10 + 20
    assert occupied_bytes(plan(), 1) == 16_000


def test_boxes_are_where_op_and_offset_say() -> None:
    arena = arena_view(SMALL, (), n_ops=2)
    assert arena is not None
    boxes = {box.name: box for box in arena.boxes}
    # Four columns: input, op 0, op 1, output; the y axis points down.
    entry = boxes["in"]
    assert (entry.x, entry.width, entry.y, entry.height) == (0, 50, 60, 40)
    middle = boxes["mid"]
    assert (middle.x, middle.width, middle.y, middle.height) == (25, 50, 0, 60)
    out = boxes["out"]
    assert (out.x, out.x + out.width) == (50, 100)
    assert [boxes[name].role for name in ("in", "mid", "scratch", "out")] == [
        "io",
        "tensor",
        "scratch",
        "io",
    ]
    assert boxes["out"].alive == "op 1 to end (output)"
    assert boxes["in"].alive == "input to op 0"
    assert (arena.peak_x, arena.column) == (25, 25)


def test_every_box_stays_inside_the_chart() -> None:
    arena = arena_view(plan(), passed().ops, 13)
    assert arena is not None
    for box in arena.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= 100 + 1e-9
        assert box.y + box.height <= 100 + 1e-9
    assert arena.peak_text.startswith("op 1 (DEPTHWISE_CONV_2D)")


def test_ticks_thin_out_with_many_ops() -> None:
    arena = arena_view(MemoryPlan(10, (Placement("t", 0, 0, 10, 0, 999),), 0), (), 1_000)
    assert arena is not None
    assert len(arena.ticks) <= 28
    assert [tick.text for tick in arena.ticks][:3] == ["0", "50", "100"]


def test_no_arena_without_a_plan() -> None:
    assert arena_view(None, (), 3) is None
    assert arena_view(MemoryPlan(0, (), 0), (), 3) is None


def test_ram_bar_splits_the_stack_into_used_and_spare() -> None:
    bar = ram_bar(passed())
    assert bar is not None
    sizes = {segment.owner.key: segment.bytes for segment in bar.segments}
    assert sizes == {"arena": 16_000, "static": 2_272, "stack": 712, "stack_spare": 4_096 - 712}
    assert bar.free_bytes == 98_304 - 16_000 - 2_272 - 4_096
    assert bar.used_bytes == 16_000 + 2_272 + 712
    assert {s.owner.key: s.kind for s in bar.segments}["stack"] == "measured"


def test_ram_bar_before_the_run_counts_the_whole_stack() -> None:
    bar = ram_bar(passed(status="failed", measurements={}))
    assert bar is not None
    assert [segment.owner.key for segment in bar.segments] == ["arena", "static", "stack_reserved"]


def test_a_reserved_heap_is_split_like_the_stack() -> None:
    sizes = {"arena": 100, "heap_reserved": 1_000, "stack_reserved": 0}
    run = passed(status="failed", ram_by_owner=sizes)
    heap = Measurement("heap_bytes", 300, "bytes", "modelled", 0.0)
    used = ram_bar(dataclasses.replace(run, measurements={"heap_bytes": heap}))
    untouched = ram_bar(dataclasses.replace(run, measurements={}))
    assert used is not None
    assert untouched is not None
    assert [(s.owner.key, s.bytes) for s in used.segments] == [
        ("arena", 100),
        ("heap", 300),
        ("heap_spare", 700),
    ]
    assert [(s.owner.key, s.bytes) for s in untouched.segments] == [
        ("arena", 100),
        ("heap_reserved", 1_000),
    ]


def test_segments_join_without_gaps_and_end_at_what_is_used() -> None:
    bar = flash_bar(passed())
    assert bar is not None
    end = 0.0
    for segment in bar.segments:
        assert segment.x == pytest.approx(end)
        end = segment.x + segment.width
    assert end == pytest.approx(100 * 53_412 / 1_048_576)


def test_what_does_not_fit_is_drawn_past_the_limit_and_said() -> None:
    bar = flash_bar(passed(flash_by_owner={"weights": 2 * 1_048_576}))
    assert bar is not None
    assert not bar.fits
    assert bar.limit_x == 50
    assert bar.verdict.replace("\u00a0", " ") == "does not fit: 1.00 MiB too much"
    assert sum(segment.width for segment in bar.segments) == pytest.approx(100)


def test_owners_unknown_to_the_report_are_shown_too() -> None:
    bar = flash_bar(passed(flash_by_owner={"interpreter": 10, "code": 5}))
    assert bar is not None
    assert [segment.owner.label for segment in bar.segments] == ["code", "interpreter"]


def test_no_bar_without_sizes_or_without_a_known_capacity() -> None:
    assert flash_bar(bare("error")) is None
    assert ram_bar(dataclasses.replace(passed(), profile={})) is None
