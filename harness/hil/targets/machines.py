"""Machines of emulators that can run our firmware, and the choice among them.

A machine *is* a chip where its model is that chip's; elsewhere it stands in for chips of the same
core, and the platform's note says so: the firmware is then linked with the chip's sizes at the
machine's origins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hil.devices import Profile
from hil.errors import UsageError
from hil.records import MemoryRegion, Platform

MIB = 1024 * 1024


@dataclass(frozen=True)
class Machine:
    """A machine of an emulator. ``cores`` are the profile cores whose code it executes.

    ``chips`` are the parts that the machine models itself (flash, RAM and UART at their places).
    ``device`` is a device type that the emulator must have for the machine to be of use to us.
    """

    name: str
    port: str
    cores: tuple[str, ...]
    flash: MemoryRegion
    ram: MemoryRegion
    chips: tuple[str, ...] = ()
    device: str = ""
    defines: Mapping[str, str] = field(default_factory=dict)


def _without_trustzone(name: str, *cores: str) -> Machine:
    """MPS2 without TrustZone: ZBT SSRAM1 (code) at 0, ZBT SSRAM2&3 (data) at 0x20000000."""
    return Machine(
        name,
        port="mps2",
        cores=cores,
        flash=MemoryRegion(0x0000_0000, 4 * MIB),
        ram=MemoryRegion(0x2000_0000, 4 * MIB),
        defines={"HIL_MPS2_UART0": "0x40004000", "HIL_MPS2_CLOCK_HZ": "25000000"},
    )


# AN505 boots in the secure state: SSRAM1 and SSRAM2&3 at their secure aliases.
MPS2 = (
    _without_trustzone("mps2-an385", "cortex-m3"),
    _without_trustzone("mps2-an386", "cortex-m4", "cortex-m4f"),
    _without_trustzone("mps2-an500", "cortex-m7f"),
    Machine(
        "mps2-an505",
        port="mps2",
        cores=("cortex-m33f",),
        flash=MemoryRegion(0x1000_0000, 4 * MIB),
        ram=MemoryRegion(0x3800_0000, 4 * MIB),
        defines={"HIL_MPS2_UART0": "0x50200000", "HIL_MPS2_CLOCK_HZ": "20000000"},
    ),
)
"""Arm's MPS2 boards, which have a machine for each core and more memory than any chip."""


@dataclass(frozen=True)
class Machines:
    """What an emulator has. ``target`` is the target's name, ``tool`` the emulator's in sentences.

    ``known`` are the machines that hil has data of, the most faithful first.
    """

    target: str
    tool: str
    known: Mapping[str, Machine]

    def choose(self, profile: Profile, asked: str | None, available: Sequence[str]) -> Platform:
        """Choose where the profile's firmware runs: ``asked``, else the most faithful machine.

        ``available`` are names of machines to choose from.

        Raises:
            UsageError: the machine is unknown, is not of the chip's core or has less memory than
                the chip; or none of the profile's machines is there.
        """
        if asked is not None:
            return self._platform(profile, self._asked_for(profile, asked, available))
        for name in self.named(profile):
            if name in available and mismatch(profile, self.known[name]) is None:
                return self._platform(profile, self.known[name])
        raise UsageError(
            f"no machine of the profile '{profile.name}' can be emulated here "
            f"(it names {', '.join(profile.emulation.get(self.target, ())) or 'none'})",
            hint=f"{self._suitable(profile, available)}; a newer {self.tool} may have more",
        )

    def roomiest(self, platform: Platform, available: Sequence[str]) -> Platform:
        """Return the machine of ``platform``'s core with the most RAM, all of it: for firmware that
        finds out how much memory something needs. ``platform`` itself where none has more.
        """
        known = [self.known[name] for name in available if name in self.known]
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

    def named(self, profile: Profile) -> list[str]:
        """Return the machines of the profile that hil knows; where it names none all of them, those
        of the chip itself first.
        """
        part = profile.chip.part
        every = sorted(self.known, key=lambda name: part not in self.known[name].chips)
        return [name for name in profile.emulation.get(self.target, every) if name in self.known]

    def _asked_for(self, profile: Profile, name: str, available: Sequence[str]) -> Machine:
        machine = self.known.get(name)
        if machine is None or name not in available:
            state = f"is not in this {self.tool}" if machine else "is unknown"
            raise UsageError(
                f"the emulator machine '{name}' {state}", hint=self._suitable(profile, available)
            )
        if reason := mismatch(profile, machine):
            raise UsageError(
                f"the machine '{name}' cannot stand in for {profile.chip.part}: {reason}",
                hint=self._suitable(profile, available),
            )
        return machine

    def _suitable(self, profile: Profile, available: Sequence[str]) -> str:
        """The machines here that could run the profile, as a sentence for a hint."""
        known = (self.known[name] for name in available if name in self.known)
        names = [machine.name for machine in known if mismatch(profile, machine) is None]
        if not names:
            core = profile.chip.core
            return f"this {self.tool} has no machine for {core} with the chip's memory sizes"
        return f"available for {profile.chip.core} here: {', '.join(names)}"

    def _platform(self, profile: Profile, machine: Machine) -> Platform:
        exact = profile.chip.part in machine.chips
        note = (
            ""
            if exact
            else f"{machine.name} stands in for {profile.chip.part}: same core, the chip's memory "
            "sizes; no peripherals of the chip"
        )
        return Platform(
            target=self.target,
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


def mismatch(profile: Profile, machine: Machine) -> str | None:
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


def _clock_defines(profile: Profile, machine: Machine, exact: bool) -> Mapping[str, str]:
    """Clock and wait states for a port that sets them: the chip's own, not a stand-in's."""
    if not exact or profile.firmware.port not in (None, machine.port):
        return {}
    return {
        "HIL_CLOCK_HZ": str(profile.clock.hz),
        "HIL_FLASH_WAIT_STATES": str(profile.flash.wait_states),
    }
