"""Cortex-M0+: a two-stage pipeline whose manual gives plain counts."""

from hil.measure.cycles.cores.table import TimingTable

TABLE = TimingTable(
    source=(
        "Arm Cortex-M0+ TRM (DDI 0484) section 3.3 table 3-1: loads and stores 2, LDM and STM 1+N, "
        "taken branch 2, BL 3, BX 2, POP with pc 3+N, one-cycle multiplier"
    ),
    validated_as="cortex-m0+",
    load=2,
    load_pipelined=2,
    store=2,
    address_after_alu=0,
    address_after_load=0,
    branch_taken=1,
    call_taken=2,
    indirect_taken=1,
    pc_load_taken=2,
    halfword_target=0,
    it=1,
)
