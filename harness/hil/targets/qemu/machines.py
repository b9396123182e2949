"""QEMU's machines that can run our firmware, as data, and the choice among them.

Memory maps are QEMU's own (``info mtree -f``, QEMU 7.2 and 10.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hil.devices import Profile
from hil.errors import UsageError
from hil.firmware.program import Program
from hil.records import MemoryRegion, Platform
from hil.targets.machines import MIB, MPS2, Machine, Machines
from hil.targets.qemu.emulator import Emulator, find_qemu, probe

# b-l475e-iot01a came with QEMU 9.0, its UART (without which nothing can be said to it) with 9.1.
MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        Machine(
            "b-l475e-iot01a",
            port="stm32l4",
            cores=("cortex-m4", "cortex-m4f"),
            flash=MemoryRegion(0x0800_0000, 1 * MIB),
            ram=MemoryRegion(0x2000_0000, 96 * 1024),
            chips=("STM32L475VG",),
            device="stm32l4x5-usart",
        ),
        *MPS2,
    )
}
_CHOICE = Machines("qemu", "QEMU", MACHINES)


def usable_machines(emulator: Emulator) -> list[str]:
    """Names of the machines we know that this QEMU has, devices that we need included."""
    return [
        name
        for name, machine in MACHINES.items()
        if name in emulator.machines and (not machine.device or machine.device in emulator.devices)
    ]


def choose_platform(
    profile: Profile,
    *,
    machine: str | None = None,
    available: Sequence[str] | None = None,
) -> Platform:
    """Choose where the profile's firmware runs: see :meth:`Machines.choose`.

    ``available`` are machine names to choose from; None asks QEMU.

    Raises:
        UsageError: as :meth:`Machines.choose`.
        MissingTool: there is no QEMU.
    """
    if available is None:
        available = usable_machines(probe(find_qemu()))
    return _CHOICE.choose(profile, machine, available)


def roomiest(platform: Platform, available: Sequence[str] | None = None) -> Platform:
    """See :meth:`Machines.roomiest`; ``available`` None asks QEMU."""
    if available is None:
        available = usable_machines(probe(find_qemu()))
    return _CHOICE.roomiest(platform, available)


def choose_machine(
    profile: Profile, program: Program, asked: str | None, emulator: Emulator
) -> str:
    """Choose the machine that ``program`` runs on: ``asked``, else the first one that fits.

    A machine fits that runs the profile's core and finds the program's vector table at its reset
    address. Machines that hil has no data of are taken at the user's word.

    Raises:
        UsageError: ``asked`` is unknown or does not fit, or none fits.
    """
    if asked is not None:
        return _asked_for_program(profile, program, asked, emulator)
    reasons = []
    for name in dict.fromkeys((*_CHOICE.named(profile), *MACHINES)):
        machine = MACHINES[name]
        if profile.chip.core not in machine.cores or name not in emulator.machines:
            continue
        if (reason := _misplaced(program, machine)) is None:
            return name
        reasons.append(f"{name} {reason}")
    known = "; ".join(reasons) or f"this QEMU has no machine with a {profile.chip.core}"
    raise UsageError(
        f"{program.path} fits no machine for {profile.chip.core}: it is linked to "
        f"0x{program.origin:08x}; {known}",
        hint="link it for one of these machines, or name another one of QEMU's with --machine",
    )


def _asked_for_program(profile: Profile, program: Program, name: str, emulator: Emulator) -> str:
    if name not in emulator.machines:
        state = "is not in this QEMU" if name in MACHINES else "is unknown"
        raise UsageError(
            f"the emulator machine '{name}' {state}",
            hint=f"`{emulator.path} -M help` lists its machines",
        )
    machine = MACHINES.get(name)
    if machine is None:
        return name
    if profile.chip.core not in machine.cores:
        raise UsageError(
            f"the machine '{name}' runs {' and '.join(machine.cores)}, "
            f"{profile.chip.part} has a {profile.chip.core}",
            hint="choose a machine of the profile's core, or leave --machine out",
        )
    if reason := _misplaced(program, machine):
        raise UsageError(
            f"{program.path} does not fit the machine '{name}': it is linked to "
            f"0x{program.origin:08x}; {name} {reason}",
            hint="link it for this machine, or choose the one that it was linked for",
        )
    return name


def _misplaced(program: Program, machine: Machine) -> str | None:
    """Why the machine would not find the program's vector table; None where it does."""
    reset = machine.flash.origin
    if any(address <= reset < address + size for address, size in program.loads):
        return None
    return f"starts from the vector table at 0x{reset:08x}"
