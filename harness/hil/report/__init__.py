"""Reports out of stored runs: HTML, Markdown, CSV and JSON, all of one view.

The templates, the style and the script of the HTML live in ``reports/``.
"""

from hil.report.output.render import (
    render,
    render_compare,
    render_report,
    render_study,
    write_compare,
    write_report,
    write_study,
    write_text,
)

__all__ = [
    "render",
    "render_compare",
    "render_report",
    "render_study",
    "write_compare",
    "write_report",
    "write_study",
    "write_text",
]
