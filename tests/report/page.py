"""Pages of runs, and a page parsed with the standard library: its texts, tags and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from hil.records import RunRecord
from hil.report import build_compare, build_report, render
from hil.report.output.html import render_study_html
from hil.report.study.study_view import StudyRun, StudyText, study_view

_VOID = {"meta", "link", "br", "img", "input", "hr", "col"}
_UNREAD = {"style", "script"}


def render_report(runs: Sequence[RunRecord], **options: Any) -> str:
    return render(build_report(runs, **options), "html")


def render_compare(runs: Sequence[RunRecord], **options: Any) -> str:
    return render(build_compare(runs, **options), "html")


def render_study(text: StudyText, runs: Sequence[StudyRun]) -> str:
    return render_study_html(study_view(text, runs))


@dataclass
class Node:
    tag: str
    attrs: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Visible text, white space folded, no-break spaces made plain."""
        raw = " ".join(self._pieces())
        return " ".join(raw.replace("\u00a0", " ").split())

    def _pieces(self) -> list[str]:
        if self.tag in _UNREAD:
            return []
        return [
            piece
            for child in self.children
            for piece in ([child] if isinstance(child, str) else child._pieces())
        ]

    def all(self, tag: str = "", **attrs: str) -> list[Node]:
        """Descendants with this tag and these attributes (``class`` is one of the classes)."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if (not tag or child.tag == tag) and child._has(attrs):
                    found.append(child)
                found += child.all(tag, **attrs)
        return found

    def one(self, tag: str = "", **attrs: str) -> Node:
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} of {tag} {attrs}"
        return found[0]

    def _has(self, attrs: dict[str, str]) -> bool:
        for name, value in attrs.items():
            key = name.rstrip("_").replace("_", "-")
            own = self.attrs.get(key, "")
            if value not in (own.split() if key == "class" else [own]):
                return False
        return True


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self._stack = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._stack[-1].children.append(node)
        if tag not in _VOID:
            self._stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._stack[-1].children.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._stack[-1].tag == tag, f"</{tag}> closes <{self._stack[-1].tag}>"
        self._stack.pop()

    def handle_data(self, data: str) -> None:
        self._stack[-1].children.append(data)


def parse(html: str) -> Node:
    """Parse strictly: every element must be closed where it was opened."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert builder._stack == [builder.root], f"<{builder._stack[-1].tag}> is never closed"
    return builder.root
