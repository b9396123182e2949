"""What this machine has of QEMU, for ``hil doctor``."""

from __future__ import annotations

import platform
from pathlib import Path

from hil.errors import HilError, MissingTool
from hil.firmware.toolchain import HOST_PACKAGES, find_host_compiler
from hil.records import Finding
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.machines import usable_machines
from hil.targets.qemu.profiler import ensure_plugin

_APT = "sudo apt-get install -y"
_BACKPORTS = (
    "echo 'deb http://deb.debian.org/debian bookworm-backports main' | "
    "sudo tee /etc/apt/sources.list.d/backports.list && sudo apt-get update && "
    f"{_APT} qemu-system-arm/bookworm-backports qemu-system-common/bookworm-backports "
    "qemu-system-data/bookworm-backports"
)


def findings() -> list[Finding]:
    """QEMU, its machines, and the profiler plugin that is compiled for it."""
    try:
        qemu = find_qemu()
        emulator = probe(qemu)
    except HilError as error:
        install = f"{_APT} qemu-system-arm"
        return [Finding("QEMU", "missing", detail=error.message, install=install)]
    version = emulator.version.removeprefix("QEMU emulator version ")
    return [
        Finding("QEMU", "ok", version, emulator.path),
        _machines(usable_machines(emulator)),
        _plugin(qemu),
    ]


def _machines(usable: list[str]) -> Finding:
    name, exact = "QEMU machines", "b-l475e-iot01a"
    if not usable:
        detail = "none of the machines that hil knows is in this QEMU"
        return Finding(name, "missing", detail=detail, install=f"{_APT} qemu-system-arm")
    listed = ", ".join(usable)
    if exact in usable:
        return Finding(name, "ok", detail=listed)
    detail = f"{listed}; without {exact} (QEMU 9.1) mps2-an386 stands in for the STM32L475"
    install = _BACKPORTS if _is_bookworm() else ""
    return Finding(name, "warn", detail=detail, install=install)


def _plugin(qemu: Path) -> Finding:
    name = "profiler plugin"
    try:
        find_host_compiler()
    except MissingTool as error:
        install = f"{_APT} {HOST_PACKAGES}"
        return Finding(name, "missing", detail=error.message, install=install)
    try:
        plugin = ensure_plugin(qemu)
    except HilError as error:
        return Finding(name, "missing", detail=error.message)
    return Finding(name, "ok", detail=str(plugin))


def _is_bookworm() -> bool:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return release.get("VERSION_CODENAME") == "bookworm"
