"""What the simulators on a pty share: a thread that answers what the host writes."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import threading
import tty
from collections.abc import Iterator


class OnPty:
    """An instrument behind ``path``. A subclass answers bytes in ``heard`` through ``say``."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)  # a write of more than fits would wait for the host
        self.path = os.ttyname(self._slave)
        self._wake_in, self._wake_out = os.pipe()
        self._lock = threading.Lock()
        self._gone = False
        self._outbox = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Answer until the block ends."""
        self._thread.start()
        try:
            yield
        finally:
            self._end()
            self._thread.join()
            for descriptor in (self._wake_in, self._wake_out):
                os.close(descriptor)
            if not self._gone:
                self._close_pty()

    def heard(self, data: bytes) -> None:
        raise NotImplementedError

    def say(self, data: bytes) -> None:
        """Send in the order of calls, without waiting for the host."""
        self._outbox += data

    def unplug(self) -> None:
        """The host's next read or write fails."""
        self._end()
        self._thread.join()
        self._close_pty()

    def _close_pty(self) -> None:
        self._gone = True
        os.close(self._slave)
        os.close(self._master)

    def _end(self) -> None:
        os.write(self._wake_out, b"x")

    def _run(self) -> None:
        while True:
            writers = [self._master] if self._outbox else []
            readable, writable, _ = select.select([self._master, self._wake_in], writers, [])
            if self._wake_in in readable:
                return
            if self._master in readable:
                self.heard(os.read(self._master, 65536))
            if writable:
                with contextlib.suppress(BlockingIOError):
                    sent = os.write(self._master, bytes(self._outbox[:4096]))
                    del self._outbox[:sent]
