"""The Renode target: runs a firmware in Antmicro's emulator, as a second opinion to the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.devices import Profile
from hil.errors import LinkError
from hil.files import temporary_folder
from hil.records import BlockProfile, Finding, Firmware, Platform
from hil.targets import execution_record
from hil.targets.dut.client import DutClient, MemoryAccess
from hil.targets.dut.link import Link, LinkClosed
from hil.targets.interface import Options
from hil.targets.renode import executable, platforms, profiler
from hil.targets.renode.memory import MonitorMemory
from hil.targets.renode.process import RenodeProcess
from hil.targets.renode.script import path
from hil.targets.session import symbolizer

_TERMINAL = "hil_uart"


@dataclass(eq=False)
class RenodeSession:
    """See :class:`hil.targets.interface.Session`; ``record`` is the profiler's file."""

    client: DutClient
    memory: MemoryAccess | None
    tool: str
    command: tuple[str, ...]
    process: RenodeProcess = field(repr=False)
    record: Path
    windows: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def profiles(self, n_ops: int) -> Sequence[BlockProfile]:
        """See :class:`hil.targets.interface.Session`."""
        self.process.check()
        self.process.quit()
        if not self.windows:
            return ()
        profiles = execution_record.read(self.record, n_ops)
        if len(profiles) != self.windows:
            reasons = " | ".join(self.process.logged_errors())
            raise LinkError(
                f"the emulator's profiler recorded {len(profiles)} inferences instead of "
                f"{self.windows}" + (f"; Renode: {reasons}" if reasons else ""),
                hint="is there space for temporary files? If so, run again with --keep DIR and "
                "compare the firmware with docs/protocol.md (Marks)",
            )
        return profiles

    def kill(self) -> None:
        """See :class:`hil.targets.interface.Session`."""
        self.process.kill()


class RenodeTarget:
    """Renode's Cortex-M cores: exact block counts, from which time is modelled."""

    name = "renode"
    title = "Renode"
    rank = 20
    scarce = True

    def tool(self) -> str:
        """See :class:`hil.targets.interface.Target`."""
        return executable.version(executable.find_renode())

    def findings(self) -> Sequence[Finding]:
        """See :class:`hil.targets.interface.Target`."""
        return executable.findings()

    def platform(self, profile: Profile, machine: str | None = None) -> Platform:
        """See :class:`hil.targets.interface.Target`; Renode is looked for as well."""
        platform = platforms.choose_platform(profile, machine)
        self.tool()
        return platform

    def roomiest(self, platform: Platform) -> Platform:
        """See :class:`hil.targets.interface.Target`."""
        return platforms.roomiest(platform)

    @contextmanager
    def open(
        self, firmware: Firmware, platform: Platform, options: Options
    ) -> Iterator[RenodeSession]:
        """See :class:`hil.targets.interface.Target`; ``auto`` is ``direct``, by the monitor."""
        renode = executable.find_renode()
        with temporary_folder("renode") as folder:
            record = folder / "profile.bin"
            profiled = profiler.commands(firmware, platform, options, record)

            def commands(port: int) -> list[str]:
                return [*_load(firmware, platform, port), *profiled, "start"]

            with RenodeProcess(
                renode,
                commands,
                folder=folder,
                symbolize=symbolizer(firmware.elf),
            ) as process:
                link = Link(process.uart, name="the emulated device")
                client = DutClient(
                    link, timeout_s=options.timeout_s, symbolize=symbolizer(firmware.elf)
                )
                try:
                    client.wait_ready()
                    yield RenodeSession(
                        client=client,
                        memory=MonitorMemory(process, folder)
                        if options.load != "protocol"
                        else None,
                        tool=executable.version(renode),
                        command=process.command,
                        process=process,
                        record=record,
                        windows=options.profile_windows,
                    )
                    with suppress(LinkClosed):  # ended by the user of the session
                        process.check()
                except LinkError as error:
                    explained = process.explain(error)
                    if explained is error:
                        raise
                    raise explained from error


def _load(firmware: Firmware, platform: Platform, port: int) -> list[str]:
    """The monitor's commands for a machine with the firmware in it and its UART at a socket."""
    return [
        f'mach create "{platform.machine}"',
        f"machine LoadPlatformDescription {path(platforms.description(platform.machine))}",
        f"sysbus LoadELF {path(firmware.elf)}",
        f'emulation CreateServerSocketTerminal {port} "{_TERMINAL}" false',
        f"connector Connect sysbus.uart {_TERMINAL}",
        "emulation SetGlobalAdvanceImmediately true",
    ]
