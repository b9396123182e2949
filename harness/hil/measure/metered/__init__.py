"""Energy of inferences from an energy meter's recording (docs/energy.md).

:func:`cut` is pure: it finds the windows in which inferences ran, refuses a recording that cannot
be trusted, and returns energy and power with their uncertainty.
"""

from hil.measure.metered.figures import energy_figures
from hil.measure.metered.windows import cut

__all__ = ["cut", "energy_figures"]
