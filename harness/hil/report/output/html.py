"""HTML: one self-contained file, no request to anywhere, safe for any text.

The style and the script are inside the page. The page's content security policy allows nothing
else: the script by its hash, so that text from a model file can never run, even if it slipped
through the escaping.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from hil.report.words.format import MISSING, percent
from hil.resources import data_dir

if TYPE_CHECKING:
    import jinja2

    from hil.report.report_view import ReportView
    from hil.report.study.study_view import StudyView


def render_html(view: ReportView) -> str:
    """Render a report as one self-contained HTML page."""
    return _render("report.html.j2", view)


def render_study_html(view: StudyView) -> str:
    """Render a study, a panel for each board, as one self-contained HTML page."""
    return _render("study.html.j2", view)


def _render(template: str, view: ReportView | StudyView) -> str:
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
    return page.render(script=script, style=style, policy=policy, view=view)


def _environment(folder: Path) -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pct"] = _pct
    environment.filters["short"] = _short
    environment.filters["share"] = _share
    environment.filters["sort_by"] = _sort_by
    return environment


def _short(value: float) -> str:
    """A number to sort by: whole ones in full, others with seven digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.7g}"


def _sort_by(value: float | None, text: str) -> str:
    """The attribute with the number to sort by, where the cell's text is not that number.

    A number needs no quotes, so there is nothing here to escape.
    """
    if value is None or text.replace(",", "") == (key := _short(value)):
        return ""
    return f" data-value={key}"


def _share(fraction: float | None) -> str:
    return MISSING if fraction is None else percent(fraction)


def _pct(value: float) -> str:
    """A length in per cent, short, for attributes."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"
