"""``hil.build_site``: the history of all stored runs as static pages."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Literal

from hil._api.stores import Store, open_store


def build_site(
    folder: str | Path,
    *,
    store: Store | str | Path | None = None,
    title: str | None = None,
    since: datetime | None = None,
    baseline: str | None = None,
    runs: Literal["all", "steps", "none"] = "steps",
    url: str = "",
    reproducible: bool = False,
) -> Path:
    """Build the site of all stored runs into ``folder``, or bring it up to date.

    Args:
        folder: made where there is none; files in it that are not of a site are left alone.
        store: an open store, a database's file or URL, or None for the command line's.
        title: of every page.
        since: only runs since then; UTC where it has no time zone.
        baseline: name of the baseline to compare last values with; else the first runs.
        runs: which runs have a page: those beside the newest steps, all, or none.
        url: where the site will be published, for absolute links in its feed.
        reproducible: leave out when it was made.

    Returns:
        The path of the first page.

    Raises:
        UsageError: no run matches, there is no such baseline, or the folder cannot have a site.
        MissingTool: the folder cannot be written.
        StoreError: the database cannot be used.
    """
    from hil.report.site.build import DEFAULT_TITLE, Wanted, build

    wanted = Wanted(
        title=title or DEFAULT_TITLE,
        since=since,
        baseline=baseline,
        runs=runs,
        url=url,
        reproducible=reproducible,
    )
    given = nullcontext(store) if isinstance(store, Store) else open_store(store)
    with given as opened:
        return build(opened._database, folder, wanted).index
