"""The cores that profiles name: how code for them is compiled, and how its cycles are priced.

A new core is one entry here and a timing table in ``measure/cycles/cores/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hil.errors import ProfileError, did_you_mean

# Arm architectures as ELF build attributes name them, each with those whose code it executes
# (Armv6-M ARM DDI 0419, Armv7-M ARM DDI 0403, Armv8-M ARM DDI 0553).
_V6M = ("v6-M", "v6S-M")
_V7M = (*_V6M, "v7")
_V7EM = (*_V7M, "v7E-M")
_V8M = (*_V7EM, "v8-M.base", "v8-M.main")
_V81M = (*_V8M, "v8.1-M.main")


@dataclass(frozen=True)
class Core:
    """One core.

    ``executes`` are the architectures whose code it runs, its own last. ``flags`` select the core
    in the compiler; ``toolchain`` names the toolchain file in ``firmware_stubs/cmake``, and is
    empty where no firmware can be built. ``timing`` is the module in ``measure/cycles/cores``.
    ``aliases`` are names that compilers and the build of TensorFlow Lite Micro use.
    """

    name: str
    title: str
    executes: tuple[str, ...]
    flags: tuple[str, ...]
    timing: str
    aliases: tuple[str, ...] = ()
    toolchain: str = "arm-none-eabi"

    @property
    def arch(self) -> str:
        """The architecture that its compiler flags give."""
        return self.executes[-1]

    @property
    def float_abi(self) -> Literal["hard", "soft"]:
        """Whether floating-point arguments travel in registers of the FPU."""
        return "hard" if "-mfloat-abi=hard" in self.flags else "soft"

    @property
    def gcc_name(self) -> str:
        """The core's name in the compiler's ``-mcpu``."""
        return self.flags[0].removeprefix("-mcpu=")


CORES = {
    core.name: core
    for core in (
        Core(
            "cortex-m0+",
            "Arm Cortex-M0+",
            executes=_V6M,
            flags=("-mcpu=cortex-m0plus", "-mthumb"),
            timing="cortex_m0plus",
            aliases=("cortex-m0plus",),
        ),
        Core(
            "cortex-m3",
            "Arm Cortex-M3",
            executes=_V7M,
            flags=("-mcpu=cortex-m3", "-mthumb"),
            timing="cortex_m3",
        ),
        Core(
            "cortex-m4",
            "Arm Cortex-M4",
            executes=_V7EM,
            flags=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"),
            timing="cortex_m4",
        ),
        Core(
            "cortex-m4f",
            "Arm Cortex-M4 with FPU",
            executes=_V7EM,
            flags=("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
            timing="cortex_m4",
            aliases=("cortex-m4+fp",),
        ),
        Core(
            "cortex-m7f",
            "Arm Cortex-M7 with FPU",
            executes=_V7EM,
            flags=("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
            timing="cortex_m7",
            aliases=("cortex-m7+fp",),
        ),
        Core(
            "cortex-m33f",
            "Arm Cortex-M33 with FPU",
            executes=_V8M,
            flags=("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
            timing="cortex_m33",
        ),
        Core(
            "cortex-m55",
            "Arm Cortex-M55",
            executes=_V81M,
            flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
            timing="cortex_m55",
            toolchain="",
        ),
    )
}


HOST = Core("host", "this computer", executes=(), flags=(), timing="", toolchain="host")
"""Of firmware that runs as a process of this computer; profiles do not name it."""


def find(name: str) -> Core:
    """Return the core ``name``.

    Raises:
        ProfileError: unknown; the hint has the nearest name and all of them.
    """
    if name == HOST.name:
        return HOST
    if name not in CORES:
        raise ProfileError(
            f"unknown core '{name}'",
            hint=f"{did_you_mean(name, CORES)}known cores: {', '.join(CORES)}",
        )
    return CORES[name]


def buildable() -> dict[str, Core]:
    """Return the cores that firmware can be built for, by name."""
    return {name: core for name, core in CORES.items() if core.toolchain}
