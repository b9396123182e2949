"""A model as it travels through the project: the bytes of a .tflite, and what they parse to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hil.tflite.graph import Graph
from hil.tflite.reader import parse_model, read_bytes
from hil.tflite.writer import write_model


@dataclass(frozen=True)
class Model:
    """The bytes of a .tflite file and their graph, parsed once.

    ``path`` is the file as the caller named it, and empty for a model that came as bytes. Pickling
    keeps the bytes; the graph is parsed again. Models with the same bytes are equal.
    """

    content: bytes = field(repr=False)
    graph: Graph = field(compare=False, repr=False)
    path: str = field(default="", compare=False)

    @classmethod
    def read(cls, path: Path) -> Model:
        """Read and parse a model file; the model's name is the file's stem.

        Raises:
            ModelError: the file is missing or unreadable, not a .tflite, or damaged.
        """
        content = read_bytes(path)
        return cls(content, parse_model(content, path.stem, where=str(path)), str(path))

    @classmethod
    def parse(cls, content: bytes, name: str, path: str = "") -> Model:
        """Parse the bytes of a .tflite.

        Raises:
            ModelError: as :func:`hil.tflite.reader.parse_model`.
        """
        return cls(content, parse_model(content, name, where=path), path)

    @classmethod
    def of_graph(cls, graph: Graph) -> Model:
        """Write a graph as a .tflite.

        Raises:
            UnsupportedModel: as :func:`hil.tflite.writer.write_model`.
        """
        return cls(write_model(graph), graph)

    @property
    def name(self) -> str:
        """The model's name: a file's stem, or what the caller gave."""
        return self.graph.name

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return len(self.content)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[bytes, str, str]]:
        return Model.parse, (self.content, self.name, self.path)
