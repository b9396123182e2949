"""The report in a real browser: offline, without complaints, at every width, light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.records import ErrorInfo
from harness.report import write_compare, write_report

from .devtools import NAMES, Page, browser_page, find_browser
from .report_records import bare, passed, scaled, wrong_output

_SORT = """(() => {
  const head = [...document.querySelectorAll('table.ops th')].find(
    (th) => th.textContent.trim() === 'Cycles');
  head.querySelector('button').click();
  const rows = [...document.querySelectorAll('table.ops tbody tr')];
  return head.getAttribute('aria-sort') + ' ' + rows.map((r) => r.cells[0].textContent).join(' ');
})()"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    several = [passed(), wrong_output(), bare("error", ErrorInfo("no compiler", "install it"))]
    return {
        "report": write_report(several, folder / "report.html"),
        "compare": write_compare([passed(), scaled(passed(), 0.5)], folder / "compare.html"),
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    executable = find_browser()
    if executable is None:
        reason = f"no browser on PATH (looked for {', '.join(NAMES)})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with browser_page(executable, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", ["report", "compare"])
def test_opens_offline_without_complaints(page: Page, files: dict[str, Path], name: str) -> None:
    page.open(files[name])
    assert page.complaints == []
    assert page.requests == [files[name].as_uri()]


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", ["report", "compare"])
@pytest.mark.parametrize("width", [400, 900, 1600])
def test_never_scrolls_sideways(page: Page, files: dict[str, Path], name: str, width: int) -> None:
    page.resize(width)
    page.open(files[name])
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.xdist_group("browser")
def test_light_and_dark_have_contrast(page: Page, files: dict[str, Path]) -> None:
    page.open(files["report"])
    luminance = {}
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        for what in ("backgroundColor", "color"):
            text = page.evaluate(f"getComputedStyle(document.body).{what}")
            luminance[scheme, what] = _relative_luminance(text)
    assert luminance["light", "backgroundColor"] > 0.8
    assert luminance["dark", "backgroundColor"] < 0.05
    for scheme in ("light", "dark"):
        bright, dim = sorted(luminance[scheme, w] for w in ("backgroundColor", "color"))[::-1]
        assert (bright + 0.05) / (dim + 0.05) >= 7  # WCAG 2.1, level AAA for text


@pytest.mark.xdist_group("browser")
def test_tables_sort_by_keyboard_reachable_buttons(page: Page, files: dict[str, Path]) -> None:
    page.open(files["report"])
    order, *ops = page.evaluate(_SORT).split()[:14]
    assert order == "descending"
    assert ops[:5] == ["2", "4", "6", "8", "0"]
    assert ops[-1] == "10"
    assert page.evaluate(_SORT).startswith("ascending 10 12 11 9")
    assert page.complaints == []


@pytest.mark.xdist_group("browser")
def test_the_command_has_a_copy_button(page: Page, files: dict[str, Path]) -> None:
    page.open(files["report"])
    assert page.evaluate("document.querySelector('.command .copy').textContent") == "Copy"


@pytest.mark.xdist_group("browser")
def test_a_blocked_script_is_noticed(page: Page, files: dict[str, Path], tmp_path: Path) -> None:
    """The check above can fail: a script that the policy does not know does not run."""
    html = files["report"].read_text(encoding="utf-8")
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(
        html.replace("</body>", "<script>window.ran = 1</script></body>"), encoding="utf-8"
    )
    page.open(spoilt)
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in page.complaints)


def _relative_luminance(css_color: str) -> float:
    """WCAG 2.1's relative luminance of ``rgb(r, g, b)``."""
    channels = [int(part) / 255 for part in css_color[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
