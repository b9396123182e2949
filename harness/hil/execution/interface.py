"""What the carriers of tasks have in common: the messages that they yield."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hil.records import ErrorInfo


@dataclass(frozen=True)
class Answer:
    """The result of a task: ``value``, or why there is none.

    ``died`` has how its worker ended, such as ``signal SIGKILL``; ``error`` an error outside of
    the task itself.
    """

    index: int
    value: Any = None
    died: str = ""
    error: ErrorInfo | None = None


@dataclass(frozen=True)
class Message:
    """The progress of a task, as text."""

    index: int
    text: str
