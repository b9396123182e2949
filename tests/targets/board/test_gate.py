"""Runs of boards in the gate: judged by their observations, never against an emulator's."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hil.store import Store

from tests.support.hil import Result, hil
from tests.support.scripted_board import ScriptedBoard, lines
from tests.targets.board.conftest import MODEL, Bench

NOISE = (0, 3, -2, 1, 4, -3, 2, -1, 0, 5, -4, 1)
"""Cycles by which inferences differ from the usual ones."""
USUAL = 100_000


class Counter:
    """Answers ``hil-marks`` with ``usual`` cycles and some noise, over and over."""

    def __init__(self, usual: int, noise: Sequence[int] = NOISE) -> None:
        self.usual = usual
        self._noise = itertools.cycle(noise)

    def __call__(self, board: ScriptedBoard, command: str) -> bytes | None:
        if command != "hil-marks":
            return None
        total = self.usual + next(self._noise)
        each = total // (board.ops + 1)
        ops = [f"m-hil-op-[{i},{each}]" for i in range(board.ops)]
        return lines(f"m-hil-cycles-[{total}]", *ops)


def gate(bench: Bench, *options: object) -> Result:
    return hil("gate", "-b", "main", "--db", bench.db, "--json", *options, env=bench.env)


def found(result: Result, figure: str) -> dict[str, str]:
    (case,) = result.envelope["data"]["cases"]
    (finding,) = [one for one in case["findings"] if one["name"] == figure]
    assert isinstance(finding, dict)
    return finding


def measured(bench: Bench, *options: object) -> None:
    """A run of the board with some noise."""
    done = bench.run("--samples", 4, *options)
    assert done.code == 0, done


def baseline(bench: Bench) -> None:
    assert hil("baseline", "set", "main", "--db", bench.db, env=bench.env).code == 0


@pytest.mark.parametrize(
    ("usual", "repeat", "code", "word"),
    [
        (USUAL + 100, 3, 0, "within"),
        (round(USUAL * 1.05), 3, 1, "regression"),
        (round(USUAL * 0.95), 3, 0, "improved"),
        (round(USUAL * 1.05), 1, 1, "regression"),
    ],
)
def test_observations_are_tested(
    bench: Bench, usual: int, repeat: int, code: int, word: str
) -> None:
    counter = Counter(USUAL)
    bench.plug(script=counter)
    measured(bench, "--repeat", 3)
    baseline(bench)
    counter.usual = usual
    measured(bench, "--repeat", repeat)
    result = gate(bench)
    assert result.code == code, result
    time = found(result, "latency_us")
    assert time["word"] == word
    assert f"median of {4 * repeat} against 12 observations" in str(time)


def test_what_scatters_too_much_is_unclear(bench: Bench) -> None:
    counter = Counter(USUAL, [30_000 * n // 12 for n in NOISE])
    bench.plug(script=counter)
    measured(bench)
    baseline(bench)
    counter.usual = round(USUAL * 1.06)
    measured(bench)
    result = gate(bench)
    assert result.code == 0, result
    for figure in ("latency_us", "cycles", "energy_uj"):  # energy follows the time
        assert found(result, figure)["word"] == "unclear", figure


def test_board_and_emulator_are_never_compared(bench: Bench) -> None:
    bench.plug(script=Counter(USUAL))
    measured(bench)
    baseline(bench)
    assert hil("run", "-p", "stm32l4", MODEL, "--db", bench.db, env=bench.env).code == 0
    with Store.open(bench.db) as store:
        emulated = store.get("latest").run_id
        board = store.get("latest~1").run_id
    result = gate(bench, emulated)
    assert result.code == 5, result
    (case,) = result.envelope["data"]["cases"]
    assert (case["word"], case["target"]) == ("no baseline", "qemu")
    assert "board" in case["reason"]
    agreed = hil("agree", emulated, board, "--db", bench.db, env=bench.env)
    assert agreed.code == 5, agreed
    assert "desk is a board: its cycles are no counts of an emulator" in agreed.stderr


def test_a_virtual_board_is_not_compared_with_a_real_one(bench: Bench) -> None:
    """One name, first of a real board: even its modelled energy follows the board's time."""
    board = bench.plug(script=Counter(USUAL))
    measured(bench)
    baseline(bench)
    port, flasher = f'port = "{board.port}"', bench.flasher("desk")
    bench.boards.clear()
    bench.add("desk", port, flasher, "virtual = true")
    measured(bench)
    with Store.open(bench.db) as store:
        assert store.get("latest").measurements["cycles"].kind == "modelled"
    result = gate(bench)
    assert result.code == 5, result
    (case,) = result.envelope["data"]["cases"]
    assert (case["word"], case["findings"]) == ("incomparable", [])
    assert "one of the two runs is of a virtual board" in case["reason"]
