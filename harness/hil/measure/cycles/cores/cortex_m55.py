"""Cortex-M55: instructions only, until there is something to validate a timing model with."""

from hil.measure.cycles.cores.table import TimingTable

TABLE = TimingTable(
    source="no timing model: its overlapping vector beats (MVE) have been compared with nothing",
    validated_as="cortex-m55",
    counts_only=True,
)
