"""Sentences made of pieces, of which figures and names are strong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A piece of a sentence; strong pieces are figures and names."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Headline:
    """Sentences made of pieces."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "".join(piece.text for piece in self.pieces)
