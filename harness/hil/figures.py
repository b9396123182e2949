"""The figures of a run and their units: names, how they are shown and compared.

A new figure is one entry of ``FIGURES`` and the place that measures it. The entry brings it into
the tables of the command line, the reports and, where it says so, the gate.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["headline", "main", "usual", "detail"]


@dataclass(frozen=True)
class Unit:
    """A unit that values are stored in.

    ``steps`` are the units that values are shown in, rising, each with its size in this unit; the
    first is this unit itself. Without steps a value is a count. ``spellings`` are further ones
    that users may write. Labels of figures already say an ``implied`` unit.
    """

    name: str
    steps: tuple[tuple[float, str], ...] = ()
    spellings: Mapping[str, float] = field(default_factory=dict)
    implied: bool = False

    def factor(self, spelling: str) -> float | None:
        """Return what one ``spelling`` is in this unit; None where it is another quantity."""
        own = {_plain(self.name): 1.0} | {_plain(symbol): size for size, symbol in self.steps}
        return {**own, **self.spellings}.get(_plain(spelling))


UNITS = (
    Unit("mW", ((1.0, "mW"), (1e3, "W")), {"uw": 1e-3}),
    Unit("us", ((1.0, "µs"), (1e3, "ms"), (1e6, "s")), {"ns": 1e-3}),
    Unit("uJ", ((1.0, "µJ"), (1e3, "mJ"), (1e6, "J")), {"nj": 1e-3}),
    Unit(
        "bytes",
        ((1.0, "B"), (1024.0, "KiB"), (1024.0**2, "MiB")),
        {"byte": 1.0, "kb": 1e3, "mb": 1e6},
    ),
    Unit("Hz", ((1.0, "Hz"), (1e3, "kHz"), (1e6, "MHz"), (1e9, "GHz"))),
    Unit("cycles", implied=True),
    Unit("instructions", implied=True),
    Unit("cycles/instruction", implied=True),
)


@functools.cache
def unit(name: str) -> Unit:
    """Return the unit ``name``, in any spelling of its own size; an unknown one is a count."""
    return next((one for one in UNITS if one.factor(name) == 1.0), Unit(name))


def _plain(text: str) -> str:
    return text.lower().replace("µ", "u").replace("μ", "u")


@dataclass(frozen=True)
class Figure:
    """One figure.

    - ``label``: its row in a report. ``short``: its row and column on the command line; without
      one the name without its unit. ``noun``: in sentences and narrow columns; without one as
      ``short``.
    - ``unit``: of the stored value.
    - ``better``: which direction; empty where neither is.
    - ``gated``: compared by ``hil gate`` by default.
    - ``level``: ``headline`` figures are shown wherever a run is, ``main`` ones in summaries too,
      ``usual`` ones where a run is shown alone, ``detail`` ones only in reports and JSON.
    """

    name: str
    label: str
    unit: str
    short: str = ""
    noun: str = ""
    better: Literal["lower", "higher", ""] = "lower"
    gated: bool = False
    level: Level = "usual"

    @property
    def title(self) -> str:
        """``short``, or made from the name: ``flash_bytes`` is ``flash``."""
        own = self.short or self.name
        for ending in ("_us", "_uj", "_mw", "_bytes"):
            own = own.removesuffix(ending)
        return own.replace("_", " ")

    @property
    def heading(self) -> str:
        """``noun`` as a column's heading: ``Time``."""
        own = self.noun or self.title
        return own[:1].upper() + own[1:]


_part = functools.partial(Figure, better="", level="detail")
_ENTRIES = (
    Figure("latency_us", "Time per inference", "us", noun="time", gated=True, level="headline"),
    Figure("energy_uj", "Energy per inference", "uJ", gated=True, level="headline"),
    Figure("power_mw", "Mean power of inferences", "mW", noun="power"),
    Figure("flash_bytes", "Flash", "bytes", gated=True, level="headline"),
    Figure("ram_bytes", "RAM", "bytes", short="RAM", gated=True, level="headline"),
    Figure("arena_bytes", "Arena", "bytes", gated=True, level="main"),
    Figure("cycles", "Clock cycles", "cycles", gated=True, level="main"),
    Figure("instructions", "Instructions", "instructions", level="main"),
    Figure("cpi", "Cycles per instruction", "cycles/instruction", better=""),
    _part("pipeline_cycles", "Clock cycles without flash waits", "cycles"),
    _part("flash_wait_low_cycles", "Flash waits, at least", "cycles"),
    _part("flash_wait_high_cycles", "Flash waits, at most", "cycles"),
    Figure("code_bytes", "Code", "bytes"),
    Figure("weights_bytes", "Weights", "bytes"),
    Figure("tables_bytes", "Tables", "bytes"),
    Figure("runtime_bytes", "Runtime", "bytes"),
    Figure("arena_persistent_bytes", "Arena, persistent", "bytes"),
    Figure("arena_nonpersistent_bytes", "Arena, not persistent", "bytes"),
    Figure("arena_scratch_bytes", "Arena, scratch", "bytes"),
    Figure("static_bytes", "Static variables", "bytes"),
    Figure("stack_bytes", "Stack, highest level", "bytes"),
    Figure("heap_bytes", "Heap, highest level", "bytes"),
)
FIGURES = {figure.name: figure for figure in _ENTRIES}
CLAIMED = ("latency_us", "ram_bytes", "flash_bytes", "energy_uj")
"""The figures that the sentence about two runs compares, in its order."""


def find(name: str) -> Figure:
    """Return the figure ``name``; one of another version of hil is described by its name."""
    return FIGURES.get(name) or Figure(
        name,
        name.replace("_", " ").capitalize(),
        unit="bytes" if name.endswith("_bytes") else "",
        better="lower" if name.endswith("_bytes") else "",
    )


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names without duplicates in the order of the registry, unknown ones last."""
    given = dict.fromkeys(names)
    return [*(n for n in FIGURES if n in given), *(n for n in given if n not in FIGURES)]


def headline() -> list[Figure]:
    """Return the figures that are shown wherever a run is."""
    return [figure for figure in FIGURES.values() if figure.level == "headline"]
