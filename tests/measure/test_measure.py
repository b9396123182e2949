"""From windows recorded in real QEMU, or counters of a board, to figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hil.errors import RunFailed
from hil.measure import measure
from hil.measure.band import combined_pct
from hil.measure.cycles.bands import band
from hil.measure.cycles.cores import core_table
from hil.records import BlockProfile, Inference, Measurements, MemoryRegion, MemoryWatermarks
from hil.targets import execution_record, profiling
from hil.targets.qemu import profiler

from tests.measure import samples
from tests.support.assembled import counted_program, run_in_qemu
from tests.support.tools import tool

FIRST, SECOND = 300, 500

KERNELS_PCT = band(core_table("cortex-m4f"), "integer").pct


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[BlockProfile]]:
    folder = tmp_path_factory.mktemp("counted")
    tool("cc")
    qemu = tool("qemu-system-arm")
    elf = counted_program(folder, FIRST, SECOND)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIL_CACHE_DIR", str(folder))
        plugin = profiler.ensure_plugin(Path(qemu))
    record = folder / "profile.bin"
    uncached = samples.profile(icache_bytes=0, dcache_bytes=0).flash
    caches = profiling.cache_settings(uncached, MemoryRegion(0, 4 << 20))
    run_in_qemu(qemu, elf, profiler.plugin_argument(plugin, elf, record, 2, caches))
    return elf, execution_record.read(record, n_ops=2)


def measured(recorded: tuple[Path, list[BlockProfile]], **flash: object) -> Measurements:
    elf, windows = recorded
    inferences = [Inference((), profile=w) for w in windows]
    return measure(
        samples.profile(**flash), samples.firmware(elf), samples.trace(*inferences), samples.graph()
    )


def test_cycles_of_a_known_program(recorded: tuple[Path, list[BlockProfile]]) -> None:
    """Op 0 by hand: bx lr 3, pop {pc} 5, mov 1, loop, movs 1, bl 2, push 2, ldr 2, add 1, blx 3;
    a round of its loop is subs 1 + bne 1 and 1 more when taken,
    or what the core's table says for falling through; one of the loads is a literal."""
    result = measured(recorded)
    loop = FIRST * 2 + (FIRST - 1)
    outside = 3 + 5 + 1 + 1 + 2 + 2 + 2 + 1 + 3
    falls, literal = core_table("cortex-m4f").branch_not_taken, core_table("cortex-m4f").literal
    assert result.ops[0].cycles == round(loop + falls + outside + literal)
    assert result.ops[0].instructions == 2 * FIRST + 9
    # Op 1: subs, tst, beq, cmp, bne and a nop every other round; bne and every other beq are taken.
    rounds = SECOND * 5 + SECOND // 2 + SECOND // 2 + (SECOND - 1)
    often = SECOND // 2 + 1  # every other beq, and the last bne
    assert result.ops[1].cycles == round(rounds + often * falls + outside + literal)


def test_figures_agree_with_each_other(recorded: tuple[Path, list[BlockProfile]]) -> None:
    result = measured(recorded)
    figures = result.figures
    cycles = figures["cycles"].value
    between = cycles - sum(op.cycles for op in result.ops)
    assert 0 < between < 100
    by_function = sum(function.cycles for function in result.functions)
    assert abs(cycles - by_function) <= len(result.functions)  # each is rounded
    assert figures["instructions"].value == recorded[1][0].instructions
    assert figures["instructions"].value == sum(f.instructions for f in result.functions)
    assert figures["latency_us"].value == pytest.approx(cycles / 80)
    assert figures["cpi"].value == pytest.approx(cycles / figures["instructions"].value)
    assert result.functions[0].name == "reset"
    assert [op.name for op in result.ops] == ["middle", "out"]


def test_every_figure_has_kind_unit_source_and_band(
    recorded: tuple[Path, list[BlockProfile]],
) -> None:
    figures = measured(recorded).figures
    needed = (
        "latency_us cycles instructions cpi energy_uj flash_bytes ram_bytes arena_bytes "
        "stack_bytes heap_bytes weights_bytes code_bytes runtime_bytes"
    )
    assert set(needed.split()) <= set(figures)
    for name, figure in figures.items():
        assert figure.name == name
        assert figure.unit
        assert figure.source
        assert figure.uncertainty_pct is not None
    kinds = {name: figure.kind for name, figure in figures.items()}
    assert kinds["cycles"] == kinds["stack_bytes"] == "modelled"
    assert kinds["flash_bytes"] == kinds["arena_bytes"] == "static"


def test_two_measurements_are_identical(recorded: tuple[Path, list[BlockProfile]]) -> None:
    assert measured(recorded, wait_states=4) == measured(recorded, wait_states=4)


def test_waiting_flash_costs_more_and_widens_the_band(
    recorded: tuple[Path, list[BlockProfile]],
) -> None:
    quick, slow = measured(recorded), measured(recorded, wait_states=4)
    assert slow.figures["cycles"].value > quick.figures["cycles"].value
    slow_band, quick_band = (m.figures["cycles"].uncertainty_pct for m in (slow, quick))
    assert quick_band == pytest.approx(KERNELS_PCT)
    assert slow_band is not None
    assert slow_band > KERNELS_PCT
    assert slow.figures["instructions"] == quick.figures["instructions"]


def test_waits_are_shown_where_they_arise(recorded: tuple[Path, list[BlockProfile]]) -> None:
    """Each round of op 1's loop crosses flash reads of 8 bytes; its function's row has them."""
    quick, slow = measured(recorded), measured(recorded, wait_states=4, prefetch=False)
    waits = [s.cycles - q.cycles for s, q in zip(slow.ops, quick.ops, strict=True)]
    assert waits[1] >= 4 * SECOND
    waiting = sum(f.cycles for f in slow.functions) - sum(f.cycles for f in quick.functions)
    whole = slow.figures["cycles"].value - quick.figures["cycles"].value
    assert abs(waiting - whole) <= len(slow.functions) + 3


def test_an_ideal_memory_waits_for_nothing_and_says_so(
    recorded: tuple[Path, list[BlockProfile]],
) -> None:
    elf, windows = recorded
    bare = [replace(w, line_misses=None, sequential_misses=None, data_misses=None) for w in windows]
    result = measured((elf, bare), wait_states=4)
    assert result.figures["cycles"].value == measured(recorded).figures["cycles"].value
    assert any("ideal memory" in note for note in result.notes)


def test_undocumented_flash_widens_the_band(recorded: tuple[Path, list[BlockProfile]]) -> None:
    figure = measured(recorded, uncertainty_pct=12).figures["cycles"]
    assert figure.uncertainty_pct == pytest.approx((12**2 + KERNELS_PCT**2) ** 0.5)


def test_the_median_window_counts_and_the_spread_is_over_all(
    recorded: tuple[Path, list[BlockProfile]],
) -> None:
    elf, (window, _) = recorded

    def scaled(factor: int) -> Inference:
        changed = {k: getattr(window, k) * factor for k in ("executed", "taken", "instructions")}
        return Inference((), profile=BlockProfile(**{**vars(window), **changed}))

    trace = samples.trace(scaled(3), scaled(1), scaled(2), Inference(()))
    result = measure(samples.profile(), samples.firmware(elf), trace, samples.graph())
    figure = result.figures["instructions"]
    assert figure.value == 2 * window.instructions
    assert figure.n == 3
    assert figure.spread_pct == pytest.approx(100.0)
    assert result.figures["cycles"].spread_pct == pytest.approx(100.0, rel=0.01)


def test_energy_is_power_times_latency(recorded: tuple[Path, list[BlockProfile]]) -> None:
    figures = measured(recorded).figures
    profile = samples.profile()
    milliwatts = profile.power.milliwatts(80_000_000)
    assert milliwatts == 40.6
    latency = figures["latency_us"]
    assert figures["energy_uj"].value == pytest.approx(milliwatts * latency.value / 1000)
    assert figures["energy_uj"].uncertainty_pct == pytest.approx(
        (30**2 + (latency.uncertainty_pct or 0) ** 2) ** 0.5
    )


def test_uncertainty_of_an_unknown_part_is_unknown() -> None:
    assert combined_pct(3.0, 4.0) == pytest.approx(5.0)
    assert combined_pct(3.0, None) is None


def test_memory_adds_up(recorded: tuple[Path, list[BlockProfile]]) -> None:
    figures = {name: f.value for name, f in measured(recorded).figures.items()}
    assert figures["flash_bytes"] == 1000 + 2000 + 300 + 40
    assert figures["ram_bytes"] == 5000 + 600 + 520 + 16
    assert figures["stack_bytes"] == 520
    assert figures["heap_bytes"] == 16


def board(*cycles: tuple[int, tuple[int, int]]) -> Measurements:
    inferences = [Inference((), cycles=total, op_cycles=ops) for total, ops in cycles]
    trace = samples.trace(*inferences, on=samples.platform("board", 80_000_000, time="measured"))
    return measure(samples.profile(), samples.firmware(Path("none")), trace, samples.graph())


def test_a_board_is_measured() -> None:
    result = board((1000, (700, 200)), (1040, (720, 210)), (1020, (710, 205)))
    cycles = result.figures["cycles"]
    assert (cycles.value, cycles.kind, cycles.n) == (1020, "measured", 3)
    assert cycles.spread_pct == pytest.approx(100 * 40 / 1020)
    assert cycles.uncertainty_pct == pytest.approx(100 * 20 / 1020)
    assert result.figures["latency_us"].value == pytest.approx(12.75)
    assert result.figures["stack_bytes"].kind == "measured"
    assert result.figures["energy_uj"].kind == "modelled"
    assert [op.cycles for op in result.ops] == [710, 205]
    assert "instructions" not in result.figures


def test_a_run_without_counts_has_failed() -> None:
    firmware, empty = samples.firmware(Path("none")), samples.trace(Inference(()))
    with pytest.raises(RunFailed, match="neither cycle counts nor an execution profile"):
        measure(samples.profile(), firmware, empty, samples.graph())


def test_a_target_without_a_time_gives_what_is_known() -> None:
    """An ELF for this computer: no time, and of the sizes only what the chip has alike."""
    native = replace(
        samples.firmware(Path("none")),
        flash_by_owner={"weights": 2000, "tables": 300},
        ram_by_owner={"arena": 5000},
    )
    trace = replace(
        samples.trace(Inference(()), on=samples.platform("host", time=None)),
        memory=MemoryWatermarks(None, None, None, arena_bytes=1),
    )
    found = measure(samples.profile(), native, trace, samples.graph())
    values = {name: (one.value, one.kind) for name, one in found.figures.items()}
    assert values == {
        "arena_bytes": (5000, "static"),
        "weights_bytes": (2000, "static"),
        "tables_bytes": (300, "static"),
    }
    assert (found.ops, found.functions, found.notes) == ((), (), ())


def test_code_outside_the_firmware_is_a_failed_run(
    recorded: tuple[Path, list[BlockProfile]],
) -> None:
    wild = samples.blocks((0x9000_0000, 0x9000_0004, 0, 1, 1))
    trace = samples.trace(Inference((), profile=wild))
    with pytest.raises(RunFailed, match="0x90000000"):
        measure(samples.profile(), samples.firmware(recorded[0]), trace, samples.graph())


def test_the_timing_models_validation_is_noted(recorded: tuple[Path, list[BlockProfile]]) -> None:
    elf, windows = recorded
    trace = samples.trace(Inference((), profile=windows[0]))
    notes = measure(samples.profile(), samples.firmware(elf), trace, samples.graph()).notes
    assert any("STM32F407" in note and f"±{KERNELS_PCT:g} %" in note for note in notes)
