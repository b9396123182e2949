"""The feed: Atom as RFC 4287 has it, the same ids in every build, regressions only."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hil.store import Store

from tests.site.nightly import nights, run, site

ATOM = "{http://www.w3.org/2005/Atom}"
RFC_3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
UNIQUE = {"title", "id", "updated", "summary"}  # at most one of each in an entry (4.1.2)


def feed(folder: Path) -> ElementTree.Element:
    """Parse the feed and check it against the rules of RFC 4287."""
    root = ElementTree.fromstring((folder / "feed.xml").read_bytes())
    assert root.tag == f"{ATOM}feed"
    for of in (root, *root.findall(f"{ATOM}entry")):
        for tag in ("id", "title", "updated"):  # 4.1.1, 4.1.2: exactly one
            (one,) = of.findall(f"{ATOM}{tag}")
            assert (one.text or "").strip()
        assert re.fullmatch(RFC_3339, of.findtext(f"{ATOM}updated") or "")
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", of.findtext(f"{ATOM}id") or "")
        alternates = [link for link in of.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
        assert len(alternates) == 1
        assert alternates[0].get("href")
        for tag in UNIQUE:
            assert len(of.findall(f"{ATOM}{tag}")) <= 1
    (author,) = root.findall(f"{ATOM}author")  # of all entries
    assert author.findtext(f"{ATOM}name")
    ids = [entry.findtext(f"{ATOM}id") for entry in root.findall(f"{ATOM}entry")]
    assert len(set(ids)) == len(ids)
    times = [entry.findtext(f"{ATOM}updated") or "" for entry in root.findall(f"{ATOM}entry")]
    assert times == sorted(times, reverse=True)
    if times:
        assert root.findtext(f"{ATOM}updated") == times[0]
    children = [child.tag for child in root]
    assert children.index(f"{ATOM}author") < len(children) - len(times)
    return root


def titles(root: ElementTree.Element) -> list[str | None]:
    return [entry.findtext(f"{ATOM}title") for entry in root.findall(f"{ATOM}entry")]


def test_it_has_the_regressions_newest_first(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0, 1.03, 0.9, 0.9, 0.95])
    store.finish(run(5, status="failed"))
    root = feed(site(store, tmp_path / "site").folder)
    assert titles(root) == [
        "kws_int8 on stm32l4: the run failed",
        "kws_int8 on stm32l4: time +5.6 % and energy +5.6 %",
        "kws_int8 on stm32l4: time +3.0 % and energy +3.0 %",
    ]
    summary = root.findall(f"{ATOM}entry")[2].findtext(f"{ATOM}summary") or ""
    assert "Engine aot, target qemu, from 000000000 to 111000000." in summary
    assert "Time per inference: +3.0 %, from 249 ms to 256 ms." in summary
    assert root.findtext(f"{ATOM}updated") == "2026-10-06T02:00:00Z"


def test_ids_and_times_stay_when_runs_are_added(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0, 1.03])
    first = feed(site(store, tmp_path / "site").folder)
    store.finish(run(2, 1.2))
    second = feed(site(store, tmp_path / "site").folder)
    assert first.findtext(f"{ATOM}id") == second.findtext(f"{ATOM}id")
    old, new = (
        [
            (entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated"))
            for entry in root.findall(f"{ATOM}entry")
        ]
        for root in (first, second)
    )
    assert len(new) == 2
    assert old == new[1:]


def test_without_regressions_it_is_valid_and_empty(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0, 0.9])
    assert titles(feed(site(store, tmp_path / "site").folder)) == []


@pytest.mark.parametrize(
    ("url", "base"), [("", ""), ("https://a.example/x/", "https://a.example/x/")]
)
def test_links_lead_to_the_step(store: Store, tmp_path: Path, url: str, base: str) -> None:
    nights(store, [1.0, 1.03])
    built = site(store, tmp_path / "site", url=url)
    root = feed(built.folder)
    (link,) = root.findall(f"{ATOM}entry/{ATOM}link")
    path, _, anchor = link.attrib["href"].removeprefix(base).partition("#")
    assert f'id="{anchor}"' in (built.folder / path).read_text(encoding="utf-8")
    own = [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert own == ([f"{base}feed.xml"] if base else [])


def test_odd_names_are_escaped(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0, 1.03], model="<&\x01\ufffe ü")
    assert "<&\ufffd\ufffd ü on stm32l4" in str(titles(feed(site(store, tmp_path / "site").folder)))


def test_it_has_the_newest_fifty(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0 + i / 100 for i in range(60)])
    root = feed(site(store, tmp_path / "site").folder)
    assert len(titles(root)) == 50
    newest = datetime.fromisoformat(root.findtext(f"{ATOM}updated") or "")
    assert newest.date().isoformat() == "2026-11-29"
