"""What a run is kept in: a store, or nothing at all."""

from __future__ import annotations

from typing import Protocol

from hil.records import RunRecord, Variant


class VariantKeeper(Protocol):
    """Keeps what is known of models that hil quantized."""

    def get(self, sha256: str) -> Variant | None:
        """Return what is known of a model, by the hash of its bytes."""

    def keep(self, variant: Variant) -> None:
        """Keep what is known of a model."""


class Keeper(Protocol):
    """Keeps runs; ``hil.store.Store`` is one."""

    @property
    def variants(self) -> VariantKeeper:
        """What is known of models that hil quantized."""

    def begin(self, record: RunRecord) -> None:
        """Keep a run that starts now."""

    def finish(self, record: RunRecord, *, keep: bool = False) -> None:
        """Replace what is kept of the run; ``keep`` it elsewhere where that fails."""


class Nowhere:
    """Keeps nothing: for runs that are only returned."""

    @property
    def variants(self) -> NoVariants:
        """Nothing is known."""
        return NoVariants()

    def begin(self, record: RunRecord) -> None:
        """Do nothing."""

    def finish(self, record: RunRecord, *, keep: bool = False) -> None:
        """Do nothing."""


class NoVariants:
    """Knows no variant."""

    def get(self, sha256: str) -> Variant | None:
        """Return None."""

    def keep(self, variant: Variant) -> None:
        """Do nothing."""
