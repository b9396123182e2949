"""One figure against another: limits, directions, noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hil.errors import UsageError
from hil.figures import FIGURES, Figure
from hil.gate.comparison import Finding
from hil.gate.comparison import compare_figures as compare_with
from hil.gate.limits import Limit, Limits, parse, parse_default, parse_named
from hil.records import Measurement
from hil.verdict import scatter

NOISY = (900, 950, 1_000, 1_050, 1_100)
SLOWER = (920, 980, 1_040, 1_100, 1_160)


def figure(value: float, name: str = "latency_us", **fields: object) -> Measurement:
    given: dict[str, object] = {"unit": "us", "kind": "modelled", "uncertainty_pct": 10.0, **fields}
    return Measurement(name, value, **given)  # type: ignore[arg-type]


def compare_figures(
    name: str, before: Measurement | None, now: Measurement | None, limit: Limit
) -> Finding:
    """As of two runs of one model by one engine: what errs in both does not count."""
    return compare_with(name, before, now, limit, common_error=True)


def observed(values: object, name: str = "latency_us") -> Measurement:
    samples = tuple(float(v) for v in values)  # type: ignore[attr-defined]
    middle = float(np.median(samples))
    spread = 100 * (max(samples) - min(samples)) / middle
    return Measurement(
        name, middle, "us", "measured", 1.0, len(samples), spread, "counter", samples
    )


@pytest.mark.parametrize(
    ("before", "now", "limit", "word"),
    [
        (100.0, 100.0, "2%", "unchanged"),
        (100.0, 101.0, "2%", "within"),
        (100.0, 102.0, "2%", "within"),  # the limit itself is allowed
        (100.0, 102.001, "2%", "regression"),
        (100.0, 99.0, "2%", "within"),
        (100.0, 97.0, "2%", "improved"),
        (100.0, 100.000001, "0%", "regression"),
        (100.0, 100.00000000001, "0%", "unchanged"),  # rounding of sums
        (0.0, 0.0, "2%", "unchanged"),
        (0.0, 1.0, "2%", "regression"),
        (0.0, 1.0, "1", "within"),
        (100.0, 104.0, "4 us", "within"),
        (100.0, 104.5, "0.004 ms", "regression"),
    ],
)
def test_emulated_figures_compare_exactly(before: float, now: float, limit: str, word: str) -> None:
    found = compare_figures("latency_us", figure(before), figure(now), parse(limit, "here"))
    assert found.word == word
    assert found.limit == limit


def test_the_band_of_a_model_is_common_to_both() -> None:
    """A band of 30 % does not hide 3 %: the same model priced both."""
    wide = {"uncertainty_pct": 30.0, "n": 3, "spread_pct": 0.5}
    found = compare_figures("latency_us", figure(100, **wide), figure(103, **wide), parse("2%", ""))
    assert (found.word, round(found.change_pct or 0, 6)) == ("regression", 3.0)


def test_of_a_figure_whose_entry_says_so_more_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Figure("accuracy_pct", "Accuracy", "%", better="higher", gated=True)
    monkeypatch.setitem(FIGURES, entry.name, entry)
    before, less, more = (figure(v, "accuracy_pct", unit="%") for v in (90.0, 85.0, 95.0))
    assert compare_figures("accuracy_pct", before, less, parse("1%", "")).word == "regression"
    assert compare_figures("accuracy_pct", before, more, parse("1%", "")).word == "improved"
    assert Limits(parse("2%", "")).of("accuracy_pct") == parse("2%", "")


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (figure(1), None, "the run has no such figure"),
        (None, figure(1), "the baseline has no such figure"),
        (figure(1), figure(1, unit="ms"), "units differ"),
        (figure(1, kind="measured"), figure(1), "measured"),
        (figure(1), figure(math.nan), "not a number"),
    ],
)
def test_what_cannot_be_compared_is_skipped_with_a_reason(
    before: Measurement | None, now: Measurement | None, reason: str
) -> None:
    found = compare_figures("latency_us", before, now, parse("0%", ""))
    assert found.word == "skipped"
    assert reason in found.reason


class TestObservations:
    """Cycle counters of a board: medians, a bootstrap interval and ranks."""

    noise = np.random.default_rng(7).normal(0, 4, (2, 30))

    def test_a_clear_slowdown_is_a_regression_with_its_interval(self) -> None:
        before, now = observed(1_000 + self.noise[0]), observed(1_050 + self.noise[1])
        found = compare_figures("latency_us", before, now, parse("2%", ""))
        assert found.word == "regression"
        assert found.interval_pct is not None
        low, high = found.interval_pct
        assert 2 < low < (found.change_pct or 0) < high
        assert low < 5 < high
        assert compare_figures("latency_us", now, before, parse("2%", "")).word == "improved"

    def test_within_the_limit_or_the_noise_there_is_none(self) -> None:
        before, now = observed(1_000 + self.noise[0]), observed(1_010 + self.noise[1])
        assert compare_figures("latency_us", before, now, parse("2%", "")).word == "within"
        same = observed(1_000 + self.noise[1])
        assert compare_figures("latency_us", before, same, parse("2%", "")).word == "within"

    def test_what_scatters_too_much_is_unclear(self) -> None:
        before, now = observed(NOISY), observed(SLOWER)
        found = compare_figures("latency_us", before, now, parse("2%", ""))
        assert found.word == "unclear"
        assert "scatter" in found.reason

    def test_one_outlier_does_not_move_the_median(self) -> None:
        values = 1_000 + self.noise[0]
        spoilt = values.copy()
        spoilt[0] = 50_000
        found = compare_figures("latency_us", observed(values), observed(spoilt), parse("2%", ""))
        assert found.word in ("within", "unchanged")

    def test_few_observations_cannot_prove_anything(self) -> None:
        before, now = observed([100, 101, 102]), observed([110, 111, 112])
        found = compare_figures("latency_us", before, now, parse("2%", ""))
        assert (found.word, "too few" in found.reason) == ("unclear", True)
        more, later = observed([100, 101, 102, 103]), observed([110, 111, 112, 113])
        assert compare_figures("latency_us", more, later, parse("2%", "")).word == "regression"

    def test_an_absolute_limit_counts_too(self) -> None:
        before, now = observed(1_000 + self.noise[0]), observed(1_050 + self.noise[1])
        assert compare_figures("latency_us", before, now, parse("60 us", "")).word == "within"
        assert compare_figures("latency_us", before, now, parse("30 us", "")).word == "regression"

    def test_without_observations_the_spread_decides(self) -> None:
        def known(value: float, spread_pct: float) -> Measurement:
            return figure(value, kind="measured", n=10, spread_pct=spread_pct)

        assert (
            compare_figures("latency_us", known(100, 1), known(103, 1), parse("2%", "")).word
            == "unclear"
        )
        assert (
            compare_figures("latency_us", known(100, 1), known(110, 1), parse("2%", "")).word
            == "regression"
        )
        assert (
            compare_figures("latency_us", known(100, 0), known(103, 0), parse("2%", "")).word
            == "regression"
        )

    def test_one_observation_is_what_it_is(self) -> None:
        """A watermark of memory is read once and does not scatter."""
        before, now = figure(100, kind="measured"), figure(103, kind="measured")
        assert compare_figures("latency_us", before, now, parse("2%", "")).word == "regression"

    def test_the_same_observations_give_the_same_answer(self) -> None:
        pair = list(1_000 + self.noise[0]), list(1_020 + self.noise[1])
        first = scatter.compare(*pair, 0.02, relative=True)
        assert first == scatter.compare(*pair, 0.02, relative=True)
        assert first.p_above > 0.05
        assert first.low < 0.02 < first.change

    def test_false_alarms_are_rare(self) -> None:
        """Runs that are the same, at a limit of 0: both tests agree on few of them."""
        random = np.random.default_rng(3)
        alarms = sum(
            compare_figures(
                "latency_us",
                observed(1_000 + random.normal(0, 5, 15)),
                observed(1_000 + random.normal(0, 5, 15)),
                parse("0%", ""),
            ).word
            == "regression"
            for _ in range(60)
        )
        assert alarms <= 5


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("1 KiB", "bytes", 1024),
        ("1KiB", "B", 1024),
        ("2 kB", "bytes", 2000),
        ("0", "bytes", 0),
        ("12", "us", 12),
        ("1.5 ms", "us", 1500),
        ("3 µJ", "uJ", 3),
        ("10 cycles", "cycles", 10),
    ],
)
def test_amounts_are_in_the_units_people_write(text: str, unit: str, amount: float) -> None:
    assert parse(text, "here").amount("x", unit) == amount


@pytest.mark.parametrize("text", ["", "two", "-1%", "1%%", "nan", "inf", "2 % more", "1e999"])
def test_what_is_no_limit_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match=r"hil\.toml ram_bytes") as caught:
        parse(text, "hil.toml ram_bytes")
    assert "2%" in caught.value.hint


def test_a_limit_in_another_unit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'1 KiB' of latency_us has another unit"):
        compare_figures("latency_us", figure(1), figure(1), parse("1 KiB", ""))


def test_the_common_limit_is_a_percentage() -> None:
    assert parse_default("0", "x").size == 0
    assert parse_default(" 2.5 % ", "x").size == 0.025
    with pytest.raises(UsageError, match="not a percentage"):
        parse_default("1 KiB", "--max-regression")


def test_named_limits_win_and_can_be_off() -> None:
    found = Limits(parse("2%", ""), parse_named({"energy_uj": "off", "cpi": 0.1}, "x"))
    assert found.of("energy_uj") is None
    assert found.of("latency_us") == parse("2%", "")
    assert found.of("cpi") == parse(0.1, "")
    assert found.of("code_bytes") is None
