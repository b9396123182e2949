"""A virtual board: a machine of QEMU's with an empty flash, on a pty, with a gdb server.

QEMU has no DWT cycle counter. A virtual board's firmware counts with a timer of the machine
instead (defines of its platform), and QEMU's ``-icount`` gives each instruction a fixed time, so
that counts repeat exactly. They are not a chip's cycles.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from hil import children, files
from hil.devices import Profile
from hil.errors import LinkError, RunFailed, UsageError
from hil.records import Platform
from hil.targets.qemu import machines
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.process import QemuProcess, board_arguments


@dataclass(frozen=True)
class _Counter:
    """How a machine counts: 2 ** ``icount_shift`` ns an instruction, the defines of its timer."""

    icount_shift: int
    defines: Mapping[str, str]


_TIMER_0 = {"HIL_OWN_COUNTER": "1", "HIL_MPS2_TIMER": "0x40000000"}
_SECURE_TIMER_0 = {**_TIMER_0, "HIL_MPS2_TIMER": "0x50000000"}
# Ticks of 40 ns (an505: 50 ns), instructions of 64 ns: 1.6 (1.28) ticks an instruction, about what
# a Cortex-M takes with its waits.
COUNTERS: Mapping[str, _Counter] = {
    "mps2-an385": _Counter(6, _TIMER_0),
    "mps2-an386": _Counter(6, _TIMER_0),
    "mps2-an500": _Counter(6, _TIMER_0),
    "mps2-an505": _Counter(6, _SECURE_TIMER_0),
}


@dataclass(eq=False)
class QemuBoard:
    """See :class:`hil.targets.interface.EmulatedBoard`."""

    platform: Platform
    port: str
    server: str
    tool: str
    command: tuple[str, ...]
    process: QemuProcess = field(repr=False)

    def wait(self) -> None:
        """See :class:`hil.targets.interface.EmulatedBoard`."""
        if code := self.process.exit_code(None):
            raise RunFailed(
                f"the virtual board ended with {children.how_it_ended(code)}: "
                f"{self.process.last_words() or 'QEMU printed nothing'}",
                hint="QEMU gives up ('Lockup') where a firmware's fault handler faults, or its "
                "vector table is empty; start the board again and flash another firmware",
            )


def virtual_platform(profile: Profile, machine: str | None = None) -> Platform:
    """See :meth:`hil.targets.interface.BoardEmulator.virtual_platform`."""
    usable = [name for name in machines.usable_machines(probe(find_qemu())) if name in COUNTERS]
    any_machine = profile.model_copy(update={"emulation": {}})  # the profile's need not count
    platform = machines.choose_platform(any_machine, machine=machine, available=usable)
    defines = {**platform.defines, **COUNTERS[platform.machine].defines}
    if platform.port == "mps2":
        defines["HIL_MPS2_CLOCK_HZ"] = str(profile.clock.hz)
    return replace(platform, defines=defines)


@contextlib.contextmanager
def virtual_board(platform: Platform) -> Iterator[QemuBoard]:
    """See :meth:`hil.targets.interface.BoardEmulator.virtual_board`."""
    if platform.machine not in COUNTERS:
        raise UsageError(
            f"the machine '{platform.machine}' cannot be a virtual board",
            hint=f"machines of virtual boards: {', '.join(COUNTERS)}",
        )
    qemu = find_qemu()
    arguments = board_arguments(platform.machine, COUNTERS[platform.machine].icount_shift)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(files.temporary_folder("board"))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        process = QemuProcess(qemu, arguments, folder=folder, listener=listener)
        stack.enter_context(process)
        port = _terminal(process)
        # QEMU looks only once a second whether somebody opened an unused pty, and would miss what
        # is sent meanwhile: one that is held open is always connected.
        stack.callback(os.close, os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        host, number = listener.getsockname()
        listener.close()  # QEMU has it
        yield QemuBoard(
            platform=platform,
            port=port,
            server=f"{host}:{number}",
            tool=probe(qemu).version,
            command=process.command,
            process=process,
        )


def _terminal(process: QemuProcess) -> str:
    try:
        return process.terminal()
    except LinkError as error:
        raise process.explain(error) from error
