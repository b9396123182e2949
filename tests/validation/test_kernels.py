"""Micro-kernels in real QEMU: the cycles that each rule gives, the same on every emulator."""

from __future__ import annotations

import cProfile
import os
import pstats
import shutil
from pathlib import Path

import numpy as np
import pytest
from hil.firmware.program import open_program
from hil.measure.cycles.cores import core_table
from hil.measure.cycles.pricing import price_blocks, profile_cycles
from hil.records import BlockProfile
from hil.targets.qemu.emulator import QEMU
from hil.targets.qemu.region import run_region

from tests.support.assembled import assemble
from tests.support.tools import tool
from tests.validation.kernels import KERNELS, LOOP, ROUNDS, Kernel, build

MACHINE = "mps2-an386"


def windows(elf: Path, qemu: Path | None = None) -> tuple[BlockProfile, ...]:
    tool("cc")
    if shutil.which(os.environ.get("HIL_EMULATOR") or QEMU) is None:
        tool(QEMU)
    with pytest.MonkeyPatch.context() as patch:
        if qemu is not None:
            patch.setenv("HIL_EMULATOR", str(qemu))
        trace = run_region(elf, machine=MACHINE, begin="kernel_begin", end="kernel_end", windows=2)
    return trace.windows


def cycles(elf: Path, profile: BlockProfile) -> float:
    core = core_table("cortex-m4f")
    return float(profile_cycles(core, open_program(elf).read, profile).sum())


@pytest.mark.parametrize("kernel", KERNELS, ids=[kernel.rule for kernel in KERNELS])
def test_a_round_takes_what_the_rule_says(tmp_path: Path, kernel: Kernel) -> None:
    elf = build(tmp_path, kernel)
    few, many = (cycles(elf, profile) for profile in windows(elf))
    per_round = (many - few) / (ROUNDS[1] - ROUNDS[0])
    assert per_round == pytest.approx(kernel.cycles + LOOP)


@pytest.mark.parametrize("kernel", KERNELS[::5], ids=[kernel.rule for kernel in KERNELS[::5]])
def test_two_emulators_give_the_same_cycles(
    tmp_path: Path, other_qemu: Path, kernel: Kernel
) -> None:
    elf = build(tmp_path, kernel)
    here = [cycles(elf, profile) for profile in windows(elf)]
    assert [cycles(elf, profile) for profile in windows(elf, other_qemu)] == here


def test_five_runs_give_the_same_cycles(tmp_path: Path) -> None:
    elf = build(tmp_path, KERNELS[1])
    runs = {tuple(cycles(elf, profile) for profile in windows(elf)) for _ in range(5)}
    assert len(runs) == 1


def test_the_work_of_pricing_grows_with_the_blocks_only(tmp_path: Path) -> None:
    """Ten times the blocks take about ten times the work, here or on any machine."""
    registers = range(8)
    lines = [
        f"ldr r{a}, [r{b}, #{4 * c}]; add.w r{b}, r{c}, r{a}; cmp r{a}, #{16 * b + c}; beq .+4"
        for a in registers
        for b in registers
        for c in registers
    ]
    code = assemble(tmp_path, "\n".join(lines))
    size = len(code) // len(lines)
    count = 20_000
    whole = code * (count // len(lines) + 1)
    blocks = [(at * size, (at + 1) * size) for at in range(count)]
    core = core_table("cortex-m4f")

    def calls(some: list[tuple[int, int]]) -> int:
        profiler = cProfile.Profile()
        priced = profiler.runcall(price_blocks, core, lambda start, end: whole[start:end], some)
        assert np.all(priced.instructions == 4)
        return pstats.Stats(profiler).total_calls  # type: ignore[attr-defined, no-any-return]

    calls(blocks)  # parses every branch, whose target is in its text; parsed texts are kept
    assert calls(blocks) < 11 * calls(blocks[: count // 10])
