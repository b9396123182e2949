"""The host target: firmware as a process of this computer, for outputs at native speed."""

from __future__ import annotations

import platform as computer
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hil import cores, files
from hil.devices import Profile
from hil.errors import HilError, LinkError, UsageError
from hil.firmware.toolchain import HOST_PACKAGES, find_compiler
from hil.records import BlockProfile, Finding, Firmware, MemoryRegion, Platform
from hil.targets.dut.client import DutClient, MemoryAccess
from hil.targets.dut.link import Link
from hil.targets.host.process import HostProcess
from hil.targets.interface import Options


@dataclass(eq=False)
class HostSession:
    """See :class:`hil.targets.interface.Session`."""

    client: DutClient
    memory: MemoryAccess | None
    tool: str
    command: tuple[str, ...]
    kill: Callable[[], None]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def profiles(self, n_ops: int) -> Sequence[BlockProfile]:
        """No profile is recorded."""
        return ()


class HostTarget:
    """This computer: portable kernels, the chip's memory sizes, and no time of the chip's."""

    name = "host"
    title = "this computer"
    rank = 90
    scarce = False

    def tool(self) -> str:
        """See :class:`hil.targets.interface.Target`."""
        return f"{computer.system()} {computer.machine()}"

    def findings(self) -> Sequence[Finding]:
        """See :class:`hil.targets.interface.Target`."""
        name = "host compiler"
        try:
            compiler = find_compiler(cores.HOST.toolchain)
        except HilError as error:
            install = f"sudo apt-get install -y {HOST_PACKAGES}"
            detail = f"{error.message} (only for `--target host`)"
            return [Finding(name, "warn", detail=detail, install=install)]
        return [Finding(name, "ok", compiler.version, str(compiler.path))]

    def platform(self, profile: Profile, machine: str | None = None) -> Platform:
        """See :class:`hil.targets.interface.Target`; the only machine is this computer."""
        own = computer.machine()
        if machine not in (None, own):
            raise UsageError(
                f"the target 'host' has no machine '{machine}'",
                hint=f"leave --emulator-machine out; the machine is this computer ({own})",
            )
        ram = profile.main_ram
        return Platform(
            target=self.name,
            machine=own,
            port="host",
            core=cores.HOST.name,
            flash=MemoryRegion(profile.flash.origin, profile.flash.size_bytes),
            ram=MemoryRegion(ram.origin, ram.size_bytes),
            clock_hz=profile.clock.hz,
            exact=False,
            note=f"ran natively on {own}: outputs are checked; time, energy, stack and code size "
            f"on {profile.chip.part} are not known",
            time=None,
        )

    def roomiest(self, platform: Platform) -> Platform:
        """See :class:`hil.targets.interface.Target`."""
        return platform

    @contextmanager
    def open(
        self, firmware: Firmware, platform: Platform, options: Options
    ) -> Iterator[HostSession]:
        """See :class:`hil.targets.interface.Target`.

        ``direct`` is the process's memory; ``auto`` takes it where the kernel allows that.
        """
        with (
            files.temporary_folder("host") as folder,
            HostProcess(firmware.elf, folder) as process,
        ):
            link = Link(process.stream, name="the firmware's process")
            client = DutClient(link, timeout_s=options.timeout_s)
            try:
                client.wait_ready()
                memory = None
                if options.load != "protocol":
                    memory = process.memory(required=options.load == "direct")
                yield HostSession(client, memory, self.tool(), process.command, process.kill)
            except LinkError as error:
                explained = process.explain(error)
                if explained is error:
                    raise
                raise explained from error
