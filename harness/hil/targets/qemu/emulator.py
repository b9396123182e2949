"""Which QEMU this machine has, and what is in it. Asked once a binary, then remembered."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil import children
from hil.errors import MissingTool
from hil.targets.executable import Executable

QEMU = "qemu-system-arm"
INSTALL_HINT = "install it with: sudo apt-get install qemu-system-arm"
EXECUTABLE = Executable("QEMU", QEMU, "HIL_EMULATOR", INSTALL_HINT)
_PROBE_TIMEOUT_S = 30


@dataclass(frozen=True)
class Emulator:
    """A QEMU binary: its version line as ``--version`` prints it, its machines and devices."""

    path: str
    version: str
    machines: tuple[str, ...]
    devices: tuple[str, ...]


def find_qemu() -> Path:
    """Return QEMU's path: ``HIL_EMULATOR`` (a path or a name on PATH), else ``qemu-system-arm``.

    Raises:
        MissingTool: it is not there, or is not executable.
    """
    return EXECUTABLE.find()


def probe(path: Path) -> Emulator:
    """Ask the QEMU at ``path`` what it is and has; a binary that did not change is asked once.

    Raises:
        MissingTool: the binary cannot be started or does not answer as QEMU does.
    """
    return EXECUTABLE.remembered(path, Emulator, _ask)


def _ask(path: Path) -> Emulator:
    """One QEMU without a machine, asked by QMP for its version, machines and device types."""
    questions = [
        {"execute": "qmp_capabilities"},
        {"execute": "query-version", "id": "version"},
        {"execute": "query-machines", "id": "machines"},
        {"execute": "qom-list-types", "arguments": {"implements": "device"}, "id": "devices"},
        {"execute": "quit"},
    ]
    command = [str(path), "-M", "none", "-display", "none", "-nodefaults", "-S", "-qmp", "stdio"]
    try:
        text = "\n".join(json.dumps(question) for question in questions)
        # Into a file: QEMU quits without waiting for a pipe (64 KiB) that is read too slowly.
        with tempfile.TemporaryFile() as answers:
            children.run(command, text=text, log=answers, timeout_s=_PROBE_TIMEOUT_S)
            answers.seek(0)
            return _parse(path, answers.read().decode(errors="replace").splitlines())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingTool(f"cannot run QEMU at {path}: {error}", hint=INSTALL_HINT) from error


def _parse(path: Path, lines: Sequence[str]) -> Emulator:
    """Read QMP's replies; lines that are not JSON are messages."""
    try:
        replies = [json.loads(line) for line in lines if line.startswith("{")]
        answers = {reply["id"]: reply["return"] for reply in replies if "id" in reply}
        number = answers["version"]["qemu"]
        package = answers["version"]["package"]
        machines = tuple(sorted(machine["name"] for machine in answers["machines"]))
        devices = tuple(sorted(device["name"] for device in answers["devices"]))
    except (ValueError, KeyError, TypeError) as error:
        last = [line for line in lines if line and not line.startswith("{")][-1:] or ["no message"]
        raise MissingTool(
            f"{path} does not answer as QEMU does ({last[0]})", hint=INSTALL_HINT
        ) from error
    version = f"QEMU emulator version {number['major']}.{number['minor']}.{number['micro']}"
    return Emulator(str(path), f"{version} ({package})" if package else version, machines, devices)
