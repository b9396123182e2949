"""Timing tables of the cores, one module each; the rules that read them are in ``pricing``."""

from __future__ import annotations

import functools
import importlib
from dataclasses import replace

from hil import cores
from hil.measure.cycles.cores.table import TimingTable


@functools.cache
def core_table(name: str) -> TimingTable:
    """Return the timing table of the core ``name`` (as in a profile's ``chip.core``).

    Raises:
        ProfileError: unknown core.
    """
    core = cores.find(name)
    table: TimingTable = importlib.import_module(f"{__name__}.{core.timing}").TABLE
    return replace(table, name=core.name, title=core.title)


__all__ = ["TimingTable", "core_table"]
