"""Caches simulated in real QEMU: programs whose misses one can count by hand."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hil.devices import Flash
from hil.firmware.elf import symbol_address
from hil.records import BlockProfile, MemoryRegion
from hil.targets import execution_record
from hil.targets.profiling import cache_settings
from hil.targets.qemu import profiler

from tests.measure.samples import profile
from tests.support.assembled import link, run_in_qemu
from tests.support.tools import tool
from tests.targets.test_profiler import emulators

ROUNDS = 10
MISSES = ("line_misses", "sequential_misses", "data_misses")

# The region is from ``begin`` to ``end``; ``begin`` fills one line of 32 bytes, what it runs stands
# behind it. Tables are aligned to 1 KiB.
PROGRAM = """
.syntax unified
.thumb
.cpu cortex-m4
.fpu fpv4-sp-d16
.section .vectors, "a"
.word 0x20010000
.word reset + 1
.text
.macro function name
.thumb_func
.global \\name
.type \\name, %function
\\name:
.endm
.macro address register, symbol
movw \\register, #:lower16:\\symbol
movt \\register, #:upper16:\\symbol
.endm
function reset
movw r0, #0xed88
movt r0, #0xe000
mov r1, #0xf00000
str r1, [r0]
movs r7, #WINDOWS
window: b begin
.balign 64
function begin
movs r0, #ROUNDS
.balign 32, 0
BODY
b end
.balign 64
function end
subs r7, #1
bne window
movs r0, #0x18
ldr r1, =0x20026
bkpt 0xab
b .
.pool

.balign 1024
table: .space 4096
"""

LOOP = """
loop: .rept {nops}
nop
.endr
subs r0, #1
bne.w loop
"""

WALK = """
walk: address r2, table
movs r3, #{count}
more: ldr r1, [r2], #{stride}
subs r3, #1
bne more
subs r0, #1
bne walk
"""

ALTERNATE = """
address r2, table
add r3, r2, #{distance}
more: ldr r1, [r2]
ldr r1, [r3]
subs r0, #1
bne more
"""

EVERY_LOAD = """
address r2, table
ldr r1, =table
ldmia r2!, {{r3, r4, r5}}
ldrd r3, r4, [r2, #4]
ldr r3, [r2, #3]
ldrh r3, [r2, #15]
ldrsb r3, [r2, #1]
vldr s0, [r2, #64]
vldmia r2, {{s0-s7}}
vldr d0, [r2, #36]
mov r6, sp
mov sp, r2
pop {{r3, r4}}
mov sp, r6
cmp r0, #1
it ne
ldrne r3, [r2, #512]
it eq
ldreq r3, [r2, #256]
movs r3, #1
tbb [pc, r3]
.byte 1, 1
.balign 2
b end
.pool
"""


@dataclass(frozen=True)
class Counted:
    """Misses of one window: at jumps, sequential, data."""

    jump: int
    sequential: int
    data: int


def flash(**fields: object) -> Flash:
    """8-byte reads, lines of 32 bytes, 256 bytes of instructions and 128 of data."""
    settings = {"wait_states": 4, "line_bytes": 8, "cache_line_bytes": 32}
    return profile(**{**settings, "icache_bytes": 256, "dcache_bytes": 128, **fields}).flash


def program(folder: Path, body: str, rounds: int, windows: int) -> Path:
    source = PROGRAM.replace("BODY", body)
    return link(folder / "program.elf", source, ROUNDS=rounds, WINDOWS=windows)


def profiled(
    folder: Path, body: str, settings: Flash, qemu: str = "", rounds: int = ROUNDS, windows: int = 1
) -> list[BlockProfile]:
    qemu = tool(qemu or "qemu-system-arm")
    tool("cc")
    elf = program(folder, body, rounds, windows)
    record = folder / "record.bin"
    marks = (symbol_address(elf, "begin"), symbol_address(elf, "end"))
    caches = cache_settings(settings, MemoryRegion(0, 4 << 20))
    plugin = profiler.ensure_plugin(Path(qemu))
    run_in_qemu(qemu, elf, profiler.region_argument(plugin, record, *marks, windows, caches))
    return execution_record.read(record, n_ops=1)


def counted(window: BlockProfile) -> Counted:
    columns = [getattr(window, name) for name in MISSES]
    return Counted(*(int(column.sum()) for column in columns))


def misses(folder: Path, body: str, **fields: object) -> Counted:
    return counted(profiled(folder, body, flash(**fields))[0])


def loop(size: int) -> str:
    """A loop of ``size`` bytes: nops, then 6 bytes that count and branch."""
    return LOOP.format(nops=(size - 6) // 2)


def test_a_loop_that_fits_misses_once_a_read(tmp_path: Path) -> None:
    # 4 reads of begin's line, 16 of the loop, 1 of the branch behind it; one follows a jump.
    assert misses(tmp_path, loop(128)) == Counted(1, 20, 0)


def test_a_loop_that_does_not_fit_misses_in_every_round(tmp_path: Path) -> None:
    # Least recently used, 16 lines in turn through 8: nothing of a round is there in the next.
    # The first read of a round follows a jump, but for the first round.
    expected = Counted(1 + (ROUNDS - 1), 3 + 64 + (ROUNDS - 1) * 63 + 1, 0)
    assert misses(tmp_path, loop(512)) == expected
    assert misses(tmp_path, loop(512), replacement="fifo") == expected


def test_random_replacement_keeps_some_of_it_and_repeats(tmp_path: Path) -> None:
    first, second = (misses(tmp_path, loop(512), replacement="random") for _ in range(2))
    assert first == second
    lru = misses(tmp_path, loop(512))
    assert 0.3 * lru.sequential < first.sequential < 0.95 * lru.sequential


def test_without_a_cache_only_the_last_read_is_kept(tmp_path: Path) -> None:
    # 16 reads a round, of which the first follows a jump, but for the first round.
    expected = Counted(1 + (ROUNDS - 1), 3 + 16 + (ROUNDS - 1) * 15 + 1, 0)
    assert misses(tmp_path, loop(128), icache_bytes=0) == expected
    # A loop inside one read needs it once.
    assert misses(tmp_path, loop(8), icache_bytes=0) == Counted(1, 3 + 1 + 1, 0)


def test_a_line_that_is_filled_whole_misses_once(tmp_path: Path) -> None:
    # begin's line, 4 of the loop, 1 behind it.
    assert misses(tmp_path, loop(128), cache_fill="line") == Counted(1, 5, 0)


def test_the_cache_is_warm_in_the_second_window(tmp_path: Path) -> None:
    first, second = profiled(tmp_path, loop(128), flash(), windows=2)
    assert counted(first) == Counted(1, 20, 0)
    assert counted(second) == Counted(0, 0, 0)


@pytest.mark.parametrize(
    ("count", "stride", "data"),
    [
        (32, 4, 16),  # 128 bytes stay: each read of 8 bytes once
        (64, 4, 32 * ROUNDS),  # 256 bytes do not: every read in every round
        (8, 32, 8 * ROUNDS),  # 8 lines through 4, one read each
        (4, 32, 4),
        (100, 1, 13),  # words in steps of one byte: those that cross belong to two reads
    ],
)
def test_a_walk_through_a_table_in_flash(
    tmp_path: Path, count: int, stride: int, data: int
) -> None:
    body = WALK.format(count=count, stride=stride)
    assert misses(tmp_path, body).data == data


def test_a_table_without_a_data_cache_misses_at_each_new_read(tmp_path: Path) -> None:
    body = WALK.format(count=32, stride=4)
    assert misses(tmp_path, body, dcache_bytes=0).data == 16 * ROUNDS


def test_loads_from_ram_are_no_reads_of_the_flash(tmp_path: Path) -> None:
    body = WALK.format(count=32, stride=4).replace("address r2, table", "mov r2, #0x20000000")
    assert misses(tmp_path, body).data == 0


@pytest.mark.parametrize(("ways", "data"), [(1, 2 * ROUNDS), (2, 2), (0, 2)])
def test_lines_of_one_set_push_each_other_out(tmp_path: Path, ways: int, data: int) -> None:
    body = ALTERNATE.format(distance=128)
    assert misses(tmp_path, body, dcache_ways=ways).data == data


def test_a_unified_cache_holds_code_and_data(tmp_path: Path) -> None:
    # Two lines: the loop's own stays in use, so both tables want the other one.
    body = ".balign 32\n" + ALTERNATE.format(distance=512)
    apart = misses(tmp_path, body, icache_bytes=64, dcache_bytes=64)
    shared = misses(tmp_path, body, icache_bytes=64, dcache_bytes=64, unified=True)
    assert apart.data == 2
    # Between two rounds the loop's line is older than both tables of the round before.
    assert shared.data == 2 * ROUNDS
    assert shared.jump + shared.sequential > apart.jump + apart.sequential


def test_misses_belong_to_the_block_that_has_them(tmp_path: Path) -> None:
    (window,) = profiled(tmp_path, WALK.format(count=8, stride=32), flash())
    assert window.data_misses is not None
    hot = int(np.argmax(window.executed))
    assert window.executed[hot] >= 7 * ROUNDS - 1
    # A round's first load runs at the end of the block before the loop's.
    assert int(window.data_misses[hot]) == 7 * ROUNDS
    assert int(window.data_misses.sum()) == 8 * ROUNDS


def test_counts_of_blocks_are_the_same_with_and_without_caches(tmp_path: Path) -> None:
    elf = program(tmp_path, loop(512), ROUNDS, 1)
    record, qemu = tmp_path / "bare.bin", tool("qemu-system-arm")
    marks = (symbol_address(elf, "begin"), symbol_address(elf, "end"))
    plugin = profiler.ensure_plugin(Path(qemu))
    run_in_qemu(qemu, elf, profiler.region_argument(plugin, record, *marks, 1))
    (bare,) = execution_record.read(record, n_ops=1)
    (simulated,) = profiled(tmp_path, loop(512), flash())
    assert bare.line_misses is bare.sequential_misses is bare.data_misses is None
    for name in ("start", "end", "executed", "taken"):
        assert np.array_equal(getattr(bare, name), getattr(simulated, name)), name


@pytest.mark.parametrize("qemu", emulators())
def test_blocks_end_where_code_may_leave_and_not_where_qemu_cuts(tmp_path: Path, qemu: str) -> None:
    """3,000 instructions in a row cross a page and are more than QEMU puts into one block."""
    size = 6000
    (window,) = profiled(tmp_path, loop(size), flash(cache_fill="line"), qemu)
    begin = 1024 + 64
    first, last = begin + 32, begin + 32 + size
    assert int(window.start[0]) % 64 == 0
    shift = int(window.start[0]) - begin
    assert (window.start - shift).tolist() == [begin, first, last]
    assert (window.end - shift)[:2].tolist() == [last, last]
    assert window.executed.tolist() == [1, ROUNDS - 1, 1]
    assert window.taken.tolist() == [1, ROUNDS - 2, 1]
    assert window.instructions == 16 + ROUNDS * ((size - 6) // 2 + 2) + 1
    lines = size // 32 + (size % 32 > 0)
    assert counted(window) == Counted(1 + ROUNDS - 1, lines + (ROUNDS - 1) * (lines - 1), 0)


@pytest.mark.parametrize("qemu", emulators())
def test_every_kind_of_load_is_seen(tmp_path: Path, qemu: str) -> None:
    """With nothing kept but the last read, each access to another 8 bytes counts."""
    settings = flash(dcache_bytes=0, line_bytes=8)
    (window,) = profiled(tmp_path, EVERY_LOAD.format(), settings, qemu, rounds=1)
    # Reads by number of 8 bytes: literal; table 0 0 1; +16,+20: 2; +15..18: 1 2; +27,28: 3; +13: 1;
    # +76: 9; +12..43: 1 2 3 4 5; +48..55: 6; pop +12,+16: 1 2; +268: 33; tbb.
    assert counted(window).data == 1 + 2 + 1 + 2 + 1 + 1 + 1 + 5 + 1 + 2 + 1 + 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"unified": True, "dcache_bytes": 256, "icache_ways": 2, "dcache_ways": 2},
        {"replacement": "random", "cache_fill": "line"},
        {"icache_bytes": 0, "dcache_bytes": 0},
    ],
    ids=["separate", "unified", "random", "none"],
)
def test_another_qemu_counts_the_same_misses(
    tmp_path: Path, other_qemu: Path, fields: dict[str, object]
) -> None:
    for body in (loop(1024), WALK.format(count=100, stride=12), EVERY_LOAD.format()):
        windows = [
            profiled(tmp_path, body, flash(**fields), qemu, windows=3)
            for qemu in ("qemu-system-arm", str(other_qemu))
        ]
        for one, other in zip(*windows, strict=True):
            for name in ("start", "end", "executed", "taken", *MISSES):
                assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize(
    "wrong",
    [{"read": 12}, {"line": 4}, {"icache": 100}, {"iways": 3}, {"replace": 3}, {"whole": 2}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_the_plugin_refuses_a_cache_that_cannot_be(tmp_path: Path, wrong: dict[str, int]) -> None:
    elf, qemu = program(tmp_path, loop(128), 1, 1), tool("qemu-system-arm")
    caches = {**cache_settings(flash(), MemoryRegion(0, 4 << 20)), **wrong}
    plugin = profiler.ensure_plugin(Path(qemu))
    argument = profiler.region_argument(plugin, tmp_path / "out", 2, 4, 1, caches)
    with pytest.raises(subprocess.CalledProcessError):
        run_in_qemu(qemu, elf, argument)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"line_bytes": 12}, "powers of two"),
        ({"cache_line_bytes": 4}, "1 to 64 times"),
        ({"icache_bytes": 100}, "icache_bytes must be a multiple"),
        ({"dcache_ways": 3}, "dcache_bytes must be a multiple"),
        ({"unified": True}, "unified cache"),
        ({"prefetch": False, "prefetch_hidden": 0.5}, "prefetch_hidden needs"),
        ({"prefetch_hidden": 1.5}, "less than or equal to 1"),
    ],
)
def test_a_profile_with_such_a_cache_is_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        flash(**fields)
