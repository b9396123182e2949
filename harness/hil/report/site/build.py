"""Builds the site: from the store's history to pages, of which only those that changed are made."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from hil import figures, files
from hil.errors import UsageError
from hil.records import RunRecord
from hil.report.compare.choose import cases
from hil.report.output.html import Link, render_html, render_page
from hil.report.report_view import report_view
from hil.report.run.evidence import evidence
from hil.report.site import feed
from hil.report.site.index_view import index_view
from hil.report.site.names import FEED, INDEX, run_page, trend_page
from hil.report.site.publish import Page, Published, check_folder, publish
from hil.report.site.reference import Baseline, Reference, load, reference
from hil.report.site.series import SHOWN, Event, Kind, Trend, all_events, trends
from hil.report.site.trend_view import explained, trend_view
from hil.report.words.stamp import made_at, source_date
from hil.resources import data_dir
from hil.store import Store
from hil.store.history import first_run, past_accuracies, past_runs

RunPages = Literal["all", "steps", "none"]
DEFAULT_TITLE = "Benchmarks"
_KEPT_RECORDS = 100


@dataclass(frozen=True)
class Wanted:
    """What a site is to have.

    ``runs`` says which runs have a page: ``steps`` are the newest of each series and those beside
    its newest steps. ``url`` is where the site will be published, for the feed. ``baseline`` is the
    name of the baseline to compare with, None for the first run of each series.
    """

    title: str = DEFAULT_TITLE
    since: datetime | None = None
    baseline: str | None = None
    runs: RunPages = "steps"
    url: str = ""
    reproducible: bool = False


@dataclass(frozen=True)
class Built:
    """A site: its folder, what was done to its files, and what it shows."""

    folder: Path
    files: Published
    runs: int
    series: int
    events: tuple[Event, ...]

    @property
    def index(self) -> Path:
        """The first page."""
        return self.folder / INDEX

    @property
    def regressions(self) -> tuple[Event, ...]:
        """The events in which something got worse, the newest first."""
        return tuple(event for event in self.events if event.is_regression)


def build(
    store: Store,
    folder: Path | str,
    wanted: Wanted | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Build the site of a store into ``folder``, or bring the one that is there up to date.

    ``progress`` is called with the number of the page that is made, and of how many.

    Raises:
        UsageError: no run matches, there is no such baseline, or the folder is a file, has other
            files in the place of pages, or has a site of a newer version of hil.
        MissingTool: the folder cannot be written.
        StoreError: the database, or a run in it, cannot be read.
    """
    wanted = wanted or Wanted()
    folder = Path(folder).expanduser().absolute()
    site = _Site(store, wanted)
    check_folder(folder)
    done = publish(folder, site.pages(), progress)
    return Built(
        folder,
        done,
        sum(len(one.runs) for trend in site.trends for one in trend.series),
        sum(len(trend.series) for trend in site.trends),
        tuple(site.events),
    )


class _Site:
    """All that the pages are made of; documents are read only while a page is made."""

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self._wanted = wanted
        self.trends = trends(
            past_runs(store, SHOWN, since=wanted.since), past_accuracies(store, since=wanted.since)
        )
        if not self.trends:
            raise _nothing(store, wanted)
        baseline = load(store, wanted.baseline) if wanted.baseline is not None else None
        self._references = _references(self.trends, baseline)
        self._store = store
        self._records = _Records(store)
        self._linked = _linked(self.trends, wanted.runs)
        self._made = made_at(reproducible=wanted.reproducible)
        self._fixed = (
            _code_key(),
            wanted.title,
            "" if wanted.reproducible else source_date() or "now",
        )
        self.events = all_events(self.trends)

    def pages(self) -> list[Page]:
        """The pages in the order in which they are to be written: no link leads to nothing."""
        found: list[Page] = []
        for trend in self.trends:
            for run in (run for one in trend.series for run in one.runs):
                if run.run_id in self._linked:
                    found.append(self._run_page(run.run_id, trend))
            found.append(self._trend_page(trend))
        return [*found, self._index_page(), self._feed()]

    def _run_page(self, run_id: str, trend: Trend) -> Page:
        known = [
            (one.evaluation_id, one.status, one.accuracy)
            for series in trend.series
            for one in series.accuracies
        ]
        back = Link(
            f"../{trend_page(trend.model, trend.profile)}", f"{trend.model} on {trend.profile}"
        )
        links = (Link(f"../{INDEX}", self._wanted.title), back)

        def render() -> str:
            (run,) = self._records.get([run_id]).values()
            view = report_view([run], cases([run]), None, evidence(self._store, [run]))
            return render_html(replace(view, generated=self._made), links)

        return Page(run_page(run_id), _key(self._fixed, "run", run_id, known, links), render)

    def _trend_page(self, trend: Trend) -> Page:
        links = (Link(f"../{INDEX}", self._wanted.title),)
        references = [self._references[one.kind] for one in trend.series]
        linked = sorted(
            run.run_id for one in trend.series for run in one.runs if run.run_id in self._linked
        )
        key = _key(self._fixed, "trend", trend, references, linked)

        def render() -> str:
            view = trend_view(trend, self._references, self._linked, self._made, self._records.get)
            return render_page("site/trend.html.j2", view, links)

        return Page(trend_page(trend.model, trend.profile), key, render)

    def _index_page(self) -> Page:
        view = index_view(self.trends, self._references, self._linked, self._wanted.title, "")
        key = _key(self._fixed, "index", view)

        def render() -> str:
            return render_page("site/index.html.j2", replace(view, generated=self._made))

        return Page(INDEX, key, render)

    def _feed(self) -> Page:
        text = feed.render(
            self.events, self._wanted.title, self._wanted.url, first_run(self._store)
        )
        return Page(FEED, _key("feed", text), lambda: text)


class _Records:
    """Runs by id, the ones used last kept: pages beside each other need the same ones."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, RunRecord] = OrderedDict()

    def get(self, run_ids: Sequence[str]) -> Mapping[str, RunRecord]:
        """Return the runs that exist by id, reading those that are not kept in one query."""
        wanted = list(dict.fromkeys(run_ids))
        found = {run_id: self._kept[run_id] for run_id in wanted if run_id in self._kept}
        missing = [run_id for run_id in wanted if run_id not in found]
        found |= {run.run_id: run for run in self._store.load(missing)} if missing else {}
        for run_id, run in found.items():
            self._kept[run_id] = run
            self._kept.move_to_end(run_id)
        while len(self._kept) > _KEPT_RECORDS:
            self._kept.popitem(last=False)
        return found


def _nothing(store: Store, wanted: Wanted) -> UsageError:
    if first_run(store) and wanted.since is not None:
        return UsageError(
            f"no run in {store.label} passed or failed since {wanted.since:%Y-%m-%d %H:%M}",
            hint="give an earlier time with --since, or leave it out",
        )
    what = "no run that passed or failed" if first_run(store) else "no run"
    return UsageError(
        f"there is {what} in {store.label}: a site needs at least one",
        hint="`hil run MODEL.tflite` makes one; --db names another database",
    )


def _references(found: Iterable[Trend], baseline: Baseline | None) -> dict[Kind, Reference | None]:
    return {one.kind: reference(one, baseline) for trend in found for one in trend.series}


def _linked(found: Iterable[Trend], which: RunPages) -> frozenset[str]:
    """The ids of the runs that have a page."""
    chosen: set[str] = set()
    for one in (one for trend in found for one in trend.series):
        if which == "all":
            chosen.update(run.run_id for run in one.runs)
        elif which == "steps" and one.last is not None:
            chosen.add(one.last.run_id)
            beside = {run.run_id for event in explained(one) for run in (event.before, event.after)}
            chosen.update(run.run_id for run in one.runs if run.run_id in beside)
    return frozenset(chosen)


def _code_key() -> str:
    """A hash of the code and the templates that make the pages."""
    package = Path(__file__).resolve().parents[1]
    parts = files.below(package, "**/*.py")
    parts += files.below(data_dir("reports"), "**/*.j2", "*.css", "*.js")
    parts += [("figures", Path(figures.__file__).read_bytes()), ("hil", version("hil").encode())]
    return files.digest(parts)


def _key(*parts: object) -> str:
    """A hash of plain values and frozen dataclasses of such."""
    text = json.dumps([repr(part) for part in parts])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
