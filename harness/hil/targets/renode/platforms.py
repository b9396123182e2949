"""Platforms of Renode that run our firmware, as data, and the choice among them.

Their descriptions are ``firmware_stubs/emulation/renode/NAME.repl``: the chip's own memories, a
core, a UART called ``uart``, and the registers that the port's clock set-up waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.devices import Profile
from hil.errors import MissingTool, UsageError
from hil.records import MemoryRegion, Platform
from hil.resources import data_dir

_KIB = 1024


@dataclass(frozen=True)
class Machine:
    """A platform. ``cores`` are the profile cores whose code it executes.

    ``chips`` are the parts that it describes; ``port`` is a folder in ``firmware_stubs/ports``.
    """

    name: str
    port: str
    cores: tuple[str, ...]
    flash: MemoryRegion
    ram: MemoryRegion
    chips: tuple[str, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)


MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        Machine(
            "stm32l4",
            port="stm32l4",
            cores=("cortex-m4", "cortex-m4f"),
            flash=MemoryRegion(0x0800_0000, 1024 * _KIB),
            ram=MemoryRegion(0x2000_0000, 96 * _KIB),
            chips=("STM32L475VG",),
        ),
    )
}


def description(machine: str) -> Path:
    """Return the file that describes a platform to Renode.

    Raises:
        MissingTool: it is not there (a broken installation).
    """
    file = data_dir("firmware_stubs") / "emulation" / "renode" / f"{machine}.repl"
    if not file.is_file():
        raise MissingTool(f"the platform file {file} does not exist", hint="install hil again")
    return file


def choose_platform(profile: Profile, machine: str | None = None) -> Platform:
    """Choose where the profile's firmware runs: the user's machine, else the most faithful one.

    Raises:
        UsageError: the machine is unknown, is not of the chip's core or has less memory than the
            chip; or there is none for the profile.
    """
    if machine is not None:
        return _platform(profile, _asked_for(profile, machine))
    for name in profile.emulation.get("renode", MACHINES):
        if name in MACHINES and _mismatch(profile, MACHINES[name]) is None:
            return _platform(profile, MACHINES[name])
    raise UsageError(
        f"there is no Renode platform for the profile '{profile.name}'",
        hint=f"{_suitable(profile)}; leave --target out to run it on the default target",
    )


def roomiest(platform: Platform) -> Platform:
    """Return the machine of ``platform``'s core with the most RAM; itself where none has more."""
    fitting = [machine for machine in MACHINES.values() if platform.core in machine.cores]
    best = max(fitting, key=lambda machine: machine.ram.size, default=None)
    if best is None or best.ram.size <= platform.ram.size:
        return platform
    return Platform(
        target=platform.target,
        machine=best.name,
        port=best.port,
        core=platform.core,
        flash=best.flash,
        ram=best.ram,
        clock_hz=platform.clock_hz,
        exact=False,
        defines=best.defines,
    )


def _asked_for(profile: Profile, name: str) -> Machine:
    machine = MACHINES.get(name)
    if machine is None:
        raise UsageError(f"the Renode platform '{name}' is unknown", hint=_suitable(profile))
    if reason := _mismatch(profile, machine):
        raise UsageError(
            f"the Renode platform '{name}' cannot stand in for {profile.chip.part}: {reason}",
            hint=_suitable(profile),
        )
    return machine


def _mismatch(profile: Profile, machine: Machine) -> str | None:
    """Why the chip's firmware cannot run on the platform; None where it can."""
    if profile.chip.core not in machine.cores:
        return f"it runs {' and '.join(machine.cores)}, the chip has a {profile.chip.core}"
    for what, has, needs in (
        ("flash", machine.flash.size, profile.flash.size_bytes),
        ("RAM", machine.ram.size, profile.main_ram.size_bytes),
    ):
        if needs > has:
            return f"it has {has} bytes of {what}, the chip {needs}"
    return None


def _suitable(profile: Profile) -> str:
    names = [name for name, machine in MACHINES.items() if _mismatch(profile, machine) is None]
    if not names:
        return f"no platform has a {profile.chip.core} with the chip's memory sizes"
    return f"available for {profile.chip.core}: {', '.join(names)}"


def _platform(profile: Profile, machine: Machine) -> Platform:
    exact = profile.chip.part in machine.chips
    note = (
        ""
        if exact
        else f"Renode's platform {machine.name} stands in for {profile.chip.part}: same core, the "
        "chip's memory sizes; not the chip's peripherals"
    )
    return Platform(
        target="renode",
        machine=machine.name,
        port=machine.port,
        core=profile.chip.core,
        flash=MemoryRegion(machine.flash.origin, profile.flash.size_bytes),
        ram=MemoryRegion(machine.ram.origin, profile.main_ram.size_bytes),
        clock_hz=profile.clock.hz,
        exact=exact,
        note=note,
        defines={**machine.defines, **_clock_defines(profile, machine, exact)},
    )


def _clock_defines(profile: Profile, machine: Machine, exact: bool) -> Mapping[str, str]:
    """Clock and wait states for a port that sets them: the chip's own, not a stand-in's."""
    if not exact or machine.port != profile.firmware.port:
        return {}
    return {
        "HIL_CLOCK_HZ": str(profile.clock.hz),
        "HIL_FLASH_WAIT_STATES": str(profile.flash.wait_states),
    }
