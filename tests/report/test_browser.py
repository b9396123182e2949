"""The report in a real browser: offline, without complaints, at every width, light and dark."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hil.records import ErrorInfo, ModelInfo, RunRecord
from hil.report import write_report, write_text
from hil.report.compare.choose import cases
from hil.report.output.html import render_html
from hil.report.report_view import report_view
from hil.report.site.names import run_page
from hil.store import Store

from tests.site.nightly import judged, measured, nights, site
from tests.site.nightly import run as night_run

from .board_records import metered, on_board
from .devtools import NAMES, Page, browser_page, find_browser
from .page import render_compare
from .report_records import bare, many_ops, passed, scaled, wrong_output
from .test_accuracy_compare import FLOAT, INT8, evaluation, known
from .test_choose import KWS, NUCLEO
from .test_memory_compare import tflm
from .test_pareto import run as pareto_run

PAGES = [
    *("report", "compare", "board", "power", "baselines", "variants"),
    *("site-index", "site-trend", "site-run"),
]
AXE = Path(str(importlib.util.find_spec("axe_core_python").origin)).parent / "axe.min.js"  # type: ignore[union-attr]
_AXE_RUN = """axe.run({
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
}).then((result) => ({
  passes: result.passes.length,
  faults: result.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | ')),
}))"""

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
        "compare": write_text(
            render_compare([passed(), scaled(passed(), 0.5)]), folder / "compare.html"
        ),
        "board": write_text(
            render_compare([passed(), on_board(passed(), {0: 1.2})]), folder / "board.html"
        ),
        "power": write_report([metered(on_board(passed()))], folder / "power.html"),
        "baselines": write_report(_with_baselines(), folder / "baselines.html"),
        "variants": write_text(_variants(), folder / "variants.html"),
        **_site(folder),
    }


def _site(folder: Path) -> dict[str, Path]:
    """A site with several engines, steps in both directions, a failure, accuracy, long names."""
    wave = [1.0, 1.0, 1.03, 1.03, 1.02, 1.02, 0.9, 0.93]
    with Store.open(str(folder / "site.db")) as store:
        runs = nights(store, [*wave, *[0.93] * 30])
        store.finish(night_run(38, status="failed"))
        nights(store, [1.0, 1.2], engine="tflm", target="host", facts={"label": "v1.0 " * 12})
        for model in ("m" * 120, "ad", "<b>x</b> 模型", "vww"):
            nights(store, [1.0, 1.1, 1.1, 1.1], model=model, profile_name=f"{model[:40]}-board")
        for number in range(12):
            store.finish(measured([990 + number, 1_000, 1_012], number, engine="board"))
        for number, right in enumerate((98, 97, 90)):
            store.evaluations.claim(judged(number, right))
        store.baselines.put("release", runs[:1])
        built = site(store, folder / "site", baseline="release", reproducible=False)
    (trend,) = (built.folder / "trends").glob("kws_int8-*")
    (short,) = (built.folder / "trends").glob("ad-*")
    return {
        "site-index": built.index,
        "site-trend": trend,
        "site-short": short,
        "site-run": built.folder / run_page(runs[-1].run_id),
    }


def _with_baselines() -> list[RunRecord]:
    """Two engines on a board with published rows, a sweep of one model, a deep network alone."""
    kws = dataclasses.replace(_model(), sha256=KWS)
    board: dict[str, Any] = {"profile_name": "nucleo-l4r5zi", "profile": NUCLEO, "model": kws}
    ours = passed(**board)
    theirs = dataclasses.replace(scaled(tflm(), 1.9), run_id="20261121T030000-cccccc", **board)
    sweep = [
        pareto_run(i, 1e3 * 1.7**i, 9e4 / 1.3**i, ("aot", "tflm", "tflm-cmsis")[i % 3])
        for i in range(9)
    ]
    deep = dataclasses.replace(many_ops(60), model=dataclasses.replace(_model(), sha256="44" * 32))
    return [ours, theirs, *sweep, dataclasses.replace(deep, run_id="20261121T070000-dddddd")]


def _variants() -> str:
    """Data types of one model, with accuracies and with agreements, as a page."""
    more = [
        dataclasses.replace(
            scaled(INT8, 0.5 + i),
            run_id=f"20261121T05000{i}-{i:06d}",
            provenance={**INT8.provenance, "scheme": name},
        )
        for i, name in enumerate(("q8", "q16", "int16x8", "dynamic", "int8-per-tensor"))
    ]
    runs = [FLOAT, INT8, *more]
    evaluations = (evaluation(INT8, 90), evaluation(FLOAT, 98))
    return render_html(report_view(runs, cases(runs), None, known(*evaluations)))


def _model() -> ModelInfo:
    model = passed().model
    assert model is not None
    return model


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
@pytest.mark.parametrize("name", PAGES)
def test_opens_offline_without_complaints(page: Page, files: dict[str, Path], name: str) -> None:
    page.open(files[name])
    assert page.complaints == []
    assert page.requests == [files[name].as_uri()]


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", PAGES)
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


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "light"), (1280, "dark")])
def test_is_accessible(
    page: Page, files: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    result = _axe(page, files[name], width, scheme)
    assert result["faults"] == []
    assert result["passes"] > 10


@pytest.mark.xdist_group("browser")
def test_the_accessibility_check_sees_faults(
    page: Page, files: dict[str, Path], tmp_path: Path
) -> None:
    html = files["compare"].read_text(encoding="utf-8")
    spoilt = tmp_path / "spoilt.html"
    faults = '<p style="color:#ccc;background:#fff">pale</p><div role="region"><img></div>'
    spoilt.write_text(html.replace("</main>", faults + "</main>"), encoding="utf-8")
    found = " ".join(_axe(page, spoilt, 1280, "light")["faults"])
    assert "color-contrast" in found
    assert "image-alt" in found


def _axe(page: Page, path: Path, width: int, scheme: str) -> dict[str, Any]:
    page.prefer(scheme)
    page.resize(width)
    page.open(path)
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    return dict(page.evaluate(_AXE_RUN, wait=True))


@pytest.mark.xdist_group("browser")
def test_a_head_sorts_by_keyboard_and_says_so(page: Page, files: dict[str, Path]) -> None:
    page.open(files["baselines"])
    page.evaluate("document.querySelector('.overview thead th:nth-child(5) button').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
            windowsVirtualKeyCode=13,
        )  # fmt: skip
    order = page.evaluate(
        "[...document.querySelectorAll('.overview tbody td:nth-child(5)')].map("
        "(cell) => Number(cell.dataset.value))"
    )
    assert order == sorted(order, reverse=True)
    heads = page.evaluate(
        "[...document.querySelectorAll('.overview thead th')].map("
        "(head) => head.getAttribute('aria-sort'))"
    )
    assert heads[4] == "descending"
    assert set(heads) == {None, "descending"}


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize(("name", "points"), [("baselines", 9), ("variants", 7)])
@pytest.mark.parametrize("width", [400, 739, 740, 900, 1600])
def test_labels_in_the_picture_do_not_overlap(
    page: Page, files: dict[str, Path], width: int, name: str, points: int
) -> None:
    page.resize(width)
    page.open(files[name])
    boxes = page.evaluate(
        "[...document.querySelectorAll('.points .point text')].map((text) => {"
        "const b = text.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom];})"
    )
    assert len(boxes) == points
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] + 4 or b[3] <= a[2] + 4
            assert apart, (a, b)


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("width", [400, 900, 1600])
def test_bars_of_one_table_have_one_scale(page: Page, files: dict[str, Path], width: int) -> None:
    page.resize(width)
    page.open(files["baselines"])
    widths = page.evaluate(
        "[...document.querySelectorAll('.by-op')].map((table) => "
        "[...table.querySelectorAll('.bar')].map((bar) => bar.getBoundingClientRect().width))"
    )
    assert len(widths) == 1 + 3  # nine runs are three tables of four columns at most
    for found in widths:
        assert max(found) - min(found) < 1
        assert min(found) >= 80


_VISIBLE = "[...document.querySelectorAll('.site-index tbody tr')].filter((r) => !r.hidden).length"


@pytest.mark.xdist_group("browser")
def test_the_index_can_be_filtered(page: Page, files: dict[str, Path]) -> None:
    page.open(files["site-index"])
    assert page.evaluate(_VISIBLE) == 7
    for text, rows in (("KWS tflm", 1), ("kws", 3), ("no such", 0), ("", 7)):
        page.evaluate(
            f"(() => {{ const f = document.querySelector('.filter input'); f.value = '{text}';"
            "f.dispatchEvent(new Event('input')); })()"
        )
        assert page.evaluate(_VISIBLE) == rows
        shown = page.evaluate("document.querySelector('.filter [role=status]').textContent")
        assert shown == (f"{rows} of 7 rows" if text else "")
    assert page.evaluate("document.querySelector('.filter label').htmlFor") == "filter"
    assert page.complaints == []


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize(("name", "least"), [("site-trend", 5), ("site-short", 2)])
@pytest.mark.parametrize("width", [400, 900, 1600])
def test_labels_of_steps_and_axes_do_not_overlap_and_are_not_cut(
    page: Page, files: dict[str, Path], width: int, name: str, least: int
) -> None:
    page.resize(width)
    page.open(files[name])
    groups = page.evaluate(
        "[...document.querySelectorAll('.trend-figure')].map((figure) => "
        "['.step-label', '.x-axis text', '.y-axis text'].map((kind) => "
        "[...figure.querySelectorAll(kind)].map((text) => {"
        "const b = text.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom];})))"
    )
    frames = page.evaluate(
        "[...document.querySelectorAll('.trend-figure')].map((figure) => {"
        "const b = figure.getBoundingClientRect(); return [b.left, b.right];})"
    )
    labels = sum(len(kinds[0]) for kinds in groups)
    assert labels >= least
    for kinds, (left, right) in zip(groups, frames, strict=True):
        for boxes in kinds:
            for i, a in enumerate(boxes):
                assert left <= a[0] <= a[1] <= right, a
                for b in boxes[i + 1 :]:
                    apart = a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] + 4 or b[3] <= a[2] + 4
                    assert apart, (a, b)


@pytest.mark.xdist_group("browser")
def test_pages_of_the_site_lead_to_each_other(page: Page, files: dict[str, Path]) -> None:
    page.open(files["site-index"])
    link = "[...document.querySelectorAll('a')].find((a) => a.textContent === 'kws_int8')"
    assert page.evaluate(f"{link}.href") == files["site-trend"].as_uri()
    page.open(files["site-run"])
    back = page.evaluate("[...document.querySelectorAll('nav a')].map((a) => a.href)")
    assert back == [files["site-index"].as_uri(), files["site-trend"].as_uri()]


_A4_PX = round((210 - 24) / 25.4 * 96)  # between the margins


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_on_paper(page: Page, files: dict[str, Path], name: str) -> None:
    page.resize(_A4_PX)
    page.open(files[name])
    page.call("Emulation.setEmulatedMedia", media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    try:
        wide = page.evaluate(
            f"[...document.querySelectorAll('table, figure, pre, p, section')].filter("
            f"(e) => e.getBoundingClientRect().right > {_A4_PX} + 1).map("
            "(e) => e.className + ' ' + e.getBoundingClientRect().right)"
        )
        folded = page.evaluate("document.querySelectorAll('details:not([open])').length")
        small = page.evaluate(
            "[...document.querySelectorAll('td, th, p, li, dd, text')].filter((e) => "
            "parseFloat(getComputedStyle(e).fontSize) < 9).length"  # 6.75 points
        )
    finally:
        page.call("Emulation.setEmulatedMedia", media="")
    assert wide == []
    assert folded == 0
    assert small == 0


@pytest.mark.xdist_group("browser")
def test_prints_on_a4_and_folds_again_after(page: Page, files: dict[str, Path]) -> None:
    page.open(files["baselines"])
    before = page.evaluate("document.querySelectorAll('details[open]').length")
    pdf = page.print_pdf()
    sizes = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf))
    assert {(round(float(w)), round(float(h))) for w, h in sizes} <= {(595, 842), (596, 842)}
    assert sizes
    assert page.evaluate("document.querySelectorAll('details[open]').length") == before
    assert page.evaluate("document.querySelectorAll('.overview thead button').length") == 9


def _relative_luminance(css_color: str) -> float:
    """WCAG 2.1's relative luminance of ``rgb(r, g, b)``."""
    channels = [int(part) / 255 for part in css_color[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
