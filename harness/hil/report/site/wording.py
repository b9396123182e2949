"""Texts that the index, the trend pages and the feed share."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from hil.records import Kind
from hil.report.site.names import run_page
from hil.report.site.series import Change, Event
from hil.report.site.trend_chart import Direction, step_text, value_text
from hil.report.words.format import KIND_WORDS, NBSP, shorten
from hil.report.words.sentence import listed
from hil.store.history import PastRun

EventWord = Literal["failed", "regression", "improvement", "change"]
_SHORT = 9  # digits of a commit
_AXIS = 10  # characters below an axis
KINDS: tuple[tuple[Kind, str], ...] = tuple(
    (kind, KIND_WORDS[kind]) for kind in ("measured", "modelled", "static", "published")
)
"""The kinds of figures with their meanings, in the order in which pages explain them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RunLink:
    """A run as pages name it; ``page`` is its file in the site, '' where it has none."""

    run_id: str
    when: str
    sort: int
    revision: str
    revision_full: str
    status: str
    page: str


def link_to(run: PastRun, linked: frozenset[str]) -> RunLink:
    """Return a run for pages; those in ``linked`` have a page of their own."""
    page = run_page(run.run_id) if run.run_id in linked else ""
    full = run.label or run.commit or (f"hil {run.hil_commit}" if run.hil_commit else "")
    return RunLink(
        *(run.run_id, when(run.started_us), run.started_us, revision(run), full, run.status),
        page,
    )


def moment(started_us: int) -> datetime:
    """A stored time, in UTC."""
    return _EPOCH + timedelta(microseconds=started_us)


@functools.lru_cache(maxsize=10_000)
def when(started_us: int) -> str:
    """``2026-11-21 02:40``, in UTC."""
    return f"{moment(started_us):%Y-%m-%d %H:%M}"


@functools.lru_cache(maxsize=10_000)
def day(started_us: int) -> str:
    """``2026-11-21``, in UTC."""
    return f"{moment(started_us):%Y-%m-%d}"


def days(first_us: int, last_us: int) -> str:
    """``2026-11-01 to 2026-11-21``; one day alone."""
    first, last = day(first_us), day(last_us)
    return first if first == last else f"{first} to {last}"


def revision(run: PastRun) -> str:
    """What a run measured: the user's label, else the commit of the model's repository or hil's."""
    if run.label:
        return run.label
    if run.commit:
        return _short(run.commit)
    return f"hil {_short(run.hil_commit)}" if run.hil_commit else ""


def axis_revision(run: PastRun) -> str:
    """The same as short as a date."""
    return shorten(run.label, _AXIS) if run.label else _short(run.commit or run.hil_commit)


def _short(commit: str) -> str:
    return commit[:_SHORT] + "+" * (commit.endswith("+") and len(commit) > _SHORT)


def event_word(event: Event) -> EventWord:
    """What kind of event it is: a regression where anything got worse."""
    if event.failed:
        return "failed"
    directions = {change.worse for change in event.changes}
    return (
        "regression" if True in directions else "improvement" if False in directions else "change"
    )


def direction(worse: bool | None) -> Direction:
    """The direction of a change as charts and tables mark it."""
    return "other" if worse is None else "worse" if worse else "better"


def event_direction(event: Event) -> Direction:
    """The direction of an event: a regression, whatever else got better."""
    if event.is_regression:
        return "worse"
    return "better" if any(change.worse is False for change in event.changes) else "other"


def change_short(change: Change) -> str:
    """``time +3.0 %``."""
    return f"{change.figure.noun or change.figure.title} {step_text(change.step, change.unit)}"


def change_long(change: Change) -> str:
    """``Time per inference: +3.0 %, from 249 ms to 257 ms``."""
    old, new = (value_text(v, change.unit) for v in (change.step.old, change.step.new))
    if old == new:  # rounding hides the difference
        old, new = (f"{v:,.10g}" for v in (change.step.old, change.step.new))
        new += f"{NBSP}{change.unit}"
    return f"{change.figure.label}: {step_text(change.step, change.unit)}, from {old} to {new}"


def event_text(event: Event) -> str:
    """``time +3.0 % and energy +3.0 %``, or that the run failed."""
    if event.failed:
        return "the run failed"
    return listed([change_short(change) for change in event.changes])


def event_id(event: Event) -> str:
    """A name of the event that does not change: of its kind and the run after it."""
    parts = (*event.kind, event.after.run_id)
    joined = "".join(f"{len(text)}:{text}" for text in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]
