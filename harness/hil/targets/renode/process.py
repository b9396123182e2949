"""A Renode process: its monitor at a pipe, the guest's UART at a socket, and no process left.

Commands go to Renode's monitor through standard input, one a line; each is followed by an ``echo``,
whose line in the output ends the answer. Renode exits with 0 whatever happened in its monitor: only
the text of an answer says that a command failed (``_FAILURES``). Its log goes to a file, because in
the output it would come in the midst of the monitor's lines.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hil import children
from hil.errors import LinkError, MissingTool, RunFailed
from hil.targets.dut.link import LinkClosed
from hil.targets.renode.cache import UserFolder
from hil.targets.renode.console import Console
from hil.targets.renode.executable import install_hint
from hil.targets.renode.guest import MARK_COMMAND, GuestLog, UartStream
from hil.targets.renode.script import path

_START_S = 60.0
_ANSWER_S = 30.0
_DYING_S = 2.0
_PORTS_TRIED = 5
_LINES_SHOWN = 6
_STARTED = "hil: started"
_FLAGS = ("--disable-xwt", "--plain", "--console", "--hide-log")
_WARNINGS = 2  # the monitor's number of the log level

# What the monitor says of a command that failed (Renode 1.16.1).
_FAILURES = re.compile(
    r"There was an error executing command|No such command or device|File does not exist|"
    r"Could not find file|Errors during compilation|Failed to download|Could not tokenize|"
    r"Error E\d+:|No such variable|Bad parameters for command"
)
_PROMPT = re.compile(r"^\([^()\s]+\) ?")
_OWN = ("logLevel ", "log ", "sysbus LoadBinary ", "sysbus ReadBytes ", 'echo "hil: ', "hil: ")
_PORT_TAKEN = re.compile(r"AddressAlreadyInUse|Address already in use")
# A process beside Renode that waits until hil has ended, however, and then ends Renode's group:
# the launcher may be a script, whose children no parent death signal reaches.
_GUARD = 'read -r _; kill -KILL "-$0"'


class RenodeProcess:
    """A context manager around one Renode that runs the monitor's ``commands`` when it starts.

    ``commands`` is called with the TCP port of the guest's UART. Ctrl-C in a terminal reaches
    Python alone, which ends Renode in ``__exit__``. ``symbolize`` names functions, for messages.

    Raises on entering:
        MissingTool: Renode cannot be started, or ended before it was ready.
        RunFailed: a command failed, or Renode was not ready in time; its messages are in the error.
    """

    def __init__(
        self,
        renode: Path,
        commands: Callable[[int], Sequence[str]],
        *,
        folder: Path,
        symbolize: Callable[[int], str | None],
    ) -> None:
        self.command: tuple[str, ...] = ()
        self._renode = renode
        self._commands = commands
        self._folder = folder
        self._user = UserFolder(folder, renode)
        self._log = GuestLog(folder / "renode.log", symbolize)
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Console | None = None
        self._uart: UartStream | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._answers = 0
        self._marks = 0
        self._has_quit = False

    @property
    def uart(self) -> UartStream:
        """The protocol's transport."""
        assert self._uart is not None
        return self._uart

    def __enter__(self) -> Self:
        try:
            for left in reversed(range(_PORTS_TRIED)):
                if self._try_to_start(last=left == 0):
                    break
                self._end()
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

    def check(self) -> None:
        """Wait for what Renode has to say of the guest until now; does nothing once it has quit.

        Raises:
            DeviceFault: the guest did what its chip would have answered with a fault.
            RunFailed, LinkClosed: as :meth:`ask`.
        """
        if self._has_quit:
            return
        self._marks += 1
        self.ask(MARK_COMMAND)
        self._log.wait_for_marks(self._marks, _ANSWER_S)
        if self._log.fault():
            raise self._log.error()

    def quit(self) -> None:
        """End Renode on purpose; what it wrote until the guest's last answer is complete."""
        self._has_quit = True
        self._end()

    def logged_errors(self) -> list[str]:
        """Return the last errors in Renode's log, also after its end."""
        return [line for line in self._log.tail(_LINES_SHOWN) if line.startswith("[ERROR]")]

    def kill(self) -> None:
        """End Renode at once, from any thread; ``__exit__`` still tidies up."""
        if (process := self._process) is not None:
            children.kill(process)

    def ask(self, command: str) -> list[str]:
        """Carry out one command of the monitor and return the lines of its answer.

        Raises:
            RunFailed: the command failed, or was not answered in time.
            LinkClosed: Renode is gone.
        """
        lines = self._exchange(command)
        if any(map(_FAILURES.search, lines)):
            raise RunFailed(
                f"Renode refused '{command}': {_joined(lines)}",
                hint="try another release of Renode; `hil doctor` names the one that is tested",
            )
        return lines

    def explain(self, error: LinkError) -> RunFailed:
        """Return what is to be raised for a broken link: a fault of the guest, or Renode's end."""
        if self._has_quit or self._process is None:
            return error
        if self._log.fault():
            return self._log.error()
        code = self._exit_code(_DYING_S if isinstance(error, LinkClosed) else 0.0)
        if code is None:
            return error
        return RunFailed(
            f"Renode ended early with {children.how_it_ended(code)}: {self._last_words()}",
            hint="try the command by hand, it is in the run's provenance",
        )

    # --- start ---

    def _try_to_start(self, *, last: bool) -> bool:
        """Start Renode and connect the UART; False where another program took the port first."""
        port = _free_port()
        self._start(self._commands(port))
        if not self._console.wait_for(_started_or_failed, _START_S):
            raise self._not_ready()
        lines = self._console.lines()
        if any(map(_FAILURES.search, lines)):
            lines = self._rest_of_message()
            if _PORT_TAKEN.search("\n".join(lines)) and not last:
                return False
            raise _refused(lines)
        self._connect(port)
        self._user.keep()
        return True

    def _start(self, commands: Sequence[str]) -> None:
        self.command = (str(self._renode), *self._arguments(commands))
        if not os.access(self._renode, os.X_OK):  # the wrapper would hide it
            raise MissingTool(f"{self._renode} is not an executable file", hint=install_hint())
        try:
            self._process = children.start(
                self.command,
                die_with_parent=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={**os.environ, **self._user.environment},
            )
            guard = ["sh", "-c", _GUARD, str(self._process.pid)]
            self._guard = children.start(guard, stdin=subprocess.PIPE)
        except OSError as error:
            raise MissingTool(
                f"cannot start {self._renode}: {error}", hint=install_hint()
            ) from error
        assert self._process.stdout is not None
        self._output = Console(self._process.stdout)

    def _arguments(self, commands: Sequence[str]) -> list[str]:
        log = (f"logLevel {_WARNINGS}", f"logFile {path(self._log.file)} true")
        executed = (*log, *commands, f'echo "{_STARTED}"')
        config = ("--config", str(self._user.config))
        return [*_FLAGS, *config, *(word for one in executed for word in ("-e", one))]

    def _rest_of_message(self) -> list[str]:
        """A message may have several lines: have the monitor say something after it."""
        with contextlib.suppress(RunFailed):
            self._exchange("")
        return self._console.lines()

    def _connect(self, port: int) -> None:
        try:
            connected = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S)
        except OSError as error:
            raise RunFailed(
                f"Renode does not listen at the socket of the guest's UART, port {port}: {error}",
                hint="a firewall of this computer may forbid it",
            ) from error
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._uart = UartStream(connected, self._log)

    def _not_ready(self) -> RunFailed | MissingTool:
        code = self._exit_code(_DYING_S if self._console.ended else 0.0)
        if code is None:
            return RunFailed(
                f"Renode was not ready after {_START_S:g} s: {self._last_words()}",
                hint="is the machine overloaded? Try the command by hand: "
                f"{self._renode} {' '.join(_FLAGS)}",
            )
        return MissingTool(
            f"Renode ended with {children.how_it_ended(code)} before it was ready: "
            f"{self._last_words()}",
            hint=f"does `{self._renode} --version` work? If not, {install_hint()}",
        )

    # --- while it runs, and its end ---

    @property
    def _console(self) -> Console:
        assert self._output is not None
        return self._output

    def _exchange(self, command: str) -> list[str]:
        """Send a command; return the lines after it, up to the ``echo`` that follows it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._answers += 1
        end = f"hil: answer {self._answers}"
        since = self._console.position()
        try:
            self._process.stdin.write(f'{command}\necho "{end}"\n'.encode())
            self._process.stdin.flush()
        except OSError as error:
            raise LinkClosed(f"Renode's monitor is gone ({error})") from error
        if not self._console.wait_for(lambda line: line.strip() == end, _ANSWER_S, since):
            if self._exit_code(_DYING_S if self._console.ended else 0.0) is not None:
                raise LinkClosed("Renode's monitor is gone")
            raise RunFailed(
                f"Renode's monitor did not answer '{command}' within {_ANSWER_S:g} s",
                hint="is the machine overloaded, or the process stopped?",
            )
        lines = [line.strip() for line in self._console.lines(since)]
        return [line for line in lines if not line.endswith((command, f'"{end}"', end))]

    def _exit_code(self, wait_s: float) -> int | None:
        """Renode's exit code, waiting for one that is just dying; None while it lives."""
        assert self._process is not None
        try:
            code = self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None
        self._console.join(_DYING_S)
        return code

    def _last_words(self) -> str:
        printed = _said(self._console.lines())
        return " | ".join([*printed, *self._log.tail(_LINES_SHOWN)][-_LINES_SHOWN:]) or (
            "it printed nothing"
        )

    def _end(self) -> None:
        """Kill Renode with everything it started, whatever state it is in."""
        if self._guard is not None:
            children.end(self._guard)
            self._guard = None
        if self._process is not None:
            if self._process.returncode is not None:  # a launcher that left its program behind
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            children.end(self._process)
            self._process = None
        if self._uart is not None:
            self._uart.close()


def _free_port() -> int:
    """A TCP port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port


def _started_or_failed(line: str) -> bool:
    return line.strip() == _STARTED or _FAILURES.search(line) is not None


def _said(lines: Sequence[str]) -> list[str]:
    """What Renode said, without its prompt, our commands and empty lines."""
    said = (_PROMPT.sub("", line.strip()) for line in lines)
    return [line for line in said if line and not line.startswith(_OWN)]


def _refused(lines: Sequence[str]) -> RunFailed:
    said = _said(lines)
    first = next((at for at, line in enumerate(said) if _FAILURES.search(line)), 0)
    return RunFailed(
        f"Renode cannot load the platform or the firmware: {_joined(said[first:])}",
        hint="the platform files and the profiler are for Renode 1.16 (`hil doctor`)",
    )


def _joined(lines: Sequence[str]) -> str:
    return " | ".join(_said(lines)[:_LINES_SHOWN]) or "no message"
