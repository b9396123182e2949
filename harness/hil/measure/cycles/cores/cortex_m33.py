"""Cortex-M33 with FPU: Arm publishes no instruction timings for it."""

from hil.measure.cycles.cores.table import TimingTable

TABLE = TimingTable(
    source=(
        "Arm's TRM (100230) has no timings. From descriptions of the pipeline (elektroniknet.de, "
        "'Cortex-M23 und -M33 sind erste ARMv8-M-CPUs', 2016): two 16-bit instructions, branches "
        "among them, issue together; branches resolve in the second stage; loads form their "
        "address a stage earlier. Assumed: a load's second cycle shows only where the next "
        "instruction reads the result; multiplies, divisions and LDM as on the Cortex-M4"
    ),
    validated_as="cortex-m33",
    load=1,
    load_use=1,
    store_register_offset=1,
    address_after_alu=0,
    it=0,
    issue_width=2,
    issue_bytes=2,
)
