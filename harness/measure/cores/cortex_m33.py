"""Cortex-M33 with FPU: Arm publishes no instruction timings for it."""

from harness.measure.cores.table import Core

CORTEX_M33F = Core(
    name="cortex-m33f",
    title="Arm Cortex-M33 with FPU",
    source=(
        "assumed: the Cortex-M4's rules, a load costing its second cycle only where the next "
        "instruction reads it, no cost for computed addresses; Arm's TRM (100230) has no timings. "
        "Arm quotes 4.1 CoreMark/MHz against the Cortex-M4's 3.4"
    ),
    validated_as="cortex-m33",
    load=1,
    load_use=1,
    store_register_offset=1,
    address_after_alu=0,
    it=0,
)
