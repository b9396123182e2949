"""HTML out of stored runs. The templates, the style and the script live in ``reports/``."""

from harness.report.render import (
    render_compare,
    render_report,
    write_compare,
    write_report,
)

__all__ = ["render_compare", "render_report", "write_compare", "write_report"]
