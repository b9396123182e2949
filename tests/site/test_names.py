"""File names are safe and unique whatever models, profiles and runs are called."""

from __future__ import annotations

import re

from hil.report.site.names import OURS, run_page, trend_page
from hypothesis import given
from hypothesis import strategies as st

ODD = ["../x<y>", "..", "", "/etc/passwd", "a" * 500, "ünï 模型", "con", "x\0y", "a\\b", ".hidden"]


def test_odd_names_make_plain_files() -> None:
    pages = [page for name in ODD for page in (trend_page(name, "p"), trend_page("m", name))]
    pages += [run_page(name) for name in ODD]
    for page in pages:
        assert re.fullmatch(r"(trends|runs)/[a-z0-9][a-z0-9._-]{0,110}\.html", page), page
        assert OURS.fullmatch(page)
        assert ".." not in page
    assert len(set(pages)) == len(pages)


def test_plain_names_can_be_read() -> None:
    page = trend_page("kws_int8", "stm32l4@48MHz")
    assert page.startswith("trends/kws_int8-stm32l4-48mhz-")
    assert run_page("20261121T024000-a1b2c3") == "runs/20261121t024000-a1b2c3.html"


def test_names_that_differ_in_case_alone_have_files_that_differ_in_more() -> None:
    pages = [trend_page("Kws", "p"), trend_page("kws", "p")]
    pages += [run_page("20261121T024000-a1b2c3"), run_page("20261121t024000-a1b2c3")]
    assert len({page.lower() for page in pages}) == 4


def test_the_border_between_model_and_profile_counts() -> None:
    assert trend_page("a-b", "c") != trend_page("a", "b-c")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_names_make_files_of_ours(model: str, profile: str) -> None:
    assert OURS.fullmatch(trend_page(model, profile))
    assert OURS.fullmatch(run_page(model))
