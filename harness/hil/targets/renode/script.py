"""Names of files in commands for Renode's monitor."""

from __future__ import annotations

from pathlib import Path

from hil.errors import UsageError


def path(file: Path) -> str:
    """Return the name as the monitor reads a path: ``@/folder/with\\ space/file``.

    Raises:
        UsageError: it has characters for which the monitor has no way of writing.
    """
    return "@" + _checked(file).replace(" ", "\\ ")


def quoted(file: Path) -> str:
    """Return the name as a string of the monitor's; errors as :func:`path`."""
    return f'"{_checked(file)}"'


def _checked(file: Path) -> str:
    text = str(file.absolute())
    if any(c in text for c in ";\\\"'$`") or any(c.isspace() and c != " " for c in text):
        raise UsageError(
            f"Renode cannot read the file name {text!r}",
            hint="use folders (TMPDIR, HIL_CACHE_DIR, HIL_DATA_DIR) whose names have only letters, "
            "digits, spaces, dots and hyphens",
        )
    return text
