"""Any program's region in real QEMU: what is counted, what is printed, how it ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.errors import DeviceFault, DeviceTimeout, MissingTool, RunFailed
from hil.firmware.program import open_program
from hil.records import BlockProfile, RegionTrace
from hil.targets.qemu.region import run_region

from tests.support.processes import WAIT_S, Processes
from tests.timing.building import M0, M3, M4, M7, M33, ROUNDS, Board, build
from tests.timing.conftest import need_machine


def passed(
    elf: Path,
    board: Board = M4,
    begin: str = "region_begin",
    end: str = "region_end",
    **options: object,
) -> RegionTrace:
    settings: dict[str, object] = {"timeout_s": WAIT_S, **options}
    return run_region(elf, machine=board.machine, begin=begin, end=end, **settings)  # type: ignore[arg-type]


def counts(profile: BlockProfile) -> list[list[int]]:
    columns = (profile.start, profile.end, profile.executed, profile.taken)
    return [column.tolist() for column in columns]


@pytest.mark.parametrize("board", [M0, M3, M4, M7, M33], ids=lambda board: str(board.machine))
def test_a_region_on_every_core(tmp_path: Path, board: Board) -> None:
    need_machine(board)
    trace = passed(build(tmp_path, board, passes=2), board, windows=2)
    first, second = trace.windows
    assert first.instructions != second.instructions  # other data, another sort
    assert trace.output.startswith(b"sorting\n")
    assert trace.exit_code in (0, None)  # QEMU may be stopped before the program ends


def test_a_loop_is_counted_exactly(work: Path) -> None:
    trace = passed(work, begin="count_down", end="region_end")
    (window,) = trace.windows
    loop = open_program(work).address("count_down")
    at = np.flatnonzero(window.start == loop)
    assert window.executed[at].tolist() == [ROUNDS]
    assert window.taken[at].tolist() == [ROUNDS - 1]
    # The loop, its return, and the call of region_end.
    assert window.instructions == 2 * ROUNDS + 2


def test_aliases_and_addresses_are_markers_too(work: Path) -> None:
    address = hex(open_program(work).address("count_down"))
    names = ("count_down", "count_alias", address)
    windows = [passed(work, begin=name, end="region_end").windows[0] for name in names]
    assert counts(windows[0]) == counts(windows[1]) == counts(windows[2])


def test_repeats_are_identical(work: Path) -> None:
    runs = [passed(work, windows=3) for _ in range(5)]
    first = [counts(window) for window in runs[0].windows]
    assert all([counts(window) for window in run.windows] == first for run in runs[1:])


def test_another_qemu_counts_the_same(
    work: Path, other_qemu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = passed(work, windows=3)
    monkeypatch.setenv("HIL_EMULATOR", str(other_qemu))
    there = passed(work, windows=3)
    assert here.tool != there.tool
    for one, other in zip(here.windows, there.windows, strict=True):
        assert counts(one) == counts(other)


def test_qemu_stops_when_the_windows_are_recorded(tmp_path: Path) -> None:
    heard: list[bytes] = []
    elf = build(tmp_path, passes=2_000_000)  # more than ends within the limit
    trace = passed(elf, windows=2, on_output=heard.append)
    assert trace.exit_code is None
    assert b"".join(heard) == trace.output == b"sorting\n"


def test_the_exit_code_of_a_program_that_ends_too_soon(tmp_path: Path) -> None:
    elf = build(tmp_path, passes=2, exit_code=7)
    with pytest.raises(RunFailed, match=r"exit code 7.*3 times: it passed 2 times") as caught:
        passed(elf, windows=3)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        ("never_called", "region_end", "it never came to 'never_called', only to 'region_end'"),
        ("never_called", "never_called", "it never came to 'never_called'"),
        ("region_begin", "never_called", "it came to 'region_begin', but never to 'never_called'"),
        ("region_end", "region_begin", "'region_begin' only before 'region_end': the markers"),
    ],
)
def test_markers_that_do_not_meet(tmp_path: Path, begin: str, end: str, words: str) -> None:
    with pytest.raises(RunFailed, match=words) as caught:
        passed(build(tmp_path), begin=begin, end=end)
    assert caught.value.hint


def test_recursion_into_the_region(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="came to 'recurse' 6 times before"):
        passed(build(tmp_path, M4, "RECURSIVE"), begin="recurse")


@pytest.mark.parametrize(
    ("macro", "where"), [("ENDLESS", "at run"), ("CRASH", "at fault, handling HardFault")]
)
def test_a_program_that_never_ends(tmp_path: Path, macro: str, where: str) -> None:
    elf = build(tmp_path, M4, macro)
    with pytest.raises(DeviceTimeout, match=f"in 1 s: it came to 'region_begin'.*{where}"):
        passed(elf, timeout_s=1.0)


def test_a_program_that_prints_without_end(tmp_path: Path) -> None:
    elf = build(tmp_path, M4, "CHATTY")
    size = 0

    def hear(data: bytes) -> None:
        nonlocal size
        size += len(data)

    with pytest.raises(DeviceTimeout):
        passed(elf, timeout_s=1.0, on_output=hear)
    assert size > 100_000


def test_a_lockup_is_the_programs_fault(tmp_path: Path) -> None:
    elf = build(tmp_path, M4, "CRASH", "LOCKUP")
    with pytest.raises(DeviceFault, match=r"at fault\+0x[0-9a-f]+, handling HardFault"):
        passed(elf)


def test_an_unknown_machine(work: Path) -> None:
    with pytest.raises(MissingTool, match="no machine 'mps9'"):
        passed(work, Board("mps9", ()))


def test_no_qemu_is_left_behind(tmp_path: Path, processes: Processes) -> None:
    with pytest.raises(DeviceTimeout):
        passed(build(tmp_path, M4, "ENDLESS"), timeout_s=0.2)
    assert processes.living() == []
