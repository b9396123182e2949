"""The flasher ``pyocd``: pyOCD 0.46, for CMSIS-DAP, ST-LINK and J-Link probes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil import files
from hil.errors import FlashFailed, HilError, MissingTool, UsageError
from hil.records import Finding
from hil.targets.flash import tool
from hil.targets.flash.elf import checked, parts
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.tool import Output, Words

_PACKAGE = "pip install 'hil[boards]'"
_INSTALL = f"install it with: {_PACKAGE}"
_OPTIONS = ("target", "pack", "frequency", "connect", "program")
_WORD = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_LIST_S = 20.0
_CHECK_PROBE = (
    "`pyocd list` shows the probes; `probe` of the board's flasher is one's unique ID; on Linux "
    "the user needs permission (pyOCD's udev rules, then plug it in again)"
)
_LOCKED_HINT = "the chip is locked (readout protection): `pyocd erase --mass` unlocks and erases it"
_POWER = "is the board supplied, connected to this probe, and the one that the profile says?"
# pyOCD 0.46: core/helpers.py, board/board.py, commands/commands.py, core/exceptions.py,
# target/family/target_nRF52.py, probe/*.py.
_KNOWN = (
    Words("More than one debug probe", "several probes match", _CHECK_PROBE, UsageError),
    Words(
        "Enter the number of the debug probe",
        "several probes are attached",
        _CHECK_PROBE,
        UsageError,
    ),
    Words("matches unique ID", "no such debug probe is attached", _CHECK_PROBE, MissingTool),
    Words("No connected debug probes", "no debug probe is attached", _CHECK_PROBE, MissingTool),
    Words(
        "not recognized",
        "pyOCD does not know the chip",
        "install its CMSIS pack (`pyocd pack install NAME`), or name a file with the option `pack`",
        UsageError,
    ),
    Words("Access denied", "the probe may not be used by this user", _CHECK_PROBE, MissingTool),
    Words("Resource busy", "the probe is in use", "end the other program", MissingTool),
    Words(
        "Mismatched byte", "the flash differs from the firmware after it was written", "flash again"
    ),
    Words("APPROTECT enabled", "the chip is locked", _LOCKED_HINT),
    Words("is locked", "the chip is locked", _LOCKED_HINT),
    Words("flash erase", "the flash cannot be erased", _LOCKED_HINT),
    Words("flash program", "the flash cannot be written", _LOCKED_HINT),
    Words("Memory transfer fault", "the chip refuses an access to its memory", _LOCKED_HINT),
    Words("No ACK", "the chip does not answer the probe", _POWER),
)


class PyOcdFlasher:
    """See :class:`hil.targets.flash.interface.Flasher`.

    A profile's argument is pyOCD's name of the chip. Options: ``target`` (another name), ``pack``
    (a CMSIS pack's file), ``frequency`` (of SWD, such as ``1m``), ``connect`` (``under-reset`` …)
    and ``program`` (another executable).
    """

    name = "pyocd"
    title = "pyOCD"

    def tool(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        return _version(_program(tool.options(job, _OPTIONS, self.name)))

    def findings(self) -> Sequence[Finding]:
        """See :class:`Flasher`."""
        try:
            found: str | HilError = _version(_program({}))
        except HilError as error:
            found = error
        return tool.findings(self.name, _PACKAGE, found)

    def flash(self, job: FlashJob) -> str:
        """See :class:`Flasher`.

        pyOCD's ``load`` does not read back what it wrote; its ``compare`` does.
        """
        elf = checked(job.elf)
        wanted = parts(elf)
        written = _run(job, "load", ["--format", "elf", elf])
        with files.temporary_folder("pyocd") as folder:
            compare = ["-c", "halt"]
            for number, part in enumerate(wanted):
                (folder / f"{number}.bin").write_bytes(part.data)
                compare += ["-c", f"compare 0x{part.address:08x} {number}.bin"]
            read = _run(job, "commander", [*compare, "-c", "reset"], folder)
        if len(re.findall(r"All \d+ bytes match", read.text)) != len(wanted):
            raise FlashFailed(
                f"pyOCD did not confirm what it wrote: {read.last_words()}", hint="flash it again"
            )
        return written.text + read.text

    def reset(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        return _run(job, "reset", []).text

    def probes(self) -> Sequence[str]:
        """See :class:`Flasher`."""
        try:
            said = tool.run([_program({}), "json", "--probes"], _LIST_S, title="pyOCD").text
            found = json.loads(said[said.index("{") :])["boards"]
            return [str(board["unique_id"]) for board in found]
        except (HilError, ValueError, KeyError, TypeError):
            return ()


def _program(given: Mapping[str, str]) -> Path:
    """The one that was asked for, the one beside this Python, or the one on the PATH."""
    beside = Path(sys.executable).with_name("pyocd")
    default = str(beside) if shutil.which(beside) else "pyocd"
    return tool.find(given.get("program") or default, _INSTALL)


def _version(program: Path) -> str:
    version = tool.version([program, "--version"], ".", title=str(program), hint=_INSTALL)
    return f"pyOCD {version}"


def _run(
    job: FlashJob, command: str, arguments: Sequence[str | Path], folder: Path | None = None
) -> Output:
    given = tool.options(job, _OPTIONS, "pyocd")
    words: list[str | Path] = [
        _program(given),
        command,
        "--no-wait",
        "--no-config",
        "--color=never",
    ]
    for flag, value in _settings(job, given):
        if not _WORD.fullmatch(value):
            raise UsageError(f"invalid value '{value}' for pyocd's {flag}", hint="correct it")
        words += [flag, value]
    if pack := given.get("pack"):
        words += ["--pack", Path(pack).expanduser().absolute()]
    output = tool.run([*words, *arguments], job.timeout_s, title="pyOCD", folder=folder)
    if output.code or "Mismatched byte" in output.text:
        tool.refuse(output, _KNOWN, title="pyOCD")
    if output.code:
        raise FlashFailed(f"pyOCD failed: {output.last_words()}", hint=_POWER)
    return output


def _settings(job: FlashJob, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """pyOCD's options and their values."""
    target = given.get("target") or next(iter(job.arguments), None)
    if target is None:
        raise UsageError(
            f"the profile '{job.profile.name}' has no name of the chip for pyocd",
            hint="give the board's flasher the option `target`; `pyocd list --targets` shows them",
        )
    found = [("--target", target)]
    if job.probe is not None:
        found.append(("--uid", job.probe))
    names = {"frequency": "--frequency", "connect": "--connect"}
    return found + [(flag, given[name]) for name, flag in names.items() if name in given]
