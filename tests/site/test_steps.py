"""Steps: exact for figures that repeat, by change points for those that scatter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hil.report.site.steps import Step, Value, levels, steps


def exact(*values: float) -> list[Value | None]:
    return [Value(value, "modelled", "us") for value in values]


def noisy(values: object) -> list[Value | None]:
    return [Value(float(value), "measured", "us") for value in values]  # type: ignore[attr-defined]


def normal(seed: int, count: int, scatter: float = 0.01) -> np.ndarray:
    return 1_000 * (1 + scatter * np.random.default_rng(seed).normal(size=count))


def test_every_change_of_an_emulated_figure_is_a_step() -> None:
    assert steps(exact(100, 100, 103, 103, 103.0001)) == [
        Step(1, 2, 100, 103),
        Step(3, 4, 103, 103.0001),
    ]
    (one, _) = steps(exact(100, 103, 50))
    assert one.change == pytest.approx(0.03)


def test_equal_values_have_no_step_and_neither_has_rounding() -> None:
    third = 0.1 + 0.2
    assert steps(exact(0.3, third, 0.3)) == []
    assert steps(exact(5)) == []
    assert steps([]) == []


def test_a_step_from_nothing_has_no_percentage() -> None:
    (one,) = steps(exact(0, 0, 12))
    assert one.change is None


def test_failed_runs_and_nan_are_skipped() -> None:
    values = [*exact(100), None, *exact(math.nan), None, *exact(103, 103), None]
    assert steps(values) == [Step(0, 4, 100, 103)]


def test_values_of_another_kind_or_unit_are_not_compared() -> None:
    values = [Value(1, "modelled", "us"), Value(2, "published", "us"), Value(3, "published", "uJ")]
    assert steps(values) == []
    assert len(levels(values)) == 3


def test_bytes_read_on_a_board_repeat_exactly() -> None:
    values = [Value(value, "measured", "bytes") for value in (700, 700, 712)]
    assert steps(values) == [Step(1, 2, 700, 712)]


@pytest.mark.parametrize("position", [5, 40, 95])
@pytest.mark.parametrize("factor", [1.05, 0.95])
def test_a_step_in_noise_is_found_where_it_is(position: int, factor: float) -> None:
    values = normal(3, 100)
    values[position:] *= factor
    (one,) = steps(noisy(values))
    assert abs(one.after - position) <= 1
    assert one.before == one.after - 1
    assert one.new / one.old == pytest.approx(factor, abs=0.012)


def test_two_steps_make_three_levels() -> None:
    values = normal(4, 90)
    values[30:60] *= 1.06
    (part,) = levels(noisy(values))
    assert [(level.first, level.last) for level in part] == [(0, 29), (30, 59), (60, 89)]


def test_a_single_outlier_makes_no_step_wherever_it_is() -> None:
    for position in (0, 1, 20, 38, 39):
        values = normal(5, 40)
        values[position] *= 1.4
        assert steps(noisy(values)) == [], position


def test_two_runs_at_the_end_make_a_step() -> None:
    values = normal(6, 40)
    values[-2:] *= 1.1
    (one,) = steps(noisy(values))
    assert one.after == 38


def test_noise_alone_is_rarely_a_step() -> None:
    """Of 300 histories without any change at most 2 % have a step; heavy tails included."""
    draw = np.random.default_rng(7)
    for count in (20, 100):
        plain = [1_000 * (1 + 0.01 * draw.normal(size=count)) for _ in range(300)]
        heavy = [1_000 * (1 + 0.01 * draw.standard_t(3, size=count)) for _ in range(300)]
        assert sum(bool(steps(noisy(values))) for values in plain) <= 6
        assert sum(bool(steps(noisy(values))) for values in heavy) <= 12


def test_rounded_readings_are_not_steps() -> None:
    values = [1_000.0] * 30 + [1_000.01] * 30
    assert steps(noisy(values)) == []


def test_few_measured_values_have_no_steps() -> None:
    assert steps(noisy([1, 2, 3])) == []


def test_measured_values_around_zero_can_be_searched() -> None:
    values = np.concatenate((normal(8, 20) - 1_000, normal(9, 20) - 900))
    (one,) = steps(noisy(values))
    assert abs(one.after - 20) <= 1
