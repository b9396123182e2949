from __future__ import annotations

import pytest
from hil.records import Measurement
from hil.report.words.judge import Judgement
from hil.report.words.judge import judge as judge_with


def latency(value: float, band: float | None = 10.0, name: str = "latency_us") -> Measurement:
    return Measurement(name, value, "us", "modelled", band)


def judge(baseline: Measurement, other: Measurement) -> Judgement:
    """As of two engines: the bands decide."""
    return judge_with(baseline, other, common_error=False)


@pytest.mark.parametrize(
    ("value", "verdict", "words"),
    [
        (100, "same", "the same"),
        (50, "better", "−50 %, better"),
        (99.96, "unclear", "−0.040 %, within the uncertainty"),
        (99.995, "unclear", "−<0.01 %, within the uncertainty"),
        (200, "worse", "+100 %, worse"),
        (105, "unclear", "+5.0 %, within the uncertainty"),
        (121, "unclear", "+21 %, within the uncertainty"),
        (123, "worse", "+23 %, worse"),
    ],
)
def test_bands_decide(value: float, verdict: str, words: str) -> None:
    # 100 ± 10 reaches to 110; 121 ± 10 % begins at 108.9, 123 ± 10 % at 110.7.
    judgement = judge(latency(100), latency(value))
    assert judgement.verdict == verdict
    assert judgement.words.replace("\u00a0", " ") == words
    assert judgement.ratio == value / 100


def test_exact_figures_need_no_margin() -> None:
    assert judge(latency(1000, 0.0), latency(1001, 0.0)).verdict == "worse"


def test_an_unknown_band_decides_nothing() -> None:
    judgement = judge(latency(100, None), latency(10))
    assert judgement.verdict == "unknown"
    assert "uncertainty unknown" in judgement.words


def test_figures_without_a_good_direction_are_only_less_or_more() -> None:
    assert judge(latency(1, 0.0, "cpi"), latency(2, 0.0, "cpi")).verdict == "more"


def test_every_size_is_better_when_smaller() -> None:
    assert judge(latency(2, 0.0, "tables_bytes"), latency(1, 0.0, "tables_bytes")).verdict == (
        "better"
    )


def test_against_nothing_there_is_no_ratio() -> None:
    judgement = judge(latency(0, 0.0), latency(8, 0.0))
    assert (judgement.verdict, judgement.ratio, judgement.ratio_text) == ("worse", None, "")


def test_different_units_are_not_compared() -> None:
    other = Measurement("latency_us", 1, "s", "measured", 0.0)
    assert judge(latency(100), other).words == "different units"


def test_observations_that_scatter_claim_nothing() -> None:
    def board(*samples: float) -> Measurement:
        middle = sorted(samples)[len(samples) // 2]
        spread = 100 * (max(samples) - min(samples)) / middle
        n = len(samples)
        return Measurement("latency_us", middle, "us", "measured", 0.0, n, spread, "DWT", samples)

    before = board(900, 950, 1_000, 1_050, 1_100)
    judgement = judge_with(before, board(920, 980, 1_040, 1_100, 1_160), common_error=True)
    assert judgement.verdict == "unclear"
    assert judgement.words.replace("\u00a0", " ") == "+4.0 %, within the scatter"
    slower = board(1_200, 1_210, 1_220, 1_230, 1_240)
    assert judge_with(before, slower, common_error=True).verdict == "worse"
