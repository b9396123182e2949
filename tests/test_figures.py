"""The registry of figures, and the units that users may write."""

from __future__ import annotations

import pytest
from hil import figures


def test_names_carry_their_units() -> None:
    endings = {"us": "_us", "uJ": "_uj", "bytes": "_bytes"}
    for name, figure in figures.FIGURES.items():
        assert figure.name == name
        assert name.endswith(endings.get(figure.unit, name))
        assert figures.unit(figure.unit) in figures.UNITS


def test_titles_are_made_from_the_name_unless_given() -> None:
    titles = [figure.title for figure in figures.headline()]
    assert titles == ["latency", "energy", "flash", "RAM"]
    assert [figure.heading for figure in figures.headline()] == ["Time", "Energy", "Flash", "RAM"]


def test_figures_of_another_version_come_last_and_are_described_by_their_names() -> None:
    names = ["bus_stalls", "cycles", "rom_bytes", "latency_us"]
    assert figures.in_order(names) == ["latency_us", "cycles", "bus_stalls", "rom_bytes"]
    assert figures.find("rom_bytes").label == "Rom bytes"
    assert (figures.find("rom_bytes").better, figures.find("bus_stalls").better) == ("lower", "")
    assert not figures.find("bus_stalls").gated


@pytest.mark.parametrize(
    ("unit", "spelling", "factor"),
    [
        ("us", "ms", 1e3),
        ("us", "µs", 1.0),
        ("us", "ns", 1e-3),
        ("uJ", "mJ", 1e3),
        ("bytes", "KiB", 1024.0),
        ("bytes", "kb", 1e3),
        ("bytes", "B", 1.0),
        ("cycles", "cycles", 1.0),
        ("cycles", "us", None),
        ("bytes", "ms", None),
    ],
)
def test_spellings(unit: str, spelling: str, factor: float | None) -> None:
    assert figures.unit(unit).factor(spelling) == factor


def test_an_unknown_unit_is_a_count() -> None:
    assert figures.unit("MACs") == figures.Unit("MACs")
