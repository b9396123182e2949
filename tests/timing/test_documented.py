"""The listings in the documentation say what the rules say today."""

from __future__ import annotations

from tests.timing.documented import PAGE, blocks, repriced


def test_the_documented_listings_follow_the_rules() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert blocks(page) >= 10
    assert repriced(page) == page, "run python -m tests.timing.documented, and read the page again"


def test_a_wrong_line_would_be_seen() -> None:
    page = PAGE.read_text(encoding="utf-8")
    right = "  1  ldr.w sl, [r0]            load, pipelined"
    wrong = page.replace(right, right.replace("  1", "  2").replace(", pipelined", ""), 1)
    assert wrong != page
    assert repriced(wrong) == page
