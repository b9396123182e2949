"""The QEMU target: runs a firmware in an emulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil import files
from hil.devices import Profile
from hil.errors import LinkError
from hil.firmware.program import Program
from hil.records import BlockProfile, Finding, Firmware, Platform
from hil.targets import execution_record
from hil.targets.dut.client import DutClient, MemoryAccess
from hil.targets.dut.link import Link, SocketStream
from hil.targets.interface import Options
from hil.targets.profiling import cache_settings
from hil.targets.qemu import board, machines, profiler
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.gdbstub import GdbStub
from hil.targets.qemu.process import QemuProcess, machine_arguments
from hil.targets.qemu.region import run_region
from hil.targets.session import symbolizer


@dataclass(eq=False)
class QemuSession:
    """See :class:`hil.targets.interface.Session`; ``record`` is the profiler's file."""

    client: DutClient
    memory: MemoryAccess | None
    tool: str
    command: tuple[str, ...]
    process: QemuProcess = field(repr=False)
    record: Path
    windows: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def profiles(self, n_ops: int) -> Sequence[BlockProfile]:
        """See :class:`hil.targets.interface.Session`."""
        self.process.quit()
        if not self.windows:
            return ()
        profiles = execution_record.read(self.record, n_ops)
        if len(profiles) != self.windows:
            raise LinkError(
                f"the emulator's profiler recorded {len(profiles)} inferences instead of "
                f"{self.windows}",
                hint="run again with --keep DIR and compare the firmware with docs/protocol.md "
                "(Marks)",
            )
        return profiles

    def kill(self) -> None:
        """See :class:`hil.targets.interface.Session`."""
        self.process.kill()


class QemuTarget:
    """QEMU's Cortex-M machines: exact block counts, from which time is modelled."""

    name = "qemu"
    title = "QEMU"
    rank = 10
    scarce = False

    def tool(self) -> str:
        """See :class:`hil.targets.interface.Target`."""
        return probe(find_qemu()).version

    def findings(self) -> Sequence[Finding]:
        """See :class:`hil.targets.interface.Target`."""
        from hil.targets.qemu.findings import findings

        return findings()

    def platform(self, profile: Profile, machine: str | None = None) -> Platform:
        """See :class:`hil.targets.interface.Target`."""
        return machines.choose_platform(profile, machine=machine)

    def roomiest(self, platform: Platform) -> Platform:
        """See :class:`hil.targets.interface.Target`."""
        return machines.roomiest(platform)

    @contextmanager
    def open(
        self, firmware: Firmware, platform: Platform, options: Options
    ) -> Iterator[QemuSession]:
        """See :class:`hil.targets.interface.Target`; ``auto`` is ``direct``, by the gdbstub."""
        direct = options.load != "protocol"
        qemu = find_qemu()
        with files.temporary_folder("qemu") as folder:
            record = folder / "profile.bin"
            arguments = [
                *machine_arguments(firmware.elf, platform.machine),
                *_profiler_arguments(qemu, firmware, platform, options, record),
            ]
            with QemuProcess(qemu, arguments, folder=folder, debug=direct) as process:
                link = Link(SocketStream(process.uart), name="the emulated device")
                client = DutClient(
                    link, timeout_s=options.timeout_s, symbolize=symbolizer(firmware.elf)
                )
                try:
                    process.resume()
                    client.wait_ready()
                    yield QemuSession(
                        client=client,
                        memory=GdbStub(process.gdb) if direct else None,
                        tool=probe(qemu).version,
                        command=process.command,
                        process=process,
                        record=record,
                        windows=options.profile_windows,
                    )
                except LinkError as error:
                    explained = process.explain(error)
                    if explained is error:
                        raise
                    raise explained from error

    def machine_of(self, profile: Profile, program: Program, asked: str | None) -> str:
        """See :class:`hil.targets.interface.ProgramRunner`."""
        return machines.choose_machine(profile, program, asked, probe(find_qemu()))

    run_region = staticmethod(run_region)
    virtual_platform = staticmethod(board.virtual_platform)
    virtual_board = staticmethod(board.virtual_board)


def _profiler_arguments(
    qemu: Path, firmware: Firmware, platform: Platform, options: Options, record: Path
) -> list[str]:
    if not options.profile_windows:
        return []
    flash = options.flash
    caches = cache_settings(flash, platform.flash) if flash is not None else None
    plugin = profiler.ensure_plugin(qemu)
    return [
        "-plugin",
        profiler.plugin_argument(plugin, firmware.elf, record, options.profile_windows, caches),
    ]
