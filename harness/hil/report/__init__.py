"""Reports out of stored runs: HTML, Markdown, CSV and JSON, all of one view.

The templates, the style and the script of the HTML live in ``reports/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil import files
from hil.errors import UsageError
from hil.records import Evaluation, RunRecord

if TYPE_CHECKING:
    from hil.report.compare.choose import Asked
    from hil.report.report_view import ReportView
    from hil.report.study.study_view import StudyRun, StudyText
    from hil.store import Store


def build_report(
    runs: Sequence[RunRecord],
    *,
    title: str | None = None,
    store: Store | None = None,
    asked: Asked | None = None,
    evaluations: Sequence[Evaluation] = (),
    reproducible: bool = False,
) -> ReportView:
    """Lay out one or more runs, each compared with its baseline.

    The baseline is ``asked``, else as ``hil.report.compare.choose`` has it; without a ``store``
    baselines are looked for among the runs themselves and those shipped with hil. Evaluations of a
    run's model on its profile with its engine are shown: those of the ``store``, or
    ``evaluations`` (newest first). A ``reproducible`` report does not say when it was made.

    Raises:
        UsageError: ``runs`` is empty, or ``asked`` is of no model of theirs.
        StoreError: a baseline or the published results cannot be read.
    """
    from hil.report.compare.choose import cases
    from hil.report.report_view import report_view
    from hil.report.run.evidence import Evidence, evidence

    if not runs:
        raise UsageError("there is no run to report", hint="make one: `hil run MODEL.tflite`")
    chosen = cases(runs, store, asked)
    shown = [run for case in chosen for run in case.runs]
    known = evidence(store, shown) if store is not None else Evidence(tuple(evaluations))
    view = report_view(runs, chosen, title, known)
    return replace(view, generated="") if reproducible else view


def build_compare(
    runs: Sequence[RunRecord], *, title: str | None = None, store: Store | None = None
) -> ReportView:
    """Lay out runs side by side, the first as the baseline.

    With a ``store`` the accuracy that it knows of is compared too.

    Raises:
        UsageError: fewer than two runs.
        StoreError: the store or the published results cannot be read.
    """
    from hil.report.compare.choose import compared
    from hil.report.report_view import compare_view
    from hil.report.run.evidence import evidence

    return compare_view(compared(runs), title, evidence(store, runs) if store else None)


def render(view: ReportView, form: str) -> str:
    """Render a report as ``html``, ``md``, ``csv`` or ``json``."""
    from hil.report.output.export import render_csv, render_json
    from hil.report.output.html import render_html
    from hil.report.output.markdown import render_markdown

    forms = {"html": render_html, "md": render_markdown, "csv": render_csv, "json": render_json}
    return forms[form](view)


def write_report(
    runs: Sequence[RunRecord],
    path: Path | str,
    title: str | None = None,
    store: Store | None = None,
) -> Path:
    """Write ``build_report`` as one self-contained HTML page; return the absolute path.

    Raises:
        UsageError: ``runs`` is empty, or the file cannot be written.
        StoreError: a baseline or the published results cannot be read.
    """
    return write_text(render(build_report(runs, title=title, store=store), "html"), Path(path))


def write_study(text: StudyText, runs: Sequence[StudyRun], path: Path | str) -> Path:
    """Write a study's runs, a panel for each board; return the absolute path.

    The page is Markdown where ``path`` ends in .md, else one self-contained HTML page.

    Raises:
        UsageError: ``runs`` is empty, or the file cannot be written.
    """
    from hil.report.output.html import render_study_html
    from hil.report.output.markdown import render_study_markdown
    from hil.report.study.study_view import study_view

    if not runs:
        raise UsageError("there is no run to report", hint="`hil sweep STUDY` makes them")
    as_markdown = Path(path).suffix.lower() in (".md", ".markdown")
    rendered = render_study_markdown if as_markdown else render_study_html
    return write_text(rendered(study_view(text, runs)), Path(path))


def write_text(text: str, path: Path) -> Path:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Raises:
        UsageError: the folder is missing, or the file cannot be written.
    """
    path = path.expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="give a file name, such as report.html")
    try:
        files.write_text(path, text)
    except OSError as error:
        raise UsageError(
            f"cannot write the report {path}: {error.strerror}",
            hint="give another place with -o FILE",
        ) from error
    return path
