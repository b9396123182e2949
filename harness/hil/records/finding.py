"""What an examination of this machine found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing examined. ``install`` is a shell command, empty where nothing is to be done.

    ``missing`` means that runs cannot work; ``warn`` that something optional or better is not here.
    """

    name: str
    state: State
    version: str = ""
    detail: str = ""
    install: str = ""
