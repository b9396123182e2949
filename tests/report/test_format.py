from __future__ import annotations

import pytest
from hil.records import Measurement
from hil.report.words import format as fmt


def plain(text: str) -> str:
    return text.replace(fmt.NBSP, " ")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (41_200, "us", "41.2 ms"),
        (812.44, "us", "812 µs"),
        (0.5, "us", "0.500 µs"),
        (2_500_000, "us", "2.50 s"),
        (1_612, "uJ", "1.61 mJ"),
        (57_344, "bytes", "56.0 KiB"),
        (712, "bytes", "712 B"),
        (0, "bytes", "0 B"),
        (1_048_576, "bytes", "1.00 MiB"),
        (20_123_456, "cycles", "20.1 M cycles"),
        (6_904, "", "6,904"),
        (1.26, "cycles/instruction", "1.26 cycles/instruction"),
    ],
)
def test_quantity(value: float, unit: str, text: str) -> None:
    assert plain(fmt.quantity(value, unit)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9.996, "10.0"), (999.6, "1,000"), (0.01234, "0.0123"), (3e-7, "3.00e-07")],
)
def test_significant_rounds_before_it_counts_digits(value: float, text: str) -> None:
    assert fmt.significant(value) == text


def test_capacity_is_a_name_not_a_measurement() -> None:
    assert plain(fmt.capacity(98_304)) == "96 KiB"
    assert plain(fmt.capacity(1_048_576)) == "1 MiB"
    assert plain(fmt.capacity(1_000)) == "1,000 B"


def test_band_in_words() -> None:
    assert plain(fmt.band(15.0)) == "±15 %"
    assert fmt.band(0) == "exact"
    assert fmt.band(None) == "uncertainty unknown"


def test_band_range_has_both_ends() -> None:
    figure = Measurement("latency_us", 100_000, "us", "modelled", 15.0)
    assert plain(fmt.band_range(figure)) == "85.0 ms to 115 ms"
    assert fmt.band_range(Measurement("x", 1, "us", "modelled", None)) == ""


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.583, "58 %"), (0.0512, "5.1 %"), (0, "0 %"), (0.0004, "<0.1 %"), (1.27, "127 %")],
)
def test_percent(fraction: float, text: str) -> None:
    assert plain(fmt.percent(fraction)) == text


def test_when_converts_to_utc_and_survives_nonsense() -> None:
    assert fmt.when("2026-11-21T03:40:00+01:00") == "2026-11-21 02:40 UTC"
    assert fmt.when("yesterday") == "yesterday"
    assert fmt.when(None) == fmt.MISSING


def test_fused_tensor_names_become_the_first_and_a_count() -> None:
    assert fmt.tensor_name("a/Relu;b/BatchNorm;c/Conv2D") == "a/Relu (+2)"
    long = fmt.tensor_name("x" * 100)
    assert len(long) == 40
    assert "…" in long
