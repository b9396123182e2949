"""The monitor's commands for the profiler, ``firmware_stubs/emulation/renode/*.cs``.

It writes the file that :mod:`hil.targets.execution_record` reads, and simulates the flash's caches.
"""

from __future__ import annotations

from pathlib import Path

from hil.records import Firmware, Platform
from hil.resources import data_dir
from hil.targets.interface import Options
from hil.targets.profiling import cache_settings, window_settings
from hil.targets.renode.script import path, quoted


def commands(firmware: Firmware, platform: Platform, options: Options, record: Path) -> list[str]:
    """Return what the monitor needs after the firmware was loaded; nothing without windows."""
    if not options.profile_windows:
        return []
    settings = window_settings(firmware.elf, options.profile_windows)
    if options.flash is not None:
        settings |= cache_settings(options.flash, platform.flash)
    text = ",".join(f"{key}={value}" for key, value in settings.items())
    sources = sorted((data_dir("firmware_stubs") / "emulation" / "renode").glob("*.cs"))
    return [
        f"include {' '.join(map(path, sources))}",
        f'sysbus.cpu HilProfile "{text}" {quoted(record)}',
    ]
