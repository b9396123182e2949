"""What cannot fit is refused before a build, and the floors stay true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hil.errors import DoesNotFit
from hil.firmware import fit
from hil.records import MemoryPlan

from tests.firmware import dut
from tests.firmware.conftest import Build

EMPTY = dut.engine(arena_bytes=128, outputs="{arena, 64, HIL_INT8, 0.25f, -3}")


def check(weights: int, arena: int, **options: int) -> None:
    sources = replace(EMPTY, weights_bytes=weights, tables_bytes=100, plan=MemoryPlan(arena, (), 0))
    sizes = {"flash_bytes": dut.MIB, "ram_bytes": 96 * 1024, "stack_bytes": 4096}
    fit.check_fit(sources, device="stm32l4", **{**sizes, **options})


def test_the_message_has_the_need_its_parts_and_what_is_there() -> None:
    need = 1_056_768 + 100 + fit.RUNTIME_FLASH_FLOOR_BYTES
    with pytest.raises(DoesNotFit) as caught:
        check(1_056_768, 1000)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert f"at least {need:,} B of flash (weights 1,056,768 B + " in caught.value.message
    assert "1,048,576 B" in caught.value.message
    assert "RAM" not in caught.value.message


def test_the_limit_is_exact() -> None:
    most_weights = dut.MIB - 100 - fit.RUNTIME_FLASH_FLOOR_BYTES
    most_arena = 96 * 1024 - 4096 - fit.STATIC_RAM_FLOOR_BYTES
    check(most_weights, most_arena)
    with pytest.raises(DoesNotFit, match="flash"):
        check(most_weights + 1, most_arena)
    with pytest.raises(DoesNotFit, match="RAM"):
        check(most_weights, most_arena + 1)
    with pytest.raises(DoesNotFit, match="heap 1 B"):
        check(most_weights, most_arena, heap_bytes=1)


def test_both_memories_are_named_when_both_are_too_small() -> None:
    with pytest.raises(DoesNotFit, match=r"B of flash .* B of RAM "):
        check(2 * dut.MIB, dut.MIB)


@pytest.mark.parametrize("name", dut.PLATFORMS)
def test_the_floors_lie_below_the_smallest_firmware(name: str, make: Build) -> None:
    firmware = make(EMPTY, dut.PLATFORMS[name])
    flash, static = firmware.flash_by_owner["runtime"], firmware.ram_by_owner["static"]
    assert flash > fit.RUNTIME_FLASH_FLOOR_BYTES
    assert static > fit.STATIC_RAM_FLOOR_BYTES
    if name == "m7f":  # the smallest one: here the floors must be worth something
        assert 0.8 * flash < fit.RUNTIME_FLASH_FLOOR_BYTES
        assert 0.7 * static < fit.STATIC_RAM_FLOOR_BYTES
