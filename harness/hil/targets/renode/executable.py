"""Which Renode this machine has, and how to get one. Asked once, then remembered."""

from __future__ import annotations

import platform
import re
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from hil import children
from hil.errors import HilError, MissingTool
from hil.records import Finding
from hil.targets.executable import Executable
from hil.targets.renode.console import Console

RELEASE = "1.16.1"
"""The release that the platforms and the profiler are tested with."""

_RELEASES = "https://github.com/renode/renode/releases"
_PROBE_TIMEOUT_S = 60.0
_LAST_LINES_S = 2.0
_LINES_HEARD = 50  # Renode says its version in the first
_VERSION = re.compile(r"\bRenode,? v(?:ersion )?(\d+\.\d+\.\d+[^\s(]*)")


@dataclass(frozen=True)
class _Renode:
    """What is remembered of a Renode."""

    path: str
    version: str


def find_renode() -> Path:
    """Return Renode's path: ``HIL_RENODE`` (a path or a name on PATH), else ``renode``.

    Raises:
        MissingTool: it is not there, or is not executable.
    """
    return _executable().find()


def install_hint() -> str:
    """Say how to get Renode on this system: it is in no package registry."""
    return f"get release {RELEASE}: {install_command()}"


def install_command() -> str:
    """Return the command that gets Renode, where this system has a portable package of it."""
    if platform.system() == "Linux":
        system = "linux-arm64" if platform.machine() == "aarch64" else "linux"
        package = f"renode-{RELEASE}.{system}-portable-dotnet.tar.gz"
        return (
            f"mkdir -p ~/renode && curl -L {_RELEASES}/download/v{RELEASE}/{package} | "
            "tar xz -C ~/renode --strip-components=1 && export HIL_RENODE=~/renode/renode"
        )
    return f"the package for this system from {_RELEASES}/tag/v{RELEASE}, then set HIL_RENODE"


def version(path: Path) -> str:
    """Ask the Renode at ``path`` for its version (``Renode 1.16.1.0``); remembered in the cache.

    Raises:
        MissingTool: the program cannot be started or does not answer as Renode does.
    """
    return _executable().remembered(path, _Renode, _ask).version


def findings() -> list[Finding]:
    """Return what ``hil doctor`` shows of Renode, without which all other targets work."""
    try:
        path = find_renode()
        found = version(path).removeprefix("Renode ")
    except HilError as error:
        detail = f"{error.message} (only for `--target renode`)"
        return [Finding("Renode", "warn", detail=detail, install=install_command())]
    if not found.startswith(RELEASE):
        detail = f"{path}; {RELEASE} is the release that hil is tested with"
        return [Finding("Renode", "warn", found, detail, install_command())]
    return [Finding("Renode", "ok", found, str(path))]


def identity(path: Path) -> str:
    """Return a name for the file at ``path`` as it is now: another after it was changed.

    Raises:
        MissingTool: there is no such file.
    """
    return _executable().identity(path)


def _executable() -> Executable:
    return Executable("Renode", "renode", "HIL_RENODE", install_hint())


def _ask(path: Path) -> _Renode:
    """Run ``--version``; a program that prints something else, however much, is ended."""
    try:
        child = children.start(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise MissingTool(f"cannot run Renode at {path}: {error}", hint=install_hint()) from error
    assert child.stdout is not None
    try:
        console = Console(child.stdout)
        heard = count(1)
        console.wait_for(
            lambda line: bool(_VERSION.search(line)) or next(heard) > _LINES_HEARD, _PROBE_TIMEOUT_S
        )
        lines = console.lines()
    finally:
        children.end(child)
        console.join(_LAST_LINES_S)
    for line in lines:
        if found := _VERSION.search(line):
            return _Renode(str(path), f"Renode {found[1]}")
    said = next((line.strip() for line in lines if line.strip()), "no message")
    raise MissingTool(
        f"{path} does not answer as Renode does ({said[:120]})",
        hint=f"correct or unset HIL_RENODE, or {install_hint()}",
    )
