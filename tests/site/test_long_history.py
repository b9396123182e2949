"""A long history is read from columns: what a build costs is counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hil.report.site.build import Built
from hil.store import Store, documents
from sqlalchemy import event

from tests.site.nightly import site
from tests.support.histories import SERIES, fill

NIGHTS = 12


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    database = tmp_path_factory.mktemp("history") / "runs.db"
    fill(database, NIGHTS * SERIES)
    with Store.open(str(database), read_only=True) as store:
        yield store


@contextmanager
def counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Count the statements sent to the database and the documents that are read."""
    counts = {"statements": 0, "documents": 0}

    def statement(*call: object) -> None:
        counts["statements"] += str(call[2]).startswith("SELECT")

    real = documents.load

    def load(*given: object) -> object:
        counts["documents"] += 1
        return real(*given)  # type: ignore[arg-type]

    event.listen(store._engine, "before_cursor_execute", statement)
    with monkeypatch.context() as patch:
        patch.setattr(documents, "load", load)
        yield counts
    event.remove(store._engine, "before_cursor_execute", statement)


def test_only_runs_that_pages_show_are_read(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step and a failure in each series: four runs beside them, and the newest."""
    with counted(filled, monkeypatch) as counts:
        built = site(filled, tmp_path / "site")
    assert (built.runs, built.series) == (NIGHTS * SERIES, SERIES)
    assert len(built.regressions) == 2 * SERIES
    pages = [name for name in built.files.written if name.startswith("runs/")]
    assert len(pages) == 5 * SERIES
    assert counts["documents"] == len(pages)
    assert counts["statements"] < 4 * len(pages)


def test_a_second_build_reads_columns_only(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again() -> Built:
        return site(filled, tmp_path / "site", runs="none")

    again()
    with counted(filled, monkeypatch) as counts:
        built = again()
    assert built.files.written == ()
    assert counts == {"statements": 4, "documents": 0}


def test_the_steps_are_where_they_were_put(filled: Store, tmp_path: Path) -> None:
    built = site(filled, tmp_path / "site", runs="none")
    slower = [one for one in built.events if not one.failed]
    assert {one.after.commit for one in slower} == {f"{7:032x}{7:08x}"}
    assert {round(c.step.change or 0, 6) for one in slower for c in one.changes} == {0.03}
