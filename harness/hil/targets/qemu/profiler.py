"""The QEMU profiler plugin: built once with the host's compiler, and its arguments.

The plugin's source, ``firmware_stubs/emulation/hil_profiler.c``, documents what is counted. It
writes the file that :mod:`hil.targets.execution_record` reads. One shared object serves every QEMU
with TCG plugins (7.2 and 10 are tested).
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from hil import children, files
from hil.errors import BuildFailed, MissingTool
from hil.firmware.toolchain import HOST_PACKAGES, cache_error, find_host_compiler
from hil.resources import cache_dir, data_dir
from hil.targets.profiling import window_settings
from hil.targets.qemu.emulator import EXECUTABLE

_FLAGS = ("-O2", "-shared", "-fPIC", "-fvisibility=hidden")


def ensure_plugin(qemu: Path) -> Path:
    """Build the plugin if its source changed since the last build, and return the shared object.

    Safe when several processes do it at once: each builds into a file of its own and renames it.

    Raises:
        MissingTool: no C compiler for this host, ``qemu`` cannot load plugins, or the cache folder
            cannot be written.
        BuildFailed: the compiler refused the source.
    """
    source = data_dir("firmware_stubs") / "emulation" / "hil_profiler.c"
    parts = sorted(source.parent.glob("hil_*.[ch]"))
    text = b"".join(part.read_bytes() for part in parts)
    key = hashlib.sha256(text + " ".join(_FLAGS).encode()).hexdigest()[:16]
    folder = cache_dir() / "emulation"
    plugin = folder / f"hil_profiler-{key}-{os.uname().machine}.so"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not plugin.is_file():
            _build(source, plugin)
        _require_plugin_support(qemu, folder)
    except OSError as error:
        raise cache_error(folder, error) from error
    return plugin


def plugin_argument(
    plugin: Path,
    firmware_elf: Path,
    out: Path,
    windows: int,
    caches: Mapping[str, int] | None = None,
) -> str:
    """Return the value for QEMU's ``-plugin``: profile the first ``windows`` inferences.

    Records go to ``out``. ``caches`` is what ``cache_settings`` gives; None simulates none.
    Addresses come from the ELF's symbols; what ``symbol_address`` raises for a missing one passes
    through.
    """
    settings = window_settings(firmware_elf, windows)
    return _argument(plugin, out, **settings, **(caches or {}))


def region_argument(
    plugin: Path,
    out: Path,
    begin: int,
    end: int,
    windows: int,
    caches: Mapping[str, int] | None = None,
    seen: Path | None = None,
) -> str:
    """Return the value for ``-plugin`` without a sled: one region, from ``begin`` to ``end``.

    Read the result with ``execution_record.read(out, n_ops=1)``; everything is region 0.
    ``caches`` as in ``plugin_argument``. ``seen`` is a file that says which markers were reached;
    its letters are in the plugin's head comment.
    """
    argument = _argument(plugin, out, begin=begin, end=end, windows=windows, **(caches or {}))
    return argument if seen is None else f"{argument},seen={_escape(seen)}"


def _argument(plugin: Path, out: Path, **values: int) -> str:
    """Join the option; QEMU's parser splits at commas and reads a doubled one as itself."""
    settings = "".join(f",{key}={value}" for key, value in values.items())
    return f"{_escape(plugin)}{settings},out={_escape(out)}"


def _escape(path: Path) -> str:
    return str(path.absolute()).replace(",", ",,")


def _build(source: Path, plugin: Path) -> None:
    compiler = find_host_compiler()
    with files.replacing(plugin) as partial:
        result = children.run([compiler, *_FLAGS, "-o", partial, source])
        if "No space left on device" in result.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if result.returncode != 0:
            raise BuildFailed(
                f"{compiler} cannot build the profiler plugin: {result.stderr.strip()[-800:]}",
                hint=f"sudo apt-get install {HOST_PACKAGES}, then try again",
            )


def _require_plugin_support(qemu: Path, folder: Path) -> None:
    """Refuse a QEMU without ``-plugin``; asked once for each executable, remembered as a file."""
    marker = folder / f"plugins-ok-{EXECUTABLE.identity(qemu)}"
    if marker.exists():
        return
    help_text = children.run([qemu, "-help"]).stdout
    if "-plugin" not in help_text:
        raise MissingTool(
            f"{qemu} was built without TCG plugins, which the execution profile needs",
            hint="use the QEMU of Debian, Ubuntu or Fedora (apt install qemu-system-arm)",
        )
    marker.touch()
