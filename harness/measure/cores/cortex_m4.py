"""Cortex-M4 with and without FPU: the core whose rules were compared with silicon."""

from dataclasses import replace

from harness.measure.cores.table import Core

CORTEX_M4F = Core(
    name="cortex-m4f",
    title="Arm Cortex-M4 with FPU",
    source=(
        "Arm Cortex-M4 TRM (100166) section 3.3.1 table 3-1 and 3.3.2 (load/store timings), "
        "section 7.2.3 (FPU); branch refill, store and IT costs from a study of compiled code"
    ),
    validation=(
        "rules without a fitted parameter priced 19 Embench programs on an STM32F407 at 0 wait "
        "states with a mean error of 4.2 %, 39 others on a second Cortex-M4 with 3.5 %; FPU "
        "arithmetic is the manual's, not validated on silicon"
    ),
    uncertainty_pct=5.0,
    float_uncertainty_pct=20.0,
)

CORTEX_M4 = replace(CORTEX_M4F, name="cortex-m4", title="Arm Cortex-M4")
