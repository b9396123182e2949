"""Renode's files of a user, the compiled C# among them, which is kept between runs.

Renode keeps compiled files in a folder of the user's, without protection from a process that is
killed while it writes. So each Renode has a folder of its own; whole files are copied in and out.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from hil import files
from hil.resources import cache_dir
from hil.targets.renode.executable import identity

_SETTINGS = "[general]\ncompiler-cache-enabled = True\n"


class UserFolder:
    """Renode's files of a user, for one process; below ``folder``, which is temporary.

    ``environment`` makes Renode use it; ``config`` is its configuration file.

    Raises:
        MissingTool: there is no program at ``renode``.
    """

    def __init__(self, folder: Path, renode: Path) -> None:
        self.config = folder / "renode.config"
        self.environment: Mapping[str, str] = {
            "XDG_CONFIG_HOME": str(folder / "user"),
            "TMPDIR": str(folder),
        }
        self._compiled = folder / "user" / "renode" / "compiler-cache"
        self._kept = cache_dir() / "renode" / identity(renode)
        self._compiled.mkdir(parents=True)
        self.config.write_text(_SETTINGS, encoding="ascii")
        with contextlib.suppress(OSError):
            for file in self._kept.iterdir():
                shutil.copyfile(file, self._compiled / file.name)

    def keep(self) -> None:
        """Keep what Renode compiled; call it when Renode has started."""
        with contextlib.suppress(OSError):
            for file in self._compiled.iterdir():
                if file.name.isalnum() and not (self._kept / file.name).exists():
                    self._kept.mkdir(parents=True, exist_ok=True)
                    with files.replacing(self._kept / file.name) as partial:
                        shutil.copyfile(file, partial)
