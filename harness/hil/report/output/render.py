"""Views into files; HTML is one self-contained file, no request to anywhere, safe for any text.

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

from hil.errors import UsageError
from hil.records import Evaluation, RunRecord
from hil.report.words.format import MISSING, percent
from hil.resources import data_dir

if TYPE_CHECKING:
    import jinja2

    from hil.report.report_view import ReportView
    from hil.report.study.study_view import StudyRun, StudyText
    from hil.store import Store


def render_report(
    runs: Sequence[RunRecord],
    *,
    title: str | None = None,
    store: Store | None = None,
    evaluations: Sequence[Evaluation] = (),
) -> str:
    """Render one or more runs as one self-contained HTML page.

    Each is compared with its baseline (see ``hil.report.compare.choose``); without a ``store``
    baselines are looked for among the runs themselves and those shipped with hil. Evaluations of a
    run's model on its profile with its engine are shown: those of the ``store``, or
    ``evaluations`` (newest first).

    Raises:
        UsageError: ``runs`` is empty.
        StoreError: a baseline or the published results cannot be read.
    """
    from hil.report.compare.choose import cases
    from hil.report.compare.evidence import Evidence, evidence
    from hil.report.report_view import report_view

    if not runs:
        raise UsageError("there is no run to report", hint="make one: `hil run MODEL.tflite`")
    chosen = cases(runs, store)
    known = evidence(store, chosen) if store is not None else Evidence(tuple(evaluations))
    return render_html(report_view(runs, chosen, title, known))


def render_compare(
    runs: Sequence[RunRecord], *, title: str | None = None, store: Store | None = None
) -> str:
    """Render runs side by side, the first as the baseline, as one self-contained HTML page.

    With a ``store`` the accuracy that it knows of is compared too.

    Raises:
        UsageError: fewer than two runs.
        StoreError: the store or the published results cannot be read.
    """
    from hil.report.compare.choose import compared
    from hil.report.compare.evidence import evidence
    from hil.report.report_view import compare_view

    case = compared(runs)
    known = evidence(store, (case,)) if store is not None else None
    return render_html(compare_view(case, title, known))


def write_report(
    runs: Sequence[RunRecord],
    path: Path | str,
    title: str | None = None,
    store: Store | None = None,
) -> Path:
    """Write ``render_report`` to ``path`` in one step and return the absolute path.

    Raises:
        UsageError: ``runs`` is empty, or the file cannot be written.
        StoreError: a baseline or the published results cannot be read.
    """
    return write_text(render_report(runs, title=title, store=store), Path(path))


def write_compare(
    runs: Sequence[RunRecord],
    path: Path | str,
    title: str | None = None,
    store: Store | None = None,
) -> Path:
    """Write ``render_compare`` to ``path`` in one step and return the absolute path.

    Raises:
        UsageError: fewer than two runs, or the file cannot be written.
    """
    return write_text(render_compare(runs, title=title, store=store), Path(path))


def render(view: ReportView, form: str) -> str:
    """Render a view as ``html``, ``md``, ``csv`` or ``json``."""
    from hil.report.output.export import render_csv, render_json
    from hil.report.output.markdown import render_markdown

    forms = {"html": render_html, "md": render_markdown, "csv": render_csv, "json": render_json}
    return forms[form](view)


def render_html(view: ReportView) -> str:
    """Render a view as one self-contained HTML page."""
    return _render("report.html.j2", view=view)


def render_study(text: StudyText, runs: Sequence[StudyRun]) -> str:
    """Render a study's runs, a panel for each board, as one self-contained HTML page.

    Raises:
        UsageError: ``runs`` is empty.
    """
    from hil.report.study.study_view import study_view

    if not runs:
        raise UsageError("there is no run to report", hint="`hil sweep STUDY` makes them")
    return _render("study.html.j2", view=study_view(text, runs))


def write_study(text: StudyText, runs: Sequence[StudyRun], path: Path | str) -> Path:
    """Write ``render_study``, or Markdown where ``path`` ends in .md; return the absolute path.

    Raises:
        UsageError: ``runs`` is empty, or the file cannot be written.
    """
    from hil.report.output.study_markdown import study_markdown
    from hil.report.study.study_view import study_view

    if Path(path).suffix.lower() in (".md", ".markdown"):
        return write_text(study_markdown(study_view(text, runs)), Path(path))
    return write_text(render_study(text, runs), Path(path))


def write_text(text: str, path: Path) -> Path:
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
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
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
