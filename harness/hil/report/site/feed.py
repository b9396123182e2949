"""The feed of regressions: Atom (RFC 4287), newest first.

Ids are made of what an entry is about, so that a reader sees each regression once, however often
the site is built. Times are those of the runs.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from xml.etree import ElementTree

from hil.report.site import wording
from hil.report.site.names import FEED, INDEX, trend_page
from hil.report.site.series import Event

_ATOM = "http://www.w3.org/2005/Atom"
_NAMESPACE = uuid.UUID("5a1f6f2e-8c3b-5d0e-9d55-0f4d1c7a62b1")  # of hil's feeds
_MOST = 50
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EPOCH = "1970-01-01T00:00:00Z"


def render(events: Sequence[Event], title: str, url: str, origin: str) -> str:
    """Return the feed of those ``events`` (newest first) that are regressions.

    ``url`` is where the site is published; without it links are relative. ``origin`` is the oldest
    run of the database, which makes the feed's id.
    """
    base = f"{url.rstrip('/')}/" if url else ""
    shown = [event for event in events if event.is_regression][:_MOST]
    feed = ElementTree.Element("feed", {"xmlns": _ATOM})
    _add(feed, "title", f"{title}: regressions")
    _add(feed, "id", _urn("feed", origin, title))
    _add(feed, "updated", _time(shown[0]) if shown else _EPOCH)
    ElementTree.SubElement(feed, "link", {"rel": "alternate", "href": f"{base}{INDEX}"})
    if base:
        ElementTree.SubElement(feed, "link", {"rel": "self", "href": f"{base}{FEED}"})
    _add(ElementTree.SubElement(feed, "author"), "name", "hil")
    _add(feed, "generator", "hil")
    for event in shown:
        _entry(feed, event, base)
    ElementTree.indent(feed, " ")
    text = ElementTree.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _entry(feed: ElementTree.Element, event: Event, base: str) -> None:
    entry = ElementTree.SubElement(feed, "entry")
    kind = event.kind
    what = wording.event_text(event).replace("\u00a0", " ")
    _add(entry, "title", f"{kind.model} on {kind.profile}: {what}")
    _add(entry, "id", _urn("event", wording.event_id(event)))
    _add(entry, "updated", _time(event))
    page = f"{base}{trend_page(kind.model, kind.profile)}#e{wording.event_id(event)}"
    ElementTree.SubElement(entry, "link", {"rel": "alternate", "href": page})
    names = [wording.revision(run) or run.run_id for run in (event.before, event.after)]
    lines = [f"Engine {kind.engine}, target {kind.target}, from {names[0]} to {names[1]}."]
    lines += [f"{wording.change_long(change)}." for change in event.changes]
    _add(entry, "summary", " ".join(lines).replace("\u00a0", " "))


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = _NOT_XML.sub("\ufffd", text)


def _urn(*parts: str) -> str:
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    plain = joined.encode("utf-8", "backslashreplace").decode("utf-8")
    return uuid.uuid5(_NAMESPACE, plain).urn


def _time(event: Event) -> str:
    return f"{wording.moment(event.after.started_us):%Y-%m-%dT%H:%M:%SZ}"
