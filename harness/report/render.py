"""Views into HTML: one self-contained file, no request to anywhere, safe for any text.

The style and the script stand inside the page. The page's content security policy allows nothing
else: the script by its hash, so that text from a model file can never run, even if it slipped
through the escaping.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.records import Evaluation, RunRecord
from harness.resources import data_dir

if TYPE_CHECKING:
    import jinja2

    from harness.report.study_view import StudyRun, StudyText


def render_report(
    runs: Sequence[RunRecord],
    *,
    title: str | None = None,
    evaluations: Sequence[Evaluation] = (),
) -> str:
    """Render one or more runs as one self-contained HTML page.

    ``evaluations`` (newest first) of a run's model on its profile are shown with the run.

    Raises:
        UsageError: ``runs`` is empty.
    """
    from harness.report.accuracy_view import accuracy_views
    from harness.report.view import report_view

    if not runs:
        raise UsageError("there is no run to report", hint="make one: `hil run MODEL.tflite`")
    accuracy = accuracy_views(runs, evaluations)
    return _render("report.html.j2", view=report_view(runs, title), accuracy=accuracy)


def render_compare(runs: Sequence[RunRecord], *, title: str | None = None) -> str:
    """Render runs side by side, the first as the baseline, as one self-contained HTML page.

    Raises:
        UsageError: fewer than two runs.
    """
    from harness.report.compare_view import compare_view

    return _render("compare.html.j2", view=compare_view(runs, title))


def write_report(
    runs: Sequence[RunRecord],
    path: Path | str,
    title: str | None = None,
    *,
    evaluations: Sequence[Evaluation] = (),
) -> Path:
    """Write ``render_report`` to ``path`` in one step and return the absolute path.

    Raises:
        UsageError: ``runs`` is empty, or the file cannot be written.
    """
    return write_html(render_report(runs, title=title, evaluations=evaluations), Path(path))


def write_compare(runs: Sequence[RunRecord], path: Path | str, title: str | None = None) -> Path:
    """Write ``render_compare`` to ``path`` in one step and return the absolute path.

    Raises:
        UsageError: fewer than two runs, or the file cannot be written.
    """
    return write_html(render_compare(runs, title=title), Path(path))


def render_study(text: StudyText, runs: Sequence[StudyRun]) -> str:
    """Render a study's runs, a panel for each board, as one self-contained HTML page.

    Raises:
        UsageError: ``runs`` is empty.
    """
    from harness.report.study_view import study_view

    if not runs:
        raise UsageError("there is no run to report", hint="`hil sweep STUDY` makes them")
    return _render("study.html.j2", view=study_view(text, runs))


def write_study(text: StudyText, runs: Sequence[StudyRun], path: Path | str) -> Path:
    """Write ``render_study``, or Markdown where ``path`` ends in .md; return the absolute path.

    Raises:
        UsageError: ``runs`` is empty, or the file cannot be written.
    """
    from harness.report.study_markdown import study_markdown
    from harness.report.study_view import study_view

    if Path(path).suffix.lower() in (".md", ".markdown"):
        return write_html(study_markdown(study_view(text, runs)), Path(path))
    return write_html(render_study(text, runs), Path(path))


def write_html(html: str, path: Path) -> Path:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Raises:
        UsageError: the folder is missing, or the file cannot be written.
    """
    path = path.expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="give a file name, such as report.html")
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"
        )
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(html)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        _remove(temporary)
        raise UsageError(
            f"cannot write the report {path}: {error.strerror}",
            hint="give another place with -o FILE",
        ) from error
    except BaseException:
        _remove(temporary)
        raise
    return path


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _remove(path: str) -> None:
    if path and os.path.exists(path):
        os.unlink(path)


def _render(template: str, **values: object) -> str:
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
    return page.render(script=script, style=style, policy=policy, **values)


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
    return environment


def _short(value: float) -> str:
    """A number to sort by: whole ones in full, others with seven digits."""
    return str(int(value)) if value == int(value) else f"{value:.7g}"


def _pct(value: float) -> str:
    """A coordinate in per cent, short, for SVG attributes."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"
