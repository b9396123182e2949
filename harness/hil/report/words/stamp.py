"""When a page was made, and how to leave that out.

https://reproducible-builds.org/specs/source-date-epoch/ defines ``SOURCE_DATE_EPOCH``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from hil.errors import UsageError
from hil.report.words.format import when

VARIABLE = "SOURCE_DATE_EPOCH"


def made_at(*, reproducible: bool = False) -> str:
    """Return the time that a page says it was made at: now, or that of ``SOURCE_DATE_EPOCH``.

    '' where ``reproducible``: the page then says none, and depends on nothing but its contents.

    Raises:
        UsageError: the variable is not a number of seconds since 1970.
    """
    if reproducible:
        return ""
    return when(source_date() or datetime.now(UTC).isoformat())


def source_date() -> str:
    """Return the time in ``SOURCE_DATE_EPOCH`` as ISO 8601, or ''.

    Raises:
        UsageError: it is not a number of seconds since 1970.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return ""
    try:
        return datetime.fromtimestamp(int(text), UTC).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{VARIABLE}='{text}' is not a time",
            hint="set it to seconds since 1970, such as the output of `git log -1 --format=%ct`",
        ) from error
