"""The libraries of TensorFlow Lite Micro that the user added, as a family of engines."""

from __future__ import annotations

from collections.abc import Mapping

from hil.engines.interface import Engine
from hil.engines.tflm import installed


class TflmFamily:
    """Entry point of the kind ``tflm``; see :class:`hil.engines.interface.Family`."""

    def names(self) -> list[str]:
        """Return the names of the libraries, sorted."""
        return sorted(installed.load())

    def engine(self, name: str) -> Engine:
        """Return the engine that uses a library."""
        from hil.engines.tflm.engine import TflmEngine

        return TflmEngine(installed.load()[name])

    def facts(self, name: str) -> Mapping[str, object]:
        """Return what was recorded of a library; ``functions`` is their number."""
        return installed.load()[name].facts()

    def require_usable(self, name: str) -> None:
        """Refuse a library or headers that are not what was added."""
        from hil.engines.tflm.library import require_unchanged

        require_unchanged(installed.load()[name])

    def remove(self, name: str) -> None:
        """Remove a library from the list."""
        installed.remove(name)
