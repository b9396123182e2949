"""Files of a site: what changed is written, what is ours is touched, crashes do no harm."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hil.errors import UsageError
from hil.report.site import publish as publishing
from hil.report.site.names import MANIFEST, run_page
from hil.report.site.publish import Page, publish
from hil.store import Store

from tests.site.nightly import contents, judged, nights, run, site
from tests.support.hil import REPOSITORY, hil
from tests.support.processes import Processes, wait_until

SLOWER = [1.0, 1.0, 1.03]
STUCK = """
import contextlib, pathlib, sys, time
from hil import files
from hil.store import Store
from tests.site.nightly import site

real = files.replacing

@contextlib.contextmanager
def replacing(path, **options):
    with real(path, **options) as temporary:
        if path.parent.name == "runs":
            temporary.write_text("a part")
            time.sleep(600)
        yield temporary

files.replacing = replacing
site(Store.open(sys.argv[1]), pathlib.Path(sys.argv[2]))
"""


def pages(**texts: str) -> list[Page]:
    """Pages below ``trends``, each with its text as key."""

    def render(text: str) -> Callable[[], str]:
        return lambda: text

    return [Page(f"trends/{name}.html", text, render(text)) for name, text in texts.items()]


def never() -> str:
    raise AssertionError("rendered again")


def test_a_second_build_writes_nothing(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    folder = tmp_path / "site"
    first = site(store, folder, reproducible=False)
    assert len(first.files.written) == 5
    before = contents(folder)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    again = site(store, folder, reproducible=False)
    assert again.files.written == again.files.removed == ()
    assert set(again.files.unchanged) == set(first.files.written)
    assert contents(folder) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_new_run_changes_the_pages_that_show_it(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    nights(store, [1.0], model="other")
    folder = tmp_path / "site"
    site(store, folder)
    new = run(9, 1.03)
    store.finish(new)
    built = site(store, folder)
    names = {name.partition("-")[0] for name in built.files.written}
    assert run_page(new.run_id) in built.files.written
    assert "trends/kws_int8" in names
    assert "index.html" in names
    assert not any("other" in name for name in built.files.written)
    assert "feed.xml" in built.files.unchanged


def test_a_new_evaluation_changes_the_pages_of_its_runs(store: Store, tmp_path: Path) -> None:
    (one,) = nights(store, [1.0])
    folder = tmp_path / "site"
    site(store, folder)
    store.evaluations.claim(judged(0, 98))
    assert run_page(one.run_id) in site(store, folder).files.written
    assert "98.00" in (folder / run_page(one.run_id)).read_text(encoding="utf-8")


@pytest.mark.parametrize("change", [{"title": "Other"}, {"reproducible": False}])
def test_other_options_make_the_pages_again(
    store: Store, tmp_path: Path, change: dict[str, object]
) -> None:
    nights(store, SLOWER)
    site(store, tmp_path / "site")
    built = site(store, tmp_path / "site", **change)
    assert len([name for name in built.files.written if name.endswith("html")]) == 4


def test_a_deleted_run_takes_its_page_along(store: Store, tmp_path: Path) -> None:
    runs = nights(store, SLOWER)
    folder = tmp_path / "site"
    site(store, folder)
    store.delete(runs[2].run_id)
    built = site(store, folder)
    assert run_page(runs[2].run_id) in built.files.removed
    assert not (folder / run_page(runs[2].run_id)).exists()


def test_a_page_that_is_missing_or_cut_is_made_again(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    folder = tmp_path / "site"
    site(store, folder)
    before = contents(folder)
    (folder / "index.html").unlink()
    (trend,) = (folder / "trends").iterdir()
    trend.write_bytes(trend.read_bytes()[:-100])
    built = site(store, folder)
    assert set(built.files.written) == {"index.html", f"trends/{trend.name}"}
    assert contents(folder) == before


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "trends").mkdir(parents=True)
    others = [folder / "CNAME", folder / "trends" / "notes.txt", folder / ".nojekyll"]
    for path in others:
        path.write_text("mine", encoding="utf-8")
    publish(folder, pages(a="1", b="2"))
    publish(folder, pages(c="3"))
    publish(folder, [])
    assert [path.read_text(encoding="utf-8") for path in others] == ["mine"] * 3
    assert [path.name for path in (folder / "trends").iterdir()] == ["notes.txt"]


def test_a_file_of_others_in_the_place_of_a_page_is_an_error(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"index.html exists and is not of a site") as caught:
        site(store, folder)
    assert "-o DIR" in caught.value.hint
    assert contents(folder) == {"index.html": b"mine"}
    (folder / "index.html").unlink()
    (folder / "runs").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="runs exists and is not of a site"):
        site(store, folder)


def test_an_interrupted_build_is_continued(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(folder, pages(a="old", b="old"))

    def breaks() -> str:
        raise KeyboardInterrupt

    new = pages(a="new", b="new", c="new")
    with pytest.raises(KeyboardInterrupt):
        publish(folder, [new[0], Page(new[1].name, "new", breaks), new[2]])
    found = contents(folder)
    del found[MANIFEST]
    assert found == {"trends/a.html": b"new", "trends/b.html": b"old"}
    done = publish(folder, new)
    assert {f"trends/{name}.html" for name in "bc"} <= set(done.written)
    publish(folder, pages(b="new"))
    assert {path.name for path in (folder / "trends").iterdir()} == {"b.html"}


def test_a_full_disk_leaves_whole_pages(
    tmp_path: Path, mounted: Callable[[str], Path], store: Store
) -> None:
    folder = mounted("size=400k") / "site"
    nights(store, [1.0 + i / 100 for i in range(12)])
    with pytest.raises(Exception, match="cannot write the site into") as caught:
        site(store, folder)
    assert getattr(caught.value, "exit_code", None) == 4
    for path in folder.rglob("*.html"):
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert not list(folder.rglob("*.tmp"))


def test_a_read_only_disk_is_an_error(
    tmp_path: Path, mounted: Callable[[str], Path], store: Store
) -> None:
    nights(store, SLOWER)
    folder = mounted("ro")
    hil("site", "build", "--db", store.label, "-o", folder).refuses(4, "cannot write the site")


def test_what_a_killed_build_left_is_removed(
    store: Store, tmp_path: Path, processes: Processes
) -> None:
    """Killed while it writes: the next build completes the site and leaves nothing behind."""
    nights(store, SLOWER)
    folder = tmp_path / "site"
    stuck = processes.start(sys.executable, "-c", STUCK, store.label, folder, cwd=REPOSITORY)
    wait_until(lambda: any((folder / "runs").glob(".hil-*.tmp")))
    stuck.kill()
    stuck.wait()
    (left,) = (folder / "runs").glob(".hil-*.tmp")
    os.utime(left, (0, 0))  # one of the last minute may be of another process
    mine = folder / "runs" / ".hil-mine.tmp"
    mine.write_text("mine", encoding="utf-8")
    built = site(store, folder)
    assert len(built.files.written) == 5
    assert [path.name for path in folder.rglob("*.tmp")] == [mine.name]
    fresh = site(store, tmp_path / "fresh").folder
    mine.unlink()
    assert contents(folder) == contents(fresh)


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        '{"schema": "other/1", "files": {}}',
        '{"schema": "hil.site.files/1", "files": []}',
        '{"schema": "hil.site.files/1", "files": {"../../victim": "x 1"}}',
        '{"schema": "hil.site.files/1", "files": {"index.html": 3}}',
    ],
)
def test_a_damaged_list_is_an_error_and_nothing_is_removed(tmp_path: Path, text: str) -> None:
    folder, victim = tmp_path / "a" / "site", tmp_path / "victim"
    folder.mkdir(parents=True)
    victim.write_text("mine", encoding="utf-8")
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="is damaged") as caught:
        publish(folder, pages(a="1"))
    assert "-o DIR" in caught.value.hint
    assert victim.exists()
    assert not (folder / "trends" / "a.html").exists()


def test_a_list_of_a_newer_version_is_an_error(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"schema": "hil.site.files/7"}', encoding="utf-8")
    with pytest.raises(UsageError, match="newer version of hil") as caught:
        publish(tmp_path, pages(a="1"))
    assert "update hil" in caught.value.hint


def test_unchanged_pages_are_not_rendered(tmp_path: Path) -> None:
    publish(tmp_path, pages(a="1", b="2"))
    same = [Page(page.name, page.key, never) for page in pages(a="1", b="2")]
    assert publish(tmp_path, same).unchanged == ("trends/a.html", "trends/b.html")


def test_pages_are_written_before_what_links_to_them(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    written = site(store, tmp_path / "site").files.written
    kinds = [name.partition("/")[0] for name in written]
    assert kinds == sorted(kinds, key=["runs", "trends", "index.html", "feed.xml"].index)


def test_the_list_names_every_file_with_its_size(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    folder = site(store, tmp_path / "site").folder
    listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    found = contents(folder)
    del found[MANIFEST]
    assert {name: int(entry.split()[1]) for name, entry in listed.items()} == {
        name: len(content) for name, content in found.items()
    }


def test_a_build_waits_for_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is held while files are written, and no longer."""
    from filelock import FileLock, Timeout

    held = []

    def render() -> str:
        lock = FileLock(tmp_path / publishing.LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            held.append(os.getpid())
        return "text"

    publish(tmp_path, [Page("index.html", "1", render)])
    assert held == [os.getpid()]
    with FileLock(tmp_path / publishing.LOCK).acquire(timeout=0):
        pass
