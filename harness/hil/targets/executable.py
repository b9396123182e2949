"""Finds a tool that hil runs, and remembers what the tool says about itself."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from hil import files
from hil.errors import MissingTool
from hil.resources import cache_dir

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Executable:
    """A tool: its ``title`` for sentences, the ``program`` on the PATH, the environment's
    ``variable`` that names another file or program, and the ``hint`` that says how to install it.
    """

    title: str
    program: str
    variable: str
    hint: str

    def find(self) -> Path:
        """Return the tool's path: ``variable`` (a path or a name on PATH), else ``program``.

        Raises:
            MissingTool: it is not there, or is not executable.
        """
        asked = os.environ.get(self.variable, "")
        found = shutil.which(asked or self.program)
        if found is not None:
            return Path(found).absolute()
        if asked:
            raise MissingTool(
                f"{self.variable} names '{asked}', which is not an executable file",
                hint=f"correct or unset {self.variable}, or {self.hint}",
            )
        raise MissingTool(f"{self.title} ({self.program}) is not on the PATH", hint=self.hint)

    def identity(self, path: Path) -> str:
        """Return a name for the file at ``path`` as it is now, by its path, size and time of
        change: another after it was changed.

        Raises:
            MissingTool: there is no such file.
        """
        try:
            state = path.resolve().stat()
        except OSError as error:
            raise MissingTool(
                f"cannot find {self.title} at {path}: {error.strerror}", hint=self.hint
            ) from error
        key = f"{path.resolve()}:{state.st_size}:{state.st_mtime_ns}"
        return sha256(key.encode()).hexdigest()[:16]

    def remembered(self, path: Path, kind: type[Answer], ask: Callable[[Path], Answer]) -> Answer:
        """Return what ``ask`` found out about the tool at ``path``; an unchanged file is asked
        once. ``kind`` is the dataclass of the answer.

        The answer is kept in the cache folder. A cache that cannot be read or written only costs
        the time of asking again.

        Raises:
            MissingTool: there is no such file, or ``ask`` raises it.
        """
        from pydantic import TypeAdapter

        form = TypeAdapter(kind)
        kept = cache_dir() / "emulators" / f"{self.program}-{self.identity(path)}.json"
        with contextlib.suppress(OSError, ValueError):
            return form.validate_json(kept.read_bytes())
        answer = ask(path)
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(kept, form.dump_python(answer))
        return answer
