"""`hil agree`: the same firmware must give the same counts on every target."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.gate.agreement import agreement
from hil.records import ErrorInfo, RunRecord

from tests.report.report_records import passed
from tests.support.hil import Result

Run = Callable[..., Result]
Keep = Callable[..., None]


def on(target: str, **changes: Any) -> RunRecord:
    """The run of `passed` on another target, as a run of its own."""
    return passed(run_id=f"on-{target}", target=target, **changes)


def with_op(run: RunRecord, index: int, **changes: Any) -> RunRecord:
    ops = list(run.ops)
    ops[index] = dataclasses.replace(ops[index], **changes)
    return dataclasses.replace(run, ops=tuple(ops))


def with_figure(run: RunRecord, name: str, value: float) -> RunRecord:
    figure = dataclasses.replace(run.measurements[name], value=value)
    return dataclasses.replace(run, measurements={**run.measurements, name: figure})


def with_fact(run: RunRecord, **facts: object) -> RunRecord:
    return dataclasses.replace(run, provenance={**run.provenance, **facts})


def test_equal_runs_agree(run: Run, keep: Keep) -> None:
    keep(on("qemu"), on("renode"))
    done = run("agree")
    assert (done.code, done.stdout, done.stderr) == (
        0,
        "equal: 1 pair of runs with the same counts\n",
        "",
    )


def test_one_instruction_more_is_a_difference_that_names_the_op(run: Run, keep: Keep) -> None:
    first = on("qemu")
    op = first.ops[2]
    second = with_op(on("renode"), 2, instructions=op.instructions + 1)
    total = first.measurements["instructions"].value
    keep(first, with_figure(second, "instructions", total + 1))
    done = run("agree")
    assert done.code == 1
    assert done.stdout.endswith("different: 1 of 1 pair of runs\n")
    assert f"op 2 {op.op}" in done.stdout
    assert f"{op.instructions + 1:,}" in done.stdout
    found = run("agree", "--json")
    assert (found.code, found.envelope["status"]) == (1, "failed")
    (pair,) = found.envelope["data"]["pairs"]
    assert [(one["where"], one["count"]) for one in pair["differences"]] == [
        ("total", "instructions"),
        (f"op 2 {op.op}", "instructions"),
    ]


def test_cycles_and_missing_ops_count_too() -> None:
    first = on("qemu")
    slower = with_op(on("renode"), 0, cycles=first.ops[0].cycles - 1)
    assert not agreement([first, slower]).passed
    fewer = dataclasses.replace(on("renode"), ops=first.ops[:-1])
    assert not agreement([first, fewer]).passed


def test_another_firmware_or_other_inputs_are_not_compared(run: Run, keep: Keep) -> None:
    first = on("qemu")
    other = with_fact(on("renode"), firmware_sha256="12" * 32)
    assert [pair.reason for pair in agreement([first, other]).pairs] == [
        "they have different firmware"
    ]
    other = with_fact(on("renode"), inputs_sha256="34" * 32)
    keep(first, with_figure(other, "cycles", 1.0))
    done = run("agree")
    assert done.code == 5
    assert done.stdout == "nothing was compared: 1 pair not comparable\n"
    assert done.stderr.endswith("they have different inputs\n")


def test_a_failure_on_one_target_is_a_difference() -> None:
    failed = on("renode", status="failed", errors=(ErrorInfo("the output differs"),))
    found = agreement([on("qemu"), failed])
    assert not found.passed
    assert found.pairs[0].reason == "failed on renode, passed on qemu: the output differs"
    error = on("renode", status="error", measurements={}, ops=())
    assert [pair.word for pair in agreement([on("qemu"), error]).pairs] == ["not compared"]


def test_a_target_without_counts_is_not_compared() -> None:
    host = on("host", measurements={}, ops=())
    found = agreement([host, on("qemu")])
    assert [(pair.word, pair.reason) for pair in found.pairs] == [
        ("not compared", "host counts no instructions")
    ]


def test_every_further_target_is_compared_with_the_first() -> None:
    slow = with_op(on("c"), 1, cycles=1)
    found = agreement([slow, on("b"), on("a")])
    assert [(pair.targets, pair.word) for pair in found.pairs] == [
        (("a", "b"), "equal"),
        (("a", "c"), "different"),
    ]


def test_nothing_to_compare_is_not_equality(run: Run, keep: Keep) -> None:
    keep(on("qemu"))
    done = run("agree")
    assert done.code == 5
    assert done.stdout == "nothing was compared: 1 run on one target only\n"
    assert run("agree", "--json").envelope["status"] == "error"
    assert run("agree", "--model", "nope").stdout == "nothing was compared: there is no run\n"


def test_complete_needs_a_partner_for_every_run(run: Run, keep: Keep) -> None:
    keep(on("qemu"), on("renode"))
    assert run("agree", "--complete").code == 0
    keep(passed(run_id="alone", target="qemu", profile_name="nrf52840"))
    assert run("agree").code == 0
    done = run("agree", "--complete")
    assert done.code == 5
    assert done.stdout.endswith("with the same counts; 1 run on one target only\n")
    assert run("agree", "--complete", "--json").envelope["status"] == "error"


def test_the_latest_run_of_each_kind_counts_and_runs_can_be_named(run: Run, keep: Keep) -> None:
    old = passed(run_id="old", target="renode", started_at="2020-01-01T00:00:00.000+00:00")
    keep(with_figure(old, "cycles", 1.0), on("qemu"), on("renode"))
    assert run("agree").code == 0
    assert run("agree", "on-qemu", "old").code == 1
    run("agree", "on-qemu", "--last", "1").refuses(2, "exclude each other")
    run("agree", "no-such-run").refuses(2)


def test_markdown_says_it_in_a_sentence(run: Run, keep: Keep, tmp_path: Path) -> None:
    keep(on("qemu"), with_op(on("renode"), 0, cycles=1))
    assert run("agree", "--markdown", "agree.md").code == 1
    text = (tmp_path / "agree.md").read_text(encoding="utf-8")
    assert text.startswith("### ❌ Targets: different: 1 of 1 pair of runs\n")
    assert "| op 0 CONV_2D | cycles |" in text
