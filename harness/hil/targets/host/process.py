"""A firmware as a process of this computer, at the other end of a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
import tty
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hil import children
from hil.errors import DeviceFault, LinkError, MissingTool, RunFailed
from hil.targets.dut.link import LinkClosed

_CHUNK = 65536
_DYING_S = 5.0
_LINES_SHOWN = 4
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


class PtyStream:
    """The controlling end of a pseudo-terminal; see :class:`hil.targets.dut.link.Stream`."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._closed = False

    def read(self, timeout_s: float) -> bytes:
        """See :class:`Stream`."""
        if not select.select([self._descriptor], [], [], max(0.0, timeout_s))[0]:
            return b""
        data = os.read(self._descriptor, _CHUNK)  # once the process has ended: OSError (EIO)
        if not data:
            raise ConnectionResetError("closed by the other end")
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        """See :class:`Stream`."""
        deadline = time.monotonic() + timeout_s
        while data:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([], [self._descriptor], [], left)[1]:
                raise TimeoutError("the firmware reads nothing")
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """See :class:`Stream`."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)


class ProcessMemory:
    """Memory of a child process; see :class:`hil.targets.dut.client.MemoryAccess`.

    Raises OSError on creation where the kernel does not allow it (Linux only; the setting
    ``kernel.yama.ptrace_scope`` above 1 forbids it).
    """

    def __init__(self, pid: int) -> None:
        self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)

    def exchange(
        self, reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, bytes]]
    ) -> list[bytes]:
        """See :class:`MemoryAccess`."""
        try:
            found = [os.pread(self._descriptor, size, address) for address, size in reads]
            for address, data in writes:
                os.pwrite(self._descriptor, data, address)
        except OSError as error:
            raise LinkClosed(f"the memory of the firmware's process is gone ({error})") from error
        return found

    def close(self) -> None:
        """Release the memory."""
        os.close(self._descriptor)


class HostProcess:
    """A context manager around one process of a firmware; leaving it ends the process.

    What the process prints itself, beside the protocol, is kept for messages.

    Raises on entering:
        MissingTool: the program cannot be started.
    """

    def __init__(self, elf: Path, folder: Path) -> None:
        self.command = (str(elf.absolute()),)
        self._messages = folder / "output.log"
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._stream: PtyStream | None = None
        self._memory: ProcessMemory | None = None

    def __enter__(self) -> Self:
        ours, theirs = pty.openpty()
        self._stream = PtyStream(ours)
        try:
            tty.setraw(theirs)
            with self._messages.open("wb") as messages:
                self._child = children.start(
                    self.command,
                    die_with_parent=True,
                    stdin=theirs,
                    stdout=messages,
                    stderr=messages,
                    cwd=self._folder,
                )
        except OSError as error:
            self._end()
            raise MissingTool(
                f"cannot start {self.command[0]}: {error}", hint="build it anew on this computer"
            ) from error
        except BaseException:
            self._end()
            raise
        finally:
            os.close(theirs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    @property
    def stream(self) -> PtyStream:
        """The protocol's transport."""
        assert self._stream is not None
        return self._stream

    def memory(self, *, required: bool) -> ProcessMemory | None:
        """Return access to the process's memory; None where there is none.

        Raises:
            LinkError: there is none and it is ``required``.
        """
        assert self._child is not None
        try:
            self._memory = ProcessMemory(self._child.pid)
        except OSError as error:
            if required:
                raise LinkError(
                    f"the memory of the firmware's process cannot be accessed: {error}",
                    hint="--load protocol sends inputs through the terminal",
                ) from error
        return self._memory

    def kill(self) -> None:
        """End the process at once, from any thread."""
        if self._child is not None:
            children.kill(self._child)

    def explain(self, error: LinkError) -> RunFailed:
        """Return what is to be raised for a broken link: how the process ended, if it did."""
        assert self._child is not None
        try:
            code = self._child.wait(_DYING_S if isinstance(error, LinkClosed) else 0)
        except subprocess.TimeoutExpired:
            return error
        said = self._messages.read_text(encoding="utf-8", errors="replace").strip()
        lines = " | ".join(said.splitlines()[-_LINES_SHOWN:]) or "it printed nothing"
        message = f"the firmware ended with {children.how_it_ended(code)}: {lines}"
        if -code in _CRASHES:
            return DeviceFault(
                message.replace("ended", "crashed", 1),
                hint="the engine's code or its kernels have a defect; --keep DIR keeps the ELF and "
                "the sources for a debugger",
            )
        return RunFailed(message, hint="it was ended from outside, or by the system")

    def _end(self) -> None:
        """End the process, whatever state it is in, and close both ends."""
        if self._child is not None:
            children.end(self._child)
        if self._memory is not None:
            self._memory.close()
        if self._stream is not None:
            self._stream.close()
