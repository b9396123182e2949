"""Timing tables by core name. A new core is a table here; the rules stand in ``pricing``."""

from __future__ import annotations

from hil.errors import ProfileError
from hil.measure.cycles.cores.cortex_m0plus import CORTEX_M0PLUS
from hil.measure.cycles.cores.cortex_m3 import CORTEX_M3
from hil.measure.cycles.cores.cortex_m4 import CORTEX_M4, CORTEX_M4F
from hil.measure.cycles.cores.cortex_m7 import CORTEX_M7F
from hil.measure.cycles.cores.cortex_m33 import CORTEX_M33F
from hil.measure.cycles.cores.cortex_m55 import CORTEX_M55
from hil.measure.cycles.cores.table import Core

CORES = {
    core.name: core
    for core in (
        CORTEX_M0PLUS,
        CORTEX_M3,
        CORTEX_M4,
        CORTEX_M4F,
        CORTEX_M7F,
        CORTEX_M33F,
        CORTEX_M55,
    )
}


def core_table(name: str) -> Core:
    """Return the table of the core ``name`` (as in a profile's ``chip.core``).

    Raises:
        ProfileError: there is no table for it.
    """
    if name not in CORES:
        raise ProfileError(
            f"there is no timing model for the core '{name}'",
            hint="known cores: " + ", ".join(sorted(CORES)),
        )
    return CORES[name]


__all__ = ["CORES", "Core", "core_table"]
