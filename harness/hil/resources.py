"""Paths of the data folders and of the folders of this user.

The data folders are ``device_profiles``, ``firmware_stubs`` and ``reports``. They are looked up in
``HIL_DATA_DIR``, the installed package and the repository root (editable installs), in this order.
"""

from __future__ import annotations

import os
from pathlib import Path

from hil.errors import MissingTool

_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """Return the folder ``name`` (one of the top-level data folders).

    Raises:
        MissingTool: the folder does not exist (a broken installation).
    """
    candidates = [_PACKAGE / "_data" / name, _PACKAGE.parents[1] / name]
    if override := os.environ.get("HIL_DATA_DIR"):
        candidates.insert(0, Path(override) / name)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise MissingTool(
        f"the data folder '{name}' does not exist",
        hint="looked in " + ", ".join(str(c) for c in candidates) + "; reinstall hil",
    )


def cache_dir() -> Path:
    """Return the folder for rebuildable files (``HIL_CACHE_DIR``, else the user's cache folder)."""
    if override := os.environ.get("HIL_CACHE_DIR"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_cache_dir("hil", appauthor=False))


def state_dir() -> Path:
    """Return the folder for persistent files, such as the default database."""
    if override := os.environ.get("HIL_STATE_DIR"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_data_dir("hil", appauthor=False))


def overlay_dir() -> Path:
    """Return the folder of calibrations: ``HIL_OVERLAY_DIR``, else below the user's settings."""
    if override := os.environ.get("HIL_OVERLAY_DIR"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_config_dir("hil", appauthor=False)) / "overlays"
