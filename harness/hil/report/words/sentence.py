"""Sentences in which figures and names are strong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_OPEN, _CLOSE = "\x02", "\x03"


class Piece(NamedTuple):
    """A piece of a sentence."""

    text: str
    strong: bool


@dataclass(frozen=True)
class Sentence:
    """One or more sentences; ``marked`` has the parts that are ``strong`` between marks."""

    marked: str

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces in order, without marks."""
        texts = re.split(f"[{_OPEN}{_CLOSE}]", self.marked)
        return tuple(Piece(text, at % 2 == 1) for at, text in enumerate(texts) if text)

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "".join(piece.text for piece in self.pieces)


def strong(text: str) -> str:
    """Mark a part of a sentence as strong."""
    return f"{_OPEN}{text}{_CLOSE}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
