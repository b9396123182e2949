"""Engines by name. An engine turns a model into C or C++ sources and a memory plan.

There are hil's own engines, and those that the user added (``hil engine add``).
"""

from __future__ import annotations

import importlib
from typing import Protocol, runtime_checkable

from hil.engines.tflm import installed
from hil.errors import UsageError, did_you_mean
from hil.records import ArenaUse, EngineSources
from hil.tflite.model import Model

_MODULES = {"aot": "hil.engines.aot.engine"}
_ENGINES: dict[str, type[Engine]] = {}


class Engine(Protocol):
    """What every engine offers; ``name`` is what users write, ``version`` goes into provenance."""

    name: str
    version: str

    def sources(self, model: Model) -> EngineSources:
        """Return everything the build needs, or raise UnsupportedModel before any build."""


@runtime_checkable
class SizedByRunning(Protocol):
    """An engine whose arena is known only once the model ran; ``sources`` leaves it open."""

    def searching(self, model: Model, arena_bytes: int) -> EngineSources:
        """Return the sources of a firmware that tries arenas of up to ``arena_bytes``."""

    def sized(self, model: Model, use: ArenaUse) -> EngineSources:
        """Return the sources with the arena that was found."""


def register(cls: type[Engine]) -> type[Engine]:
    """Class decorator that makes an engine known by its name; a second of that name is a bug."""
    if cls.name in _ENGINES:
        raise RuntimeError(f"two engines are called '{cls.name}'")
    _ENGINES[cls.name] = cls
    return cls


def own_names() -> tuple[str, ...]:
    """Names of hil's own engines, sorted."""
    return tuple(sorted({*_MODULES, *_ENGINES}))


def names() -> list[str]:
    """Names of all engines, hil's own and the added ones, sorted.

    Raises:
        StoreError: the file of the added engines cannot be used.
    """
    return sorted({*own_names(), *installed.load()})


def engine(name: str) -> Engine:
    """Return the engine called ``name``.

    Raises:
        UsageError: there is none of that name; the hint has the nearest.
        StoreError: the file of the added engines cannot be used.
    """
    if name not in _ENGINES and name in _MODULES:
        importlib.import_module(_MODULES[name])
    if name not in _ENGINES:
        if entry := installed.load().get(name):
            from hil.engines.tflm.engine import TflmEngine

            return TflmEngine(entry)
        guess = did_you_mean(name, names(), cutoff=0.3)
        raise UsageError(
            f"there is no engine '{name}'",
            hint=f"{guess}engines: {', '.join(names())} (`hil engine add` adds more)",
        )
    return _ENGINES[name]()
