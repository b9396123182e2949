"""A QEMU process: started paused with its sockets connected, and gone again on every way out.

QEMU inherits one end of a socket pair each for the UART, for QMP and, where asked, for its
gdbstub. There is no port to race for, no file to clean up, and no boot byte is lost because the
UART is attached before the guest runs. A board (``listener``) has a pseudo-terminal and a gdb
server instead, for other programs to connect to.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hil import children
from hil.errors import LinkError, MissingTool, RunFailed
from hil.targets.dut.link import LinkClosed
from hil.targets.qemu.emulator import INSTALL_HINT

_START_S = 20.0
_QUIT_S = 2.0
_DYING_S = 2.0
# What the guest prints goes to QEMU's stdout, opened anew because QEMU makes it non-blocking.
_SEMIHOSTING = (
    *("-chardev", "file,id=semihosting,path=/dev/stdout"),
    *("-semihosting-config", "enable=on,target=native,chardev=semihosting"),
)
_BARE = ("-display", "none", "-nodefaults", "-S")
_HARMLESS = ("has no peer",)  # every MPS2 machine has a network card that we leave unconnected


class QemuProcess:
    """A context manager around one QEMU. The guest is paused until :meth:`resume`.

    Ctrl-C in a terminal reaches Python alone, which ends QEMU in ``__exit__``. Should Python itself
    be killed, the kernel kills QEMU (:func:`hil.children.start`); to it, the parent is the thread
    that entered.

    Raises on entering:
        MissingTool: QEMU cannot be started at all.
        RunFailed: QEMU ended at once; its messages are in the error.
    """

    def __init__(
        self,
        qemu: Path,
        arguments: Sequence[str],
        *,
        folder: Path,
        debug: bool = False,
        semihosting: bool = False,
        listener: socket.socket | None = None,
    ) -> None:
        self._folder = folder
        self._listener = listener
        self._semihosting = semihosting
        self._messages = folder / "qemu.log"
        self._ours: dict[str, socket.socket] = {}
        self._theirs: dict[str, socket.socket] = {}
        names = ["qmp"] if listener else ["uart", "qmp", *(["gdb"] if debug else [])]
        for name in names:
            self._ours[name], self._theirs[name] = socket.socketpair()
        self.command = (str(qemu), *arguments, *self._socket_arguments())
        if semihosting:
            self.command += _SEMIHOSTING
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp_received = b""
        self._has_quit = False

    @property
    def uart(self) -> socket.socket:
        """The socket at the other end of the guest's UART."""
        return self._ours["uart"]

    @property
    def gdb(self) -> socket.socket:
        """The socket of the gdbstub, where ``debug`` was asked for."""
        return self._ours["gdb"]

    @property
    def console(self) -> int:
        """File descriptor of what the guest prints through semihosting, where that was asked for.

        It must be read all the time: once 64 KiB are unread the guest waits, and QEMU with it.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    @property
    def pid(self) -> int:
        """The process, which is also its own process group."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self._start()
            self._qmp("qmp_capabilities")
        except LinkError as error:
            explained = self.explain(error)
            self._end()
            raise explained from error
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def resume(self) -> None:
        """Let the guest run."""
        self._qmp("cont")

    def quit(self) -> None:
        """End QEMU in good order; one that does not end within 2 s is killed on leaving."""
        assert self._process is not None
        self._has_quit = True
        with contextlib.suppress(LinkError):
            self._qmp("quit")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_QUIT_S)

    def kill(self) -> None:
        """End QEMU at once, from any thread; ``__exit__`` still tidies up."""
        if self._process is not None:
            children.kill(self._process)

    def exit_code(self, wait_s: float | None = 0.0) -> int | None:
        """QEMU's exit code (the guest's, by semihosting), waiting for one that is just dying.

        None while it lives; with ``wait_s`` None the call waits for its end.
        """
        if self._process is None:
            return None
        try:
            return self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None

    def terminal(self) -> str:
        """Path of the pseudo-terminal at the other end of a board's UART.

        Raises:
            LinkError: QEMU does not answer.
        """
        devices: list[dict[str, str]] = self._qmp("query-chardev")
        (name,) = (one["filename"] for one in devices if one["label"] == "uart")
        return name.removeprefix("pty:")

    def registers(self) -> str:
        """Text of the CPU's registers, as QEMU's monitor shows it (``R15=``, ``XPSR=``).

        Raises:
            LinkError: QEMU does not answer within 1 s.
        """
        arguments = {"command-line": "info registers"}
        return str(self._qmp("human-monitor-command", arguments, wait_s=1.0))

    def explain(self, error: LinkError) -> RunFailed:
        """Return what is to be raised for a broken link: QEMU's end, where it ended early."""
        if self._has_quit:
            return error
        code = self.exit_code(_DYING_S if isinstance(error, LinkClosed) else 0.0)
        if code is None:
            return error
        return RunFailed(
            f"QEMU ended early with {children.how_it_ended(code)}: "
            f"{self.last_words() or 'it printed nothing'}",
            hint="a guest whose fault handler faults makes QEMU give up ('Lockup'); otherwise try "
            "the command by hand, it is in the run's provenance",
        )

    def _socket_arguments(self) -> list[str]:
        arguments = []
        for name, end in self._theirs.items():
            arguments += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        if self._listener is not None:
            server = f"server=on,wait=off,nodelay=on,fd={self._listener.fileno()}"
            arguments += ["-chardev", "pty,id=uart", "-chardev", f"socket,id=gdb,{server}"]
        arguments += ["-serial", "chardev:uart", "-mon", "chardev=qmp,mode=control"]
        debug = self._listener is not None or "gdb" in self._theirs
        return arguments + (["-gdb", "chardev:gdb"] if debug else [])

    def _inherited(self) -> list[int]:
        """Descriptors that QEMU needs."""
        ends = [*self._theirs.values(), *([self._listener] if self._listener else [])]
        return [end.fileno() for end in ends]

    def _start(self) -> None:
        if not os.access(self.command[0], os.X_OK):  # the wrapper would hide it
            raise MissingTool(f"{self.command[0]} is not an executable file", hint=INSTALL_HINT)
        try:
            with self._messages.open("wb") as messages:
                self._process = children.start(
                    self.command,
                    die_with_parent=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if self._semihosting else messages,
                    stderr=messages,
                    pass_fds=self._inherited(),
                    cwd=self._folder,
                )
        except OSError as error:
            raise MissingTool(
                f"cannot start {self.command[0]}: {error}", hint=INSTALL_HINT
            ) from error
        for end in self._theirs.values():
            end.close()
        self._qmp_line(time.monotonic() + _START_S)  # the greeting

    def _end(self) -> None:
        """Kill QEMU with everything it started, whatever state it is in."""
        if self._process is not None:
            children.end(self._process)
        for end in (*self._ours.values(), *self._theirs.values()):
            end.close()

    def messages(self) -> str:
        """What QEMU itself said so far."""
        return self._messages.read_text(encoding="utf-8", errors="replace")

    def last_words(self) -> str:
        """The end of what QEMU said, or what it said of a fatal error; "" where it said nothing."""
        text = self.messages()
        lines = [line for line in text.splitlines() if not any(h in line for h in _HARMLESS)]
        fatal = next((at for at, line in enumerate(lines) if "fatal" in line), None)
        return " | ".join(lines[-4:] if fatal is None else lines[fatal : fatal + 4])

    def _qmp(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        wait_s: float = _START_S,
    ) -> Any:
        """Carry out one QMP command and return its result; events are skipped."""
        deadline = time.monotonic() + wait_s
        request = {"execute": command} | ({"arguments": arguments} if arguments else {})
        try:
            self._ours["qmp"].sendall(json.dumps(request).encode())
        except OSError as error:
            raise LinkClosed(f"QEMU's control socket closed ({error})") from error
        while True:
            message = self._qmp_line(deadline)
            if "error" in message:
                raise LinkError(f"QEMU refused '{command}': {message['error'].get('desc')}")
            if "return" in message:
                return message["return"]

    def _qmp_line(self, deadline: float) -> dict[str, Any]:
        control = self._ours["qmp"]
        while b"\n" not in self._qmp_received:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([control], [], [], left)[0]:
                raise LinkError(
                    "QEMU's control socket did not answer in time",
                    hint="is the machine overloaded, or the process stopped?",
                )
            try:
                data = control.recv(65536)
            except OSError as error:
                raise LinkClosed(f"QEMU's control socket closed ({error})") from error
            if not data:
                raise LinkClosed("QEMU's control socket closed")
            self._qmp_received += data
        line, _, self._qmp_received = self._qmp_received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


def machine_arguments(elf: Path, machine: str) -> list[str]:
    """QEMU's command line without its sockets: nothing but the machine, paused."""
    return [*("-M", machine), *("-kernel", str(elf.absolute())), *_BARE, "-no-reboot"]


def board_arguments(machine: str, icount_shift: int) -> list[str]:
    """QEMU's command line of a board: no firmware, a guest that may reset the machine.

    An instruction takes 2 ** ``icount_shift`` ns of the machine's time.
    """
    return [*("-M", machine), *_BARE, *("-icount", f"shift={icount_shift}")]
