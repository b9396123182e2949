"""Results as text for a terminal, and as a table for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Row = tuple[str, ...]  # a label and its cells


def text(title: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> str:
    """Return a title, rows in aligned columns and notes, a line each."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return plain("\n".join([title, *(f"  {line.rstrip()}" for line in lines), *notes]))


def html(title: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> str:
    """Return the same as an HTML fragment without styles or scripts."""
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<div><p><strong>{escape(title)}</strong></p><table>{body}</table>{below}</div>"


def plain(words: str) -> str:
    """Return a text of the reports with plain spaces in place of its no-break spaces."""
    return words.replace("\u00a0", " ")
