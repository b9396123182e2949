"""QEMU's machines that can run our firmware, as data, and the choice among them.

Memory maps are QEMU's own (``info mtree -f``, QEMU 7.2 and 10.0). A machine *is* a chip where its
model is that chip's; elsewhere it stands in for chips of the same core, and the platform's note
says so: the firmware is then linked with the chip's sizes at the machine's origins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hil.devices import Profile
from hil.errors import UsageError
from hil.firmware.program import Program
from hil.records import MemoryRegion, Platform
from hil.targets.qemu.emulator import Emulator, find_qemu, probe

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Machine:
    """A QEMU machine. ``cores`` are the profile cores whose code it executes.

    ``chips`` are the parts that the machine models itself (flash, RAM and UART at their places).
    ``device`` is a QOM type that QEMU must have for the machine to be of use to us.
    """

    name: str
    port: str
    cores: tuple[str, ...]
    flash: MemoryRegion
    ram: MemoryRegion
    chips: tuple[str, ...] = ()
    device: str = ""
    defines: Mapping[str, str] = field(default_factory=dict)


def _mps2(name: str, *cores: str) -> Machine:
    """MPS2 without TrustZone: ZBT SSRAM1 (code) at 0, ZBT SSRAM2&3 (data) at 0x20000000."""
    return Machine(
        name,
        port="mps2",
        cores=cores,
        flash=MemoryRegion(0x0000_0000, 4 * _MIB),
        ram=MemoryRegion(0x2000_0000, 4 * _MIB),
        defines={"HIL_MPS2_UART0": "0x40004000", "HIL_MPS2_CLOCK_HZ": "25000000"},
    )


# b-l475e-iot01a came with QEMU 9.0, its UART (without which nothing can be said to it) with 9.1.
# AN505 boots in the secure state: SSRAM1 and SSRAM2&3 at their secure aliases.
MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        Machine(
            "b-l475e-iot01a",
            port="stm32l4",
            cores=("cortex-m4", "cortex-m4f"),
            flash=MemoryRegion(0x0800_0000, 1 * _MIB),
            ram=MemoryRegion(0x2000_0000, 96 * 1024),
            chips=("STM32L475VG",),
            device="stm32l4x5-usart",
        ),
        _mps2("mps2-an385", "cortex-m3"),
        _mps2("mps2-an386", "cortex-m4", "cortex-m4f"),
        _mps2("mps2-an500", "cortex-m7f"),
        Machine(
            "mps2-an505",
            port="mps2",
            cores=("cortex-m33f",),
            flash=MemoryRegion(0x1000_0000, 4 * _MIB),
            ram=MemoryRegion(0x3800_0000, 4 * _MIB),
            defines={"HIL_MPS2_UART0": "0x50200000", "HIL_MPS2_CLOCK_HZ": "20000000"},
        ),
    )
}


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
    """Choose where the profile's firmware runs: the user's machine, else the most faithful one.

    ``available`` are machine names to choose from; None asks QEMU.

    Raises:
        UsageError: the machine is unknown, is not of the chip's core or has less memory than the
            chip; or none of the profile's machines is there.
        MissingTool: there is no QEMU.
    """
    if available is None:
        available = usable_machines(probe(find_qemu()))
    if machine is not None:
        return _platform(profile, _asked_for(profile, machine, available))
    for name in _named(profile):
        if name in available and _mismatch(profile, MACHINES[name]) is None:
            return _platform(profile, MACHINES[name])
    raise UsageError(
        f"no machine of the profile '{profile.name}' can be emulated here "
        f"(it names {', '.join(profile.emulation.get('qemu', ())) or 'none'})",
        hint=f"{_suitable(profile, available)}; a newer QEMU may have more",
    )


def roomiest(platform: Platform, available: Sequence[str] | None = None) -> Platform:
    """Return the machine of ``platform``'s core with the most RAM, all of it: for firmware that
    finds out how much memory something needs. ``platform`` itself where none has more.
    """
    if available is None:
        available = usable_machines(probe(find_qemu()))
    known = [MACHINES[name] for name in available if name in MACHINES]
    fitting = [machine for machine in known if platform.core in machine.cores]
    best = max(fitting, key=lambda machine: machine.ram.size, default=None)
    if best is None or best.ram.size <= platform.ram.size:
        return platform
    return replace(
        platform,
        machine=best.name,
        port=best.port,
        flash=best.flash,
        ram=best.ram,
        exact=False,
        defines=best.defines,
    )


def _named(profile: Profile) -> list[str]:
    """The machines of the profile that hil knows, the most faithful first; all if it names none."""
    return [name for name in profile.emulation.get("qemu", MACHINES) if name in MACHINES]


def _asked_for(profile: Profile, name: str, available: Sequence[str]) -> Machine:
    machine = MACHINES.get(name)
    if machine is None or name not in available:
        state = "is not in this QEMU" if machine else "is unknown"
        raise UsageError(
            f"the emulator machine '{name}' {state}", hint=_suitable(profile, available)
        )
    if reason := _mismatch(profile, machine):
        raise UsageError(
            f"the machine '{name}' cannot stand in for {profile.chip.part}: {reason}",
            hint=_suitable(profile, available),
        )
    return machine


def _mismatch(profile: Profile, machine: Machine) -> str | None:
    """Why the chip's firmware cannot run on the machine; None where it can."""
    if profile.chip.core not in machine.cores:
        return f"it runs {' and '.join(machine.cores)}, the chip has a {profile.chip.core}"
    for what, has, needs in (
        ("flash", machine.flash.size, profile.flash.size_bytes),
        ("RAM", machine.ram.size, profile.main_ram.size_bytes),
    ):
        if needs > has:
            return f"it has {has} bytes of {what}, the chip {needs}"
    return None


def _suitable(profile: Profile, available: Sequence[str]) -> str:
    """The machines here that could run the profile, as a sentence for a hint."""
    names = [n for n in available if n in MACHINES and _mismatch(profile, MACHINES[n]) is None]
    if not names:
        return f"this QEMU has no machine for {profile.chip.core} with the chip's memory sizes"
    return f"available for {profile.chip.core} here: {', '.join(names)}"


def _platform(profile: Profile, machine: Machine) -> Platform:
    exact = profile.chip.part in machine.chips
    note = (
        ""
        if exact
        else f"{machine.name} stands in for {profile.chip.part}: same core, the chip's memory "
        "sizes; no peripherals of the chip"
    )
    return Platform(
        target="qemu",
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
    for name in dict.fromkeys((*_named(profile), *MACHINES)):
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
