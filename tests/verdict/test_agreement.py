"""The gate and the report decide alike, over many random pairs of runs."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hil.gate.decision import gate
from hil.gate.limits import Limits, parse
from hil.records import Measurement, RunRecord
from hil.report.compare.case_view import figure_rows
from hil.store import Store

from tests.report.report_records import passed

FIGURES = ("latency_us", "cycles", "energy_uj", "flash_bytes", "ram_bytes", "arena_bytes")
KINDS = ("modelled", "modelled", "static", "measured")
#: The gate's words by the report's, where the limit is 0 %.
EXACT = {
    "same": {"unchanged"},
    "better": {"improved"},
    "worse": {"regression"},
    "unclear": {"unclear"},
    "unknown": {"unclear"},
}
#: The same where the limit is larger: within it, the gate does not ask.
ALLOWING = {
    "same": {"unchanged"},
    "better": {"improved", "within", "unclear"},
    "worse": {"regression", "within", "unclear"},
    "unclear": {"unclear", "within"},
    "unknown": {"unclear", "within"},
}


def figure(name: str, kind: str, source: str, value: float, dice: random.Random) -> Measurement:
    band = dice.choice([None, 0.0, 0.5, 5.0, 18.0])
    unit = passed().measurements[name].unit
    if kind != "measured":
        return Measurement(name, value, unit, kind, band, source=source)  # type: ignore[arg-type]
    n = dice.choice([1, 3, 5, 12])
    samples = sorted(value * (1 + dice.gauss(0, dice.choice([0.001, 0.02]))) for _ in range(n))
    middle = samples[n // 2]
    spread = 100 * (samples[-1] - samples[0]) / middle
    kept = tuple(samples) if dice.random() < 0.8 and n > 1 else ()
    return Measurement(name, middle, unit, "measured", band, n, spread, source, kept)


def pair(seed: int) -> tuple[RunRecord, RunRecord]:
    """Two runs of one model, whose figures differ by nothing, a little or much."""
    dice = random.Random(seed)
    engines = dice.choice([("aot", "aot"), ("aot", "aot"), ("tflm-cmsis", "aot")])
    old, new = {}, {}
    for name in FIGURES:
        kind, value = dice.choice(KINDS), dice.uniform(1, 1e6)
        factor = dice.choice([1, 1 + 1e-12, 1.001, 0.97, 1.03, 0.8, 1.3, 2])
        sources = dice.choice([("a", "a"), ("a", "a"), ("a", "b")])
        old[name] = figure(name, kind, sources[0], value, dice)
        new[name] = figure(name, kind, sources[1], value * factor, dice)
    return (
        passed(run_id="old", measurements=old, engine=engines[0]),
        passed(run_id="new", measurements=new, engine=engines[1]),
    )


@pytest.mark.parametrize("limit", ["0%", "2%", "10%"])
def test_gate_and_report_agree(store: Store, limit: str) -> None:
    seen = set()
    for seed in range(150):
        old, new = pair(seed)
        store.baselines.put("main", [old])
        limits = Limits(parse(limit, ""))
        (case,) = gate(store, "main", limits, runs=[new], any_engine=True).cases
        rows = {row.name: row.cells[1].judgement for row in figure_rows([old, new])}
        store.baselines.take_away("main")
        for finding in case.findings:
            judgement = rows[finding.name]
            assert judgement is not None
            allowed = (EXACT if limit == "0%" else ALLOWING)[judgement.verdict]
            assert finding.word in allowed, (seed, finding, judgement)
            seen.add((judgement.verdict, finding.word))
    expected = {(verdict, word) for verdict, words in EXACT.items() for word in words}
    assert seen >= expected


def test_energy_follows_the_time_in_both(store: Store) -> None:
    """The band of the power is common to two runs on one chip: both are worse, or neither is."""
    old = passed()
    scale = {"latency_us": 1.03, "cycles": 1.03, "energy_uj": 1.03}
    figures = {
        name: dataclasses.replace(m, value=m.value * scale.get(name, 1))
        for name, m in old.measurements.items()
    }
    new = passed(run_id="new", measurements=figures)
    store.baselines.put("main", [old])
    for engine, word, verdict in (("aot", "regression", "worse"), ("x", "unclear", "unclear")):
        run = dataclasses.replace(new, engine=engine)
        limits = Limits(parse("2%", ""))
        (case,) = gate(store, "main", limits, runs=[run], any_engine=True).cases
        words = {finding.name: finding.word for finding in case.findings}
        assert (words["latency_us"], words["energy_uj"]) == (word, word)
        rows = {row.name: row.cells[1].judgement for row in figure_rows([old, run])}
        for name in ("latency_us", "energy_uj"):
            judgement = rows[name]
            assert judgement is not None
            assert judgement.verdict == verdict
