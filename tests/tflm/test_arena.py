"""The search for the smallest arena, against a device that follows a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hil.bench.arena_search import STEP_BYTES, Restarting, smallest
from hil.errors import DoesNotFit, LinkError, RunFailed, UnsupportedModel
from hil.measure.memory import arena_figures
from hil.records import ArenaUse
from hil.targets.dut.answers import ArenaReport, HardwareFault, parse_arena

LIMIT = 1 << 20


def report(status: int = 0, *, used: int = 0, memory: bool = False, log: str = "") -> ArenaReport:
    return ArenaReport(
        status, memory, used, used // 2, used - used // 2, 32, (0,), (16,), (log,) if log else ()
    )


@dataclass
class Device:
    """Allocates where ``fits`` says so, runs from ``runs_from`` bytes on."""

    used: int
    fits: Callable[[int], bool]
    runs_from: int = 0
    asked: list[int] = field(default_factory=list)

    def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
        self.asked.append(arena_bytes)
        if not self.fits(arena_bytes):
            return report(3, memory=True, log="Failed to allocate tail memory")
        if invoke and arena_bytes < self.runs_from:
            return report(5, log="Node failed to invoke")
        return report(used=self.used)


@pytest.mark.parametrize("used", [1, 16, 100, 2260, 54_321, 500_000])
@pytest.mark.parametrize("extra", [0, 1, 15, 16, 17, 444, 5_000, 70_000])
def test_the_smallest_is_found_wherever_it_is(used: int, extra: int) -> None:
    device = Device(used, lambda size: size >= used + extra)
    found = smallest(device, LIMIT)
    assert found.arena_bytes == -(-(used + extra) // STEP_BYTES) * STEP_BYTES
    assert found.used_bytes == used
    assert (found.input_offsets, found.output_offsets) == ((0,), (16,))
    assert len(device.asked) < 60


def test_sizes_that_alignment_skips_do_not_end_the_search() -> None:
    device = Device(4000, lambda size: size >= 4000 and size % 64 == 0)
    assert smallest(device, LIMIT).arena_bytes == 4032


def test_less_than_what_is_counted_is_tried_too() -> None:
    assert smallest(Device(4000, lambda size: size >= 3900), LIMIT).arena_bytes == 3904


def test_an_arena_that_allocates_must_also_run() -> None:
    device = Device(1000, lambda size: size >= 1000, runs_from=1100)
    assert smallest(device, LIMIT).arena_bytes == 1104


def test_a_model_that_never_runs() -> None:
    device = Device(1000, lambda size: size >= 1000, runs_from=LIMIT + 1)
    with pytest.raises(RunFailed, match="does not run: Node failed to invoke"):
        smallest(device, LIMIT)


def test_an_arena_larger_than_all_there_is() -> None:
    with pytest.raises(DoesNotFit, match=r"larger than 1,048,576 B.*Failed to allocate"):
        smallest(Device(LIMIT, lambda size: size > LIMIT), LIMIT)


def test_a_model_that_the_library_refuses() -> None:
    class Refuses:
        def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
            return report(3, log="Hybrid models are not supported on TFLite Micro.")

    with pytest.raises(UnsupportedModel, match="Hybrid models are not supported"):
        smallest(Refuses(), LIMIT)


def test_an_output_outside_the_arena() -> None:
    class Constant:
        def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
            return ArenaReport(0, False, 64, 32, 32, 0, (0,), (-1,), ())

    with pytest.raises(UnsupportedModel, match="is a constant"):
        smallest(Constant(), LIMIT)


@contextmanager
def asserting(below: int, starts: list[int]) -> Iterator[Device]:
    """A device whose library ends in a fault where the arena is smaller than ``below``."""

    class Asserts(Device):
        dead = False

        def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
            assert not self.dead, "nothing answers after a fault"
            if arena_bytes < below:
                self.dead = True
                raise HardwareFault(
                    "UsageFault on the device",
                    hint="",
                    name="UsageFault",
                    registers={},
                    function="",
                )
            return super().arena(arena_bytes, invoke=invoke)

    starts.append(1)
    yield Asserts(900, lambda size: True)
    starts.append(-1)


def test_a_library_that_asserts_in_small_arenas_is_started_anew() -> None:
    starts: list[int] = []
    with Restarting(lambda: asserting(1000, starts)) as device:
        assert smallest(device, LIMIT).arena_bytes == 1008
    assert starts.count(1) > 4
    assert sum(starts) == 0, "every device that was started was ended"


def test_a_fault_with_all_the_room_there_is_is_one() -> None:
    with Restarting(lambda: asserting(LIMIT + 1, [])) as device, pytest.raises(HardwareFault):
        smallest(device, LIMIT)


def test_the_parts_are_measurements() -> None:
    figures = arena_figures(ArenaUse(640, 600, 400, 200, 64, (0,), (16,)))
    assert {name: figure.value for name, figure in figures.items()} == {
        "arena_bytes": 640,
        "arena_persistent_bytes": 400,
        "arena_nonpersistent_bytes": 200,
        "arena_scratch_bytes": 64,
    }
    assert {figure.unit for figure in figures.values()} == {"bytes"}
    assert figures["arena_bytes"].kind == "static"
    assert figures["arena_scratch_bytes"].kind == "modelled"


def test_the_devices_answer() -> None:
    lines = [
        "m-hil-log-[one]",
        "m-hil-arena-[status=0,out_of_memory=0,used=600,persistent=400,nonpersistent=200,scratch=64]",
        "m-hil-arena-input-[0,16]",
        "m-hil-arena-output-[0,48]",
        "m-hil-arena-output-[1,-1]",
    ]
    assert parse_arena(lines) == ArenaReport(0, False, 600, 400, 200, 64, (16,), (48, -1), ("one",))


@pytest.mark.parametrize("line", ["m-hil-arena-[status=0]", "m-hil-arena-[status=x]", ""])
def test_damaged_answers(line: str) -> None:
    with pytest.raises(LinkError):
        parse_arena([line])


def test_a_damaged_offset() -> None:
    whole = "status=0,out_of_memory=0,used=6,persistent=4,nonpersistent=2,scratch=0"
    with pytest.raises(LinkError):
        parse_arena([f"m-hil-arena-[{whole}]", "m-hil-arena-input-[0]"])
