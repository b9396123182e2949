"""Cortex-M7 with FPU: six stages, two instructions a cycle, branch prediction."""

from hil.measure.cycles.cores.table import TimingTable

TABLE = TimingTable(
    source=(
        "assumed: independent neighbours of different units share a cycle, loads reach the next "
        "instruction one cycle late, a branch costs a cycle of its own and, in the mean, a share "
        "of mispredictions, which is fitted; Arm's TRM (DDI 0489) has no timings"
    ),
    validated_as="cortex-m7",
    fitted=("misprediction",),
    load=1,
    load_use=1,
    store_register_offset=1,
    address_after_alu=0,
    branch_taken=0,
    misprediction=0.7,
    call_taken=0,
    indirect_taken=1,
    pc_load_taken=2,
    halfword_target=0,
    it=0,
    issue_width=2,
)
