"""The tools that build firmware, and what their error messages mean."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil import children
from hil.errors import BuildFailed, DoesNotFit, HilError, MissingTool
from hil.records import ExternalCode, Platform

_PACKAGES = {
    "gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "g++": "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib",
    "cmake": "cmake",
    "ninja": "ninja-build",
}
HOST_PACKAGES = "gcc libc6-dev"
_HOST_COMPILERS = ("cc", "gcc", "clang")
_LOG_LINES = 15
_ANSWER_S = 30.0
_NAMES_SHOWN = 4
_UNDEFINED = re.compile(r"undefined reference to `([^']+)'")
_NO_HEADER = re.compile(r"fatal error: (\S+): No such file or directory")
_OTHER_ABI = re.compile(r"uses VFP register arguments|conflicting CPU architectures")
_STATIC_ASSERT = re.compile(r"static assertion failed: (.+)")
# What a port says of a clock or baud rate that its chip does not have.
_PORT_REFUSAL = re.compile(
    r"/ports/\S+ error: (?:#error|static assertion failed:) \"(.+)\"$", re.MULTILINE
)
_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Compiler:
    """A compiler: its prefix as given ("" for this computer's own), its path and version line."""

    prefix: str
    path: Path
    version: str

    @property
    def cmake_setting(self) -> str:
        """What its toolchain file in ``firmware_stubs/cmake`` is given, as ``NAME=VALUE``."""
        return f"HIL_CC_PREFIX={self.prefix}" if self.prefix else f"HIL_CC={self.path}"


def find_compiler(toolchain: str = "arm-none-eabi") -> Compiler:
    """Find the C compiler of a toolchain.

    ``host`` is this computer's own; the other one is the cross compiler that ``HIL_CC_PREFIX``
    names (default ``arm-none-eabi-``).

    Raises:
        MissingTool: it is not there, or does not run.
    """
    if toolchain == "host":
        path = find_host_compiler()
        return Compiler("", path, _version(path, HOST_PACKAGES))
    prefix = os.environ.get("HIL_CC_PREFIX") or "arm-none-eabi-"
    path = find_tool(prefix + "gcc", _PACKAGES["gcc"])
    return Compiler(prefix, path, _version(path, _PACKAGES["gcc"]))


def find_host_compiler() -> Path:
    """Return the path of this computer's own C compiler: cc, gcc or clang.

    Raises:
        MissingTool: none of them is on the PATH.
    """
    found = next((path for name in _HOST_COMPILERS if (path := shutil.which(name))), None)
    if found is None:
        raise MissingTool(
            f"no C compiler for this computer was found ({', '.join(_HOST_COMPILERS)})",
            hint=f"install one: sudo apt-get install {HOST_PACKAGES}",
        )
    return Path(found)


def _version(compiler: Path, packages: str) -> str:
    try:
        answer = children.run([compiler, "--version"], timeout_s=_ANSWER_S)
        answer.check_returncode()
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingTool(
            f"the compiler {compiler} does not run: {error}",
            hint=f"reinstall it: sudo apt-get install {packages}",
        ) from error
    return answer.stdout.partition("\n")[0].strip()


def require_cxx(compiler: Compiler) -> Path:
    """Return the path of the C++ compiler beside ``compiler``, once its library is there too.

    Raises:
        MissingTool: there is no C++ compiler, or it has no C++ library (a package of its own).
    """
    path = find_tool(compiler.prefix + "g++", _PACKAGES["g++"])
    question = [str(path), "-mcpu=cortex-m4", "-mthumb", "-print-file-name=libstdc++.a"]
    library = children.run(question, timeout_s=_ANSWER_S).stdout.strip()
    if not Path(library).is_absolute():
        raise MissingTool(
            f"{path} has no C++ library, which engines in C++ need",
            hint=f"sudo apt-get install {_PACKAGES['g++']}",
        )
    return path


def find_tool(name: str, package: str | None = None) -> Path:
    """Return the path of a tool on PATH.

    Raises:
        MissingTool: it is not there; the hint holds the apt command.
    """
    found = shutil.which(name)
    if found is None:
        package = package or _PACKAGES[name]
        hint = f"sudo apt-get install {package}"
        if name.endswith(("gcc", "g++")):
            hint += "; or set HIL_CC_PREFIX to the prefix of another cross compiler"
        raise MissingTool(f"'{name}' was not found on PATH", hint=hint)
    return Path(found)


def run_tool(command: Sequence[str | Path], log: Path, lock: int) -> int:
    """Run a build tool, appending its output to ``log``; return its exit code.

    Its processes inherit ``lock``, the descriptor of the build's lock. Should hil be killed, the
    tool gets SIGTERM, at which Ninja ends its compilers.
    """
    with log.open("ab") as stream:
        done = children.run(
            command,
            log=stream,
            die_with_parent=True,
            death_signal=signal.SIGTERM,
            pass_fds=[lock],
        )
    return done.returncode


def explain_failure(
    log: Path, platform: Platform, external: ExternalCode | None = None
) -> HilError:
    """Turn the log of a failed build into an error.

    ``external`` is the prebuilt library that the engine calls.
    """
    text = log.read_text(encoding="utf-8", errors="replace")
    if over := dict(_OVERFLOW.findall(text)):
        return _does_not_fit({region: int(count) for region, count in over.items()}, platform)
    if "No space left on device" in text:
        return cache_error(log.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if refused := list(dict.fromkeys(_PORT_REFUSAL.findall(text))):
        return BuildFailed(
            f"the firmware's port '{platform.port}' refuses the clock or the baud rate: "
            + "; ".join(refused),
            hint="choose a clock that the chip has (NAME@48MHz), or another baud rate "
            "(firmware.baud of the profile, baud of the board); docs/porting.md lists both",
        )
    if external is not None and (explained := _library_fault(text, external)):
        return explained
    return BuildFailed(
        "building the firmware failed:\n" + "\n".join(_last_words(text)),
        hint="run again with --keep DIR to look at the sources; most likely a defect of hil",
    )


def _library_fault(text: str, external: ExternalCode) -> BuildFailed | None:
    """The error of a build that failed for what a library or its headers are; None otherwise."""
    name = external.library.name
    if missing := list(dict.fromkeys(_UNDEFINED.findall(text))):
        shown = ", ".join(missing[:_NAMES_SHOWN])
        more = f" and {len(missing) - _NAMES_SHOWN} more" if len(missing) > _NAMES_SHOWN else ""
        return BuildFailed(
            f"the library {name} lacks what the model needs: {shown}{more}",
            hint="build the library with all its sources, the optimized kernels' included, into "
            "one archive, and add it again",
        )
    if found := _NO_HEADER.search(text):
        return BuildFailed(
            f"no include folder of the library {name} has '{found[1]}'",
            hint="add the library again with one more --include: the folder that has it",
        )
    if _OTHER_ABI.search(text):
        return BuildFailed(
            f"the library {name} was compiled for another core or float ABI than the firmware",
            hint="build it for the profile's core and add it again",
        )
    if found := _STATIC_ASSERT.search(text):
        return BuildFailed(
            f"the headers of the library {name} do not fit each other: {found[1]}",
            hint="give the include folders that the library itself was built with",
        )
    return None


def _last_words(text: str) -> list[str]:
    """The end of a log without Ninja's progress and the compiler's long command lines."""
    noise = re.compile(r"\[\d+/\d+\]|ninja: |FAILED: |: && |\S*(?:gcc|g\+\+)\s|-- ")
    lines = [line for line in text.splitlines() if line.strip() and not noise.match(line)]
    return lines[-_LOG_LINES:]


def _does_not_fit(over: dict[str, int], platform: Platform) -> DoesNotFit:
    sizes = {"FLASH": ("flash", platform.flash.size), "RAM": ("RAM", platform.ram.size)}
    parts = []
    for region, count in over.items():
        name, size = sizes[region]
        parts.append(
            f"{size + count:,} B of {name} needed, {size:,} B there ({count:,} B too many)"
        )
    return DoesNotFit(
        "the firmware does not fit: " + "; ".join(parts),
        hint="take a smaller model, a quantized one, or a profile with more memory",
    )


def cache_error(cache: Path, error: OSError) -> HilError:
    """The error for a cache folder that cannot be written."""
    reason = error.strerror or str(error)
    return MissingTool(
        f"the cache folder {cache} cannot be written: {reason}",
        hint="free some space there, or set HIL_CACHE_DIR to a folder that can be written",
    )
