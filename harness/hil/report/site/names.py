"""Names of the site's files, safe on any file system whatever models and runs are called."""

from __future__ import annotations

import hashlib
import re

INDEX = "index.html"
FEED = "feed.xml"
MANIFEST = ".hil-site.json"
LOCK = ".hil-site.lock"
OURS = re.compile(r"index\.html|feed\.xml|(?:trends|runs)/[a-z0-9][a-z0-9._-]*\.html")
"""The names that a site's pages can have; nothing else is ever written or removed."""

_LONGEST = 80
_SAFE = re.compile(r"[a-z0-9][a-z0-9._-]*")


def trend_page(model: str, profile: str) -> str:
    """Return the file of a model on a profile: readable, and unique by a hash of both names."""
    return f"trends/{_slug(f'{model}-{profile}')}-{_hash(model, profile)}.html"


def run_page(run_id: str) -> str:
    """Return the file of a run: its id in lower case, which stays unique for ids made by hil."""
    plain = run_id.lower()
    if re.fullmatch(r"\d{8}t\d{6}-[0-9a-f]{6}", plain) and run_id[8] == "T":
        return f"runs/{plain}.html"
    return f"runs/{_slug(run_id)}-{_hash(run_id)}.html"


def _slug(text: str) -> str:
    """Lower case letters, digits and single hyphens of a text; ``x`` where nothing is left."""
    plain = re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-._")
    plain = re.sub(r"\.{2,}", ".", plain)[:_LONGEST].rstrip("-._")
    return plain or "x"


def _hash(*texts: str) -> str:
    joined = "".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:8]
