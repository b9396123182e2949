"""HTML: one self-contained file, no request to anywhere, safe for any text.

The style and the script are inside the page. The page's content security policy allows nothing
else: the script by its hash, so that text from a model file can never run, even if it slipped
through the escaping.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hil.figures import find, headline
from hil.report.compare.model_error import band_text, inside_text, signed
from hil.report.words.accuracy import (
    counted_text,
    data_name,
    estimate_text,
    interval_text,
    metric_name,
)
from hil.report.words.figures import full_text, repeats_text, value_text
from hil.report.words.format import (
    MISSING,
    band,
    band_range,
    capacity,
    percent,
    quantity,
    tensor_name,
    trimmed,
    when,
)
from hil.report.words.format import count as number
from hil.report.words.judge import ratio_text
from hil.resources import data_dir

if TYPE_CHECKING:
    import jinja2

    from hil.report.report_view import ReportView
    from hil.report.study.study_view import StudyView


class Link(NamedTuple):
    """A link in the navigation of a page: where to, relative to the page, and its text."""

    href: str
    text: str


def render_html(view: ReportView, links: Sequence[Link] = ()) -> str:
    """Render a report as one self-contained HTML page, with links to other pages at its top."""
    return render_page("report.html.j2", view, links)


def render_study_html(view: StudyView) -> str:
    """Render a study, a panel for each board, as one self-contained HTML page."""
    return render_page("study.html.j2", view)


def render_page(template: str, view: Any, links: Sequence[Link] = ()) -> str:
    """Render a page of ``reports/`` whose template extends ``base.html.j2``."""
    folder = data_dir("reports")
    script = (folder / "report.js").read_text(encoding="utf-8").strip()
    style = (folder / "style.css").read_text(encoding="utf-8").strip()
    digest = hashlib.sha256(script.encode()).digest()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{base64.b64encode(digest).decode()}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _environment(folder).get_template(template)
    return page.render(script=script, style=style, policy=policy, view=view, links=links)


@functools.cache
def _environment(folder: Path) -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["headline"] = headline()
    environment.filters.update(_FILTERS)
    return environment


def _sort_key(value: float) -> str:
    """A number to sort by: whole ones in full, others with seven digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.7g}"


def _sort_by(value: float | None, text: str) -> str:
    """The attribute with the number to sort by, where the cell's text is not that number.

    A number needs no quotes, so there is nothing here to escape.
    """
    if value is None or text.replace(",", "") == (key := _sort_key(value)):
        return ""
    return f" data-value={key}"


def _length(value: float) -> str:
    """A length in per cent, short, for attributes."""
    return trimmed(f"{value:.2f}") + "%"


def _or_missing(text_of: Callable[[float], str]) -> Callable[[float | None], str]:
    """The same text, and a dash for None."""
    return lambda value: MISSING if value is None else text_of(value)


_FILTERS: dict[str, Callable[..., str]] = {
    "pct": _length,
    "sort_key": _sort_key,
    "sort_by": _sort_by,
    "share": _or_missing(percent),
    "bytes": _or_missing(lambda size: quantity(size, "bytes")),
    "capacity": capacity,
    "duration": _or_missing(lambda microseconds: quantity(microseconds, "us")),
    "counted": _or_missing(number),
    "ratio": ratio_text,
    "estimate": estimate_text,
    "interval": interval_text,
    "items": counted_text,
    "data_name": data_name,
    "metric": metric_name,
    "hundredths": _or_missing("{:.2f}".format),
    "tensor": tensor_name,
    "when": when,
    "label": lambda name: find(name).label,
    "value": value_text,
    "full": full_text,
    "repeats": repeats_text,
    "band": band,
    "band_range": band_range,
    "signed": signed,
    "inside": inside_text,
    "band_of_error": band_text,
}
