"""Engines by name. An engine turns a model's graph into C sources and a memory plan."""

from __future__ import annotations

import difflib
import importlib
from typing import Protocol

from harness.errors import UsageError
from harness.records import EngineSources
from harness.tflite.graph import Graph

_MODULES = {"aot": "harness.engines.aot.engine"}
_ENGINES: dict[str, type[Engine]] = {}


class Engine(Protocol):
    """What every engine offers; ``name`` is what users write, ``version`` goes into provenance."""

    name: str
    version: str

    def sources(self, graph: Graph) -> EngineSources:
        """Return everything the build needs, or raise UnsupportedModel before any build."""


def register(cls: type[Engine]) -> type[Engine]:
    """Class decorator that makes an engine known by its name; a second of that name is a bug."""
    if cls.name in _ENGINES:
        raise RuntimeError(f"two engines are called '{cls.name}'")
    _ENGINES[cls.name] = cls
    return cls


def names() -> list[str]:
    """Names of all engines, sorted."""
    return sorted({*_MODULES, *_ENGINES})


def engine(name: str) -> Engine:
    """Return the engine called ``name``.

    Raises:
        UsageError: there is none of that name; the hint has the nearest.
    """
    if name not in _ENGINES and name in _MODULES:
        importlib.import_module(_MODULES[name])
    if name not in _ENGINES:
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.3)
        guess = f"did you mean '{near[0]}'? " if near else ""
        raise UsageError(
            f"there is no engine '{name}'", hint=f"{guess}engines: {', '.join(names())}"
        )
    return _ENGINES[name]()
