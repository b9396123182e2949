"""Runs the tool of a flasher: bounded, in English, and with its last lines in every error."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil import boards, children, devices
from hil.errors import FlashFailed, HilError, MissingTool, UsageError, did_you_mean
from hil.records import Finding
from hil.targets.flash.interface import FlashJob

_LINES = 4
_LINE = 200  # characters of a line in an error
_MOST = 1 << 20  # bytes of output that are read
_LANGUAGE = {"LC_ALL": "C.UTF-8", "LANGUAGE": "", "DEBUGINFOD_URLS": ""}


@dataclass(frozen=True)
class Output:
    """What a tool printed, both streams as they came, and how it ended."""

    text: str
    code: int

    def last_words(self) -> str:
        """The end of what it printed."""
        lines = [line.strip()[:_LINE] for line in self.text.splitlines() if line.strip()]
        return " | ".join(lines[-_LINES:]) or "it printed nothing"

    def line(self, part: str) -> str:
        """The first line that has ``part``, whatever its case; "" where none has."""
        found = (line for line in self.text.splitlines() if part.lower() in line.lower())
        return next(found, "").strip()[:_LINE]


@dataclass(frozen=True)
class Words:
    """What a tool prints in one case: ``part`` of a line, and what that means.

    ``error`` is the class to raise, ``says`` the sentence in front of the tool's own words.
    """

    part: str
    says: str
    hint: str
    error: type[HilError] = FlashFailed


def find(program: str, hint: str) -> Path:
    """Return the path of a program by its name on the PATH or its path.

    Raises:
        MissingTool: it is not there, or not executable.
    """
    found = shutil.which(program)
    if found is None:
        raise MissingTool(f"{program} is not on the PATH", hint=hint)
    return Path(found)


def run(
    command: Sequence[str | Path], timeout_s: float, *, title: str, folder: Path | None = None
) -> Output:
    """Run a tool to its end in ``folder``, without input; ``title`` is its name in sentences.

    Raises:
        MissingTool: it cannot be started.
        FlashFailed: it did not end in ``timeout_s`` seconds (and was ended), or was killed.
    """
    with tempfile.TemporaryFile() as log:

        def said(code: int) -> Output:
            log.seek(0)
            return Output(log.read(_MOST).decode("utf-8", "replace"), code)

        try:
            code = children.run(
                command,
                log=log,
                timeout_s=timeout_s,
                die_with_parent=True,
                cwd=folder,
                env={**os.environ, **_LANGUAGE},
            ).returncode
        except OSError as error:
            raise MissingTool(f"cannot start {title}: {error}", hint="install it again") from error
        except subprocess.TimeoutExpired as error:
            raise FlashFailed(
                f"{title} did not end within {timeout_s:g} s; its last words: "
                f"{said(0).last_words()}",
                hint="see that no other program uses the probe or the server; unplug the probe and "
                "plug it in again",
            ) from error
        if code < 0:
            raise FlashFailed(
                f"{title} was ended by {children.how_it_ended(code)}; its last words: "
                f"{said(code).last_words()}",
                hint="the flash may be half written: flash it again",
            )
        return said(code)


def version(command: Sequence[str | Path], part: str, *, title: str, hint: str) -> str:
    """Return the first line with ``part`` that a tool prints.

    Raises:
        MissingTool: it does not run, or prints no such line.
    """
    try:
        output = run(command, 30.0, title=title)
    except FlashFailed as error:
        raise MissingTool(error.message, hint=hint) from error
    if line := output.line(part):
        return line
    raise MissingTool(f"{title} does not run: {output.last_words()}", hint=hint)


def refuse(output: Output, known: Iterable[Words], *, title: str) -> None:
    """Raise what the first of ``known`` whose words were printed says; nothing where none was."""
    for words in known:
        if line := output.line(words.part):
            raise words.error(f"{words.says} ({title}: {line})", hint=words.hint)


def options(job: FlashJob, known: Iterable[str], flasher: str) -> Mapping[str, str]:
    """Return the board's options for a flasher.

    Raises:
        UsageError: one is not among ``known``, or has a line end in it.
    """
    names = list(known)
    for name, value in job.options.items():
        if name not in names:
            raise UsageError(
                f"the flasher '{flasher}' has no option '{name}'",
                hint=f"{did_you_mean(name, names)}its options: {', '.join(names) or 'none'}",
            )
        if any(ord(character) < ord(" ") for character in value):
            raise UsageError(
                f"the option '{name}' of the flasher '{flasher}' has a control character in it",
                hint="write it on one line in boards.toml",
            )
    return job.options


def findings(name: str, package: str, version_of: str | HilError) -> list[Finding]:
    """What ``hil doctor`` shows of a flasher's tool: nothing where no board here needs it.

    ``version_of`` is its version line, or why there is none.
    """
    if not isinstance(version_of, HilError):
        return [Finding(name, "ok", version_of)]
    using = [board for board in _boards() if _flasher_of(board) == name]
    if not using:
        return []
    names = ", ".join(board.name for board in using)
    detail = f"{version_of.message} (it flashes {names})"
    return [Finding(name, "warn", detail=detail, install=package)]


def _boards() -> list[boards.Board]:
    try:
        return list(boards.load_all().values())
    except HilError:  # `hil board list` reports it
        return []


def _flasher_of(board: boards.Board) -> str | None:
    if board.flasher.name is not None:
        return board.flasher.name
    try:
        return next(iter(devices.load(board.profile).flashing), None)
    except HilError:
        return None
