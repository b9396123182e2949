"""What pydantic finds wrong with a file of ours, in words that help to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, form: type[BaseModel], inner: Sequence[str]) -> tuple[str, str]:
    """Return (every problem with the place that it is at, the nearest known key as a question).

    ``form`` has the keys at the file's top, ``inner`` are those that may stand anywhere. The
    second text is empty where no key is unknown, or none is near.
    """
    lines: list[str] = []
    near = ""
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"]) or "the file"
        lines.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
        if item["type"] == "extra_forbidden":
            key = str(item["loc"][-1])
            known = list(form.model_fields) if len(item["loc"]) == 1 else inner
            if close := difflib.get_close_matches(key, known, n=1):
                near = f"did you mean '{close[0]}' instead of '{key}'? " + near
    return "; ".join(lines), near
