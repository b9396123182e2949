"""The flasher ``gdb``: any server that speaks gdb's remote protocol (OpenOCD, pyOCD, J-Link, Black
Magic Probe, an emulator), driven by ``gdb-multiarch`` or ``arm-none-eabi-gdb``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil import files
from hil.errors import FlashFailed, HilError, MissingTool, UsageError
from hil.records import Finding
from hil.targets.flash import tool
from hil.targets.flash.elf import checked
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.tool import Output, Words

_PROGRAMS = ("gdb-multiarch", "arm-none-eabi-gdb")
_PACKAGE = "sudo apt-get install -y gdb-multiarch"
_INSTALL = f"install it with: {_PACKAGE}"
_RESET = "monitor system_reset"
_OPTIONS = ("server", "reset", "program")
_SERVER = re.compile(r"(?:tcp:)?[\w.:\[\]-]+:\d{1,5}|/dev/[\w./-]+", re.ASCII)
_DONE = "hil: all commands were carried out"
_START_CHECK = "start the server, or correct `server` of the board's flasher (HOST:PORT)"
# Messages of gdb 13 (gdb/ser-tcp.c, gdb/remote.c, gdb/symfile.c, gdb/cli/cli-cmds.c).
_KNOWN = (
    Words("could not connect", "no gdb server answers", _START_CHECK, MissingTool),
    Words("cannot resolve name", "the gdb server's host is unknown", _START_CHECK, MissingTool),
    Words("Connection refused", "no gdb server answers", _START_CHECK, MissingTool),
    Words("Connection timed out", "no gdb server answers", _START_CHECK, MissingTool),
    Words(
        "MIS-MATCHED",
        "the flash differs from the firmware after it was written",
        "flash it again; if that fails again, is the flash locked, or the wrong chip's?",
    ),
    Words(
        "Remote connection closed",
        "the gdb server closed the connection",
        "look at the server's own messages: did the board lose its supply?",
    ),
    Words(
        "Remote communication error",
        "the connection to the gdb server broke",
        "look at the server's own messages",
    ),
    Words(
        "Remote replied unexpectedly",
        "what answers there is not a gdb server",
        _START_CHECK,
    ),
    Words(
        "Load failed",
        "the firmware cannot be written",
        "is the flash locked, and is this the board that the profile says?",
    ),
    Words(
        "Error erasing flash",
        "the flash cannot be erased",
        "is the flash locked (readout or write protection)?",
    ),
    Words(
        "Error finishing flash operation",
        "the flash cannot be written",
        "is the flash locked (readout or write protection)?",
    ),
    Words(
        "Cannot access memory",
        "the gdb server refuses an address of the firmware",
        "is this the board that the profile says?",
    ),
)


class GdbFlasher:
    """See :class:`hil.targets.flash.interface.Flasher`.

    Options: ``server`` (``HOST:PORT`` or a device such as ``/dev/ttyACM0``; needed), ``reset``
    (gdb's command that resets the board, default ``monitor system_reset``, as emulators have it)
    and ``program`` (which gdb).
    """

    name = "gdb"
    title = "gdb"

    def tool(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        return _version(_program(_options(job)))

    def findings(self) -> Sequence[Finding]:
        """See :class:`Flasher`."""
        try:
            found: str | HilError = _version(_program({}))
        except HilError as error:
            found = error
        return tool.findings(self.name, _PACKAGE, found)

    def flash(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        checked(job.elf)
        output = _run(job, ["load", "compare-sections"])
        if "Start address" not in output.text or ": matched." not in output.text:
            raise FlashFailed(
                f"gdb did not confirm what it wrote: {output.last_words()}",
                hint="try the commands by hand: load, compare-sections",
            )
        return output.text

    def reset(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        return _run(job, []).text

    def probes(self) -> Sequence[str]:
        """See :class:`Flasher`; the server knows them."""
        return ()


def _options(job: FlashJob) -> Mapping[str, str]:
    """The board's options, valid.

    Raises:
        UsageError: one is unknown, missing or invalid, or a probe is named.
    """
    given = tool.options(job, _OPTIONS, "gdb")
    if job.probe is not None or job.arguments:
        raise UsageError(
            "the flasher 'gdb' takes neither a probe nor arguments of a profile",
            hint="the gdb server chooses the probe; `server` says where it is",
        )
    if not (server := given.get("server")):
        raise UsageError(
            "the flasher 'gdb' needs the option 'server'",
            hint="HOST:PORT of a gdb server, such as localhost:3333",
        )
    if not _SERVER.fullmatch(server):
        raise UsageError(
            f"invalid gdb server '{server}'", hint="HOST:PORT, or a device such as /dev/ttyACM0"
        )
    return given


def _program(given: Mapping[str, str]) -> Path:
    asked = given.get("program")
    program = asked or next(filter(shutil.which, _PROGRAMS), _PROGRAMS[0])
    return tool.find(program, _INSTALL)


def _version(program: Path) -> str:
    return tool.version(
        [program, "-nx", "-nh", "--version"], "GNU gdb", title=str(program), hint=_INSTALL
    )


def _run(job: FlashJob, commands: Sequence[str]) -> Output:
    """Carry out commands of gdb's at the server, then reset the board and leave it running."""
    given = _options(job)
    reset = [part.strip() for part in given.get("reset", _RESET).split(";") if part.strip()]
    script = [
        "set pagination off",
        "set confirm off",
        "set tcp auto-retry off",
        "set remotetimeout 10",
        # The board stops in another firmware than the symbols': its arguments cannot be read.
        "set print frame-arguments none",
        f"target extended-remote {given['server']}",
        *commands,
        *reset,
        "detach",
        f"echo {_DONE}\\n",
    ]
    with files.temporary_folder("gdb") as folder:
        file = folder / "commands.gdb"
        file.write_text("\n".join(script) + "\n", encoding="utf-8")
        command: list[str | Path] = [
            _program(given),
            "-nx",
            "-nh",
            "-batch",
            "-x",
            file,
            job.elf.absolute(),
        ]
        output = tool.run(command, job.timeout_s, title="gdb")
    failed = output.code or _DONE not in output.text
    if failed or "MIS-MATCHED" in output.text:
        tool.refuse(output, _KNOWN, title="gdb")
    if failed:
        raise FlashFailed(
            f"gdb failed: {output.last_words()}",
            hint="look at the gdb server's own messages; `reset` of the board's flasher must be a "
            "command that the server knows",
        )
    return output
