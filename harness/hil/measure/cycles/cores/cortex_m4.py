"""Cortex-M4 with and without FPU: the core whose rules were compared with silicon."""

from hil.measure.cycles.cores.table import TimingTable

TABLE = TimingTable(
    source=(
        "Arm Cortex-M4 TRM (100166) section 3.3.1 table 3-1 and 3.3.2 (load/store timings), "
        "section 7.2.3 (FPU); branch refill, store and IT costs from a study of compiled code; "
        "groups of unaligned 32-bit instructions from measurements at compendium.i-0.nl "
        "(instruction alignment); "
        "literal loads (TRM: 'might add a cycle because of contention with the fetch unit') and "
        "branches not taken (a fetch lost to the target) fitted"
    ),
    validated_as="cortex-m4",
    fitted=("literal", "branch_not_taken"),
    literal=0.5,
    branch_not_taken=0.8,
    wide_group=1,
)
