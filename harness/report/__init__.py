"""HTML out of stored runs. The templates, the style and the script live in ``reports/``."""

from harness.report.render import (
    render_compare,
    render_report,
    render_study,
    write_compare,
    write_report,
    write_study,
)

__all__ = [
    "render_compare",
    "render_report",
    "render_study",
    "write_compare",
    "write_report",
    "write_study",
]
