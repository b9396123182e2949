"""A gate's outcome as a badge: an SVG image of one line, ``hil | passed``."""

from __future__ import annotations

from xml.sax.saxutils import escape

from hil.gate.decision import Outcome

# White text on these has a contrast of at least 4.5 to 1 (WCAG 2.2, success criterion 1.4.3).
_LABEL = "#3b4046"
_COLOURS = {"passed": "#1a7f37", "failed": "#b3261e", "not compared": "#5c6670"}
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" viewBox="0 0 {width} 20" \
role="img" aria-label="{title}">
  <title>{title}</title>
  <rect width="{width}" height="20" rx="3" fill="{colour}"/>
  <path d="M{label_width} 0v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="{label_colour}"/>
  <g fill="#ffffff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11" \
text-anchor="middle" aria-hidden="true">
    <text x="{label_x}" y="14" textLength="{label_length}">{label}</text>
    <text x="{text_x}" y="14" textLength="{text_length}">{text}</text>
  </g>
</svg>
"""
_PADDING = 6  # pixels at either side of a text
# Pixels of Verdana's letters at 11 px; others and digits are 7 wide.
_WIDTHS = {3.0: "il", 3.9: "f ,", 4.4: "rt", 5.7: "cs", 6.6: "aeo", 10.7: "m"}


def render(outcome: Outcome) -> str:
    """Return the badge's SVG document."""
    label, text = "hil", summary(outcome)
    lengths = [_length(one) for one in (label, text)]
    widths = [length + 2 * _PADDING for length in lengths]
    return _TEMPLATE.format(
        title=escape(f"hil gate: {text}"),
        width=sum(widths),
        label=label,
        label_colour=_LABEL,
        label_width=widths[0],
        label_length=lengths[0],
        label_x=widths[0] / 2,
        text=escape(text),
        colour=_COLOURS[outcome.verdict],
        text_length=lengths[1],
        text_x=widths[0] + widths[1] / 2,
    )


def summary(outcome: Outcome) -> str:
    """``passed``, ``not compared``, or what failed: ``2 regressions, 1 failed``."""
    if outcome.verdict != "failed":
        return outcome.verdict
    regressions, failed = outcome.counts["regression"], outcome.runs["failed"]
    parts = [f"{regressions} regression{'s' * (regressions != 1)}"] if regressions else []
    return ", ".join(parts + ([f"{failed} failed"] if failed else []))


def _length(text: str) -> int:
    widths = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
    return round(sum(widths.get(letter, 7.0) for letter in text))
