"""Cortex-M3: the Cortex-M4's pipeline with a slower multiplier and no DSP instructions."""

from hil.measure.cycles.cores import cortex_m4
from hil.measure.cycles.cores.table import TimingTable

TABLE = TimingTable(
    source=(
        "Arm Cortex-M3 TRM (DDI 0337) section 3.3: MLA 2, SMULL 3 to 5 (4 taken), SMLAL 4 to 7 "
        "(5.5 taken), division 2 to 12 (7 taken); the rest as on the Cortex-M4"
    ),
    validated_as="cortex-m3",
    literal=cortex_m4.TABLE.literal,
    branch_not_taken=cortex_m4.TABLE.branch_not_taken,
    wide_group=cortex_m4.TABLE.wide_group,
    mla=2,
    mul_long=4,
    mla_long=5.5,
)
