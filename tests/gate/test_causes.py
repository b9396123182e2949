"""A regression names the parts that it consists of."""

from __future__ import annotations

import dataclasses

import pytest
from hil.gate.causes import causes
from hil.records import FunctionMeasurement, Measurement, OpMeasurement, Placement, RunRecord

from tests.report.report_records import passed, plan


def with_figures(run: RunRecord, **values: float) -> RunRecord:
    figures = {
        name: dataclasses.replace(run.measurements[name], value=value)
        for name, value in values.items()
    }
    return dataclasses.replace(run, measurements={**run.measurements, **figures})


def slower(ops: dict[int, int], rest: int = 0) -> RunRecord:
    """A run whose ops take so many more cycles, and what lies between them ``rest`` more."""
    run = passed()
    cycles = run.measurements["cycles"].value + sum(ops.values()) + rest
    changed = tuple(
        dataclasses.replace(op, cycles=op.cycles + ops.get(op.index, 0)) for op in run.ops
    )
    return dataclasses.replace(with_figures(run, cycles=cycles), ops=changed)


def texts(figure: str, baseline: RunRecord, run: RunRecord) -> list[str]:
    return [cause.text for cause in causes(figure, baseline, run)]


@pytest.mark.parametrize("figure", ["latency_us", "cycles"])
def test_the_op_that_took_longer(figure: str) -> None:
    run = slower({2: 58_000, 4: 1_800})
    assert texts(figure, passed(), run) == [
        "op 2 CONV_2D activation_2/Relu +58,000 cycles (97 % of it)"
    ]


def test_several_ops_the_largest_first_and_small_ones_not() -> None:
    run = slower({0: 100, 2: 5_000, 4: 4_000, 6: 3_000, 8: 2_000})
    names = [cause.name.split()[1] for cause in causes("cycles", passed(), run)]
    assert names == ["2", "4", "6"]


def test_more_than_all_of_it_where_another_op_became_faster() -> None:
    (cause,) = causes("cycles", passed(), slower({2: 10_000, 4: -5_000}))
    assert cause.share == 2.0
    assert cause.text.endswith("(200 % of it)")


def test_time_outside_of_the_ops() -> None:
    assert texts("cycles", passed(), slower({}, rest=9_000)) == [
        "code between the ops +9,000 cycles (100 % of it)"
    ]


def test_a_function_that_explains_most_is_named_too() -> None:
    run = slower({2: 5_000, 4: 5_000, 6: 5_000, 8: 5_000})
    first, *rest = run.functions
    grown = FunctionMeasurement(first.name, first.instructions, first.cycles + 20_000)
    found = texts("cycles", passed(), dataclasses.replace(run, functions=(grown, *rest)))
    assert found[-1] == "hil_kernel_0 +20,000 cycles (100 % of it)"
    assert len(found) == 4


def test_an_op_that_the_new_model_has_more() -> None:
    run = passed()
    extra = OpMeasurement(2, "PAD", "pad", 0, 10, 77_000, 1.0, "modelled")
    later = [dataclasses.replace(op, index=op.index + 1) for op in run.ops[2:]]
    cycles = run.measurements["cycles"].value + 77_000
    new = with_figures(run, cycles=cycles)
    new = dataclasses.replace(new, ops=(*run.ops[:2], extra, *later))
    assert texts("cycles", run, new) == ["op 2 PAD pad (new) +77,000 cycles (100 % of it)"]


def test_the_power_where_energy_did_not_follow_the_time() -> None:
    run = passed()
    energy = run.measurements["energy_uj"].value
    (cause,) = causes("energy_uj", run, with_figures(run, energy_uj=energy * 1.1))
    assert (cause.part, cause.unit) == ("power", "mW")
    assert cause.share == pytest.approx(1)
    assert cause.text == "power while active +3.120 mW (100 % of it)"


def test_flash_by_owner_and_ram_by_figure() -> None:
    run = passed()
    more = {**run.flash_by_owner, "code": run.flash_by_owner["code"] + 1_000, "new": 24}
    assert texts("flash_bytes", run, dataclasses.replace(run, flash_by_owner=more)) == [
        "code +1,000 B (98 % of it)"
    ]
    grown = with_figures(run, stack_bytes=1_000, arena_bytes=17_000)
    assert texts("ram_bytes", run, grown) == [
        "arena +1,000 B (78 % of it)",
        "stack +288 B (22 % of it)",
    ]


def test_the_tensor_that_fills_the_arena() -> None:
    run = passed()
    wider = tuple(
        dataclasses.replace(one, size=9_000) if one.name == "activation_1/Relu" else one
        for one in plan().placements
    )
    new = dataclasses.replace(run, plan=dataclasses.replace(plan(), placements=wider))
    assert texts("arena_bytes", run, new) == ["activation_1/Relu +1,000 B (100 % of it)"]
    scratch = (*plan().placements, Placement("scratch of op 1", None, 16_000, 512, 1, 1))
    new = dataclasses.replace(run, plan=dataclasses.replace(plan(), placements=scratch))
    assert texts("arena_bytes", run, new) == ["scratch of op 1 (new) +512 B (100 % of it)"]


def test_runs_without_parts_have_no_causes() -> None:
    bare = dataclasses.replace(passed(), ops=(), functions=(), plan=None)
    assert texts("cycles", bare, with_figures(bare, cycles=9e9)) == []
    assert texts("arena_bytes", bare, bare) == []
    assert texts("stack_bytes", passed(), with_figures(passed(), stack_bytes=9_000)) == []
    no_cycles = dataclasses.replace(bare, measurements={})
    assert texts("energy_uj", no_cycles, no_cycles) == []
    assert Measurement("x", 1, "", "static", None).n == 1
