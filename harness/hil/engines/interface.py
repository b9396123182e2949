"""What an engine is: it turns a model into C or C++ sources and a memory plan.

An engine is a class named by an entry point of the group ``hil.engines``; an entry point may also
name a family, whose engines the user adds (``hil engine add``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

from hil.records import ArenaUse, EngineSources
from hil.tflite.model import Model

Role = Literal["candidate", "baseline"]


class Engine(Protocol):
    """One engine.

    ``name`` is what users write, ``title`` what reports call it; ``version`` goes into provenance.
    Reports compare a ``candidate`` with a ``baseline`` where they have both.
    """

    name: str
    title: str
    version: str
    role: Role

    def sources(self, model: Model) -> EngineSources:
        """Return everything that the build needs.

        Raises:
            UnsupportedModel: the engine cannot run the model; nothing was built.
        """


@runtime_checkable
class SizedByRunning(Protocol):
    """An engine whose arena is known only once the model ran; ``sources`` leaves it open."""

    def searching(self, model: Model, arena_bytes: int) -> EngineSources:
        """Return the sources of a firmware that tries arenas of up to ``arena_bytes``."""

    def sized(self, model: Model, use: ArenaUse) -> EngineSources:
        """Return the sources with the arena that was found."""


@runtime_checkable
class Family(Protocol):
    """Engines of one kind that the user added, by name."""

    def names(self) -> list[str]:
        """Return their names, sorted.

        Raises:
            StoreError: what the user added cannot be read.
        """

    def engine(self, name: str) -> Engine:
        """Return one of them."""

    def facts(self, name: str) -> Mapping[str, object]:
        """Return what is known of one of them, as plain data with the keys ``name`` and ``kind``.

        ``core`` (of a device profile), ``kernels``, ``library`` and ``library_sha256`` where the
        engine has them.
        """

    def require_usable(self, name: str) -> None:
        """Check that one of them can be used.

        Raises:
            UsageError: it cannot, and why.
        """

    def remove(self, name: str) -> None:
        """Remove one of them; files of the user's stay."""
