"""The flasher ``openocd``: OpenOCD 0.12, for ST-LINK, J-Link, CMSIS-DAP and many other probes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil.errors import FlashFailed, HilError, MissingTool, UsageError
from hil.records import Finding
from hil.targets.flash import tool
from hil.targets.flash.elf import checked
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.tool import Output, Words

_PACKAGE = "sudo apt-get install -y openocd"
_INSTALL = f"install it with: {_PACKAGE}"
_OPTIONS = ("config", "commands", "program")
_PROBE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_CONFIG = re.compile(r"[\w./+-]+\.(cfg|tcl)", re.ASCII)
_CHECK_PROBE = (
    "plug in the probe; `probe` of the board's flasher is its serial number; on Linux the user "
    "needs permission (udev rules of the package openocd, then plug it in again)"
)
_LOCKED_HINT = (
    "the chip is protected (readout or write protection): unlocking it erases it; ST's tools or "
    "OpenOCD's `stm32l4x unlock 0` (its own command for each family) do that"
)
_POWER = "is the board supplied, connected to this probe, and the one that the profile says?"
# OpenOCD 0.12: src/helper/startup.tcl (program), src/flash/startup.tcl, src/jtag/drivers/*.c,
# src/flash/nor/{stm32f2x,stm32l4x,stm32h7x,nrf5,core}.c, src/target/target.c. The first that was
# printed is taken: causes before what follows from them.
_KNOWN = (
    Words(
        "LIBUSB_ERROR_ACCESS", "the probe may not be used by this user", _CHECK_PROBE, MissingTool
    ),
    Words("LIBUSB_ERROR_BUSY", "the probe is in use", "end the other program", MissingTool),
    Words("Multiple devices found", "several probes are attached", _CHECK_PROBE, UsageError),
    Words(
        "Invalid serial number", "the probe's serial number is invalid", _CHECK_PROBE, UsageError
    ),
    Words("Can't find", "a configuration file is missing", "correct `config`", UsageError),
    Words("invalid command name", "a command is unknown", "correct `commands`", UsageError),
    Words("open failed", "no such debug probe is attached", _CHECK_PROBE, MissingTool),
    Words("No J-Link device found", "no debug probe is attached", _CHECK_PROBE, MissingTool),
    Words(
        "No device matches the serial string",
        "no such probe is attached",
        _CHECK_PROBE,
        MissingTool,
    ),
    Words(
        "unable to find a matching CMSIS-DAP",
        "no such probe is attached",
        _CHECK_PROBE,
        MissingTool,
    ),
    Words("unable to open", "the probe cannot be opened", _CHECK_PROBE, MissingTool),
    Words("device protected", "the flash is protected", _LOCKED_HINT),
    Words("WRPERR detected", "the flash is protected", _LOCKED_HINT),
    Words("access denied / write protected", "the flash is protected", _LOCKED_HINT),
    Words("check protection", "the flash is protected", _LOCKED_HINT),
    Words("RDP level 1", "the chip is locked", _LOCKED_HINT),
    Words("AP lock engaged", "the chip is locked", _LOCKED_HINT),
    Words("init mode failed", "the chip does not answer the probe", _POWER),
    Words("Error connecting DP", "the chip does not answer the probe", _POWER),
    Words("Cannot identify target", "the chip is not the profile's", _POWER),
    Words("Unable to reset target", "the chip cannot be reset", _POWER),
    Words(
        "Verify Failed", "the flash differs from the firmware after it was written", "flash again"
    ),
    Words("failed erasing", "the flash cannot be erased", _LOCKED_HINT),
    Words("Programming Failed", "the flash cannot be written", _LOCKED_HINT),
)


class OpenOcdFlasher:
    """See :class:`hil.targets.flash.interface.Flasher`.

    A profile's arguments are configuration files. Options: ``config`` (other files, separated by
    spaces), ``commands`` (OpenOCD's, before it connects, such as ``adapter speed 500``) and
    ``program`` (another executable).
    """

    name = "openocd"
    title = "OpenOCD"

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
        """See :class:`Flasher`."""
        elf = checked(job.elf)
        # Its folder is OpenOCD's, so that no path needs quoting in Tcl.
        output = _run(job, f"program {elf.name} verify reset exit", elf.parent)
        if output.code or "** Verified OK **" not in output.text:
            raise _failed(output)
        return output.text

    def reset(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        output = _run(job, "init; reset run; shutdown", Path.cwd())
        if output.code:
            raise _failed(output)
        return output.text

    def probes(self) -> Sequence[str]:
        """See :class:`Flasher`; OpenOCD lists none."""
        return ()


def _program(given: Mapping[str, str]) -> Path:
    return tool.find(given.get("program") or "openocd", _INSTALL)


def _version(program: Path) -> str:
    return tool.version([program, "--version"], "Open On-Chip", title=str(program), hint=_INSTALL)


def _run(job: FlashJob, command: str, folder: Path) -> Output:
    given = tool.options(job, _OPTIONS, "openocd")
    words: list[str | Path] = [_program(given)]
    # Its servers' ports would be those of another OpenOCD on this computer.
    words += ["-c", "gdb_port disabled; telnet_port disabled; tcl_port disabled"]
    for file in _configuration(job, given):
        words += ["-f", file]
    if job.probe is not None:
        if not _PROBE.fullmatch(job.probe):
            raise UsageError(
                f"invalid serial number of a probe '{job.probe}'",
                hint="correct `probe` of the board",
            )
        words += ["-c", f"adapter serial {job.probe}"]
    if commands := given.get("commands"):
        words += ["-c", commands]
    output = tool.run([*words, "-c", command], job.timeout_s, title="OpenOCD", folder=folder)
    if output.code or "** Verify Failed **" in output.text:
        tool.refuse(output, _KNOWN, title="OpenOCD")
    return output


def _configuration(job: FlashJob, given: Mapping[str, str]) -> Sequence[str]:
    """The configuration files: the board's, else the profile's.

    Raises:
        UsageError: there is none, or a name that is not a file's.
    """
    files = tuple(given.get("config", "").split()) or job.arguments
    if not files:
        raise UsageError(
            f"the profile '{job.profile.name}' has no configuration for openocd",
            hint="give the board's flasher the option `config`, such as "
            "'interface/stlink.cfg target/stm32l4x.cfg'",
        )
    for file in files:
        if not _CONFIG.fullmatch(file):
            raise UsageError(
                f"'{file}' is not a configuration file of openocd",
                hint="write names such as board/st_nucleo_l4.cfg",
            )
    return files


def _failed(output: Output) -> FlashFailed:
    return FlashFailed(f"OpenOCD failed: {output.last_words()}", hint=_POWER)
