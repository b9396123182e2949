"""The gate's Markdown as a comment of the pull request: one comment, updated by every run.

The first line of the Markdown is a marker, an HTML comment by which the comment of an earlier run
is found. Called by ``scripts/action comment``; ``MARKDOWN`` names the file and ``GITHUB_TOKEN`` is
a token that may write comments (``pull-requests: write``), which a run for a fork does not have.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST = 65_000  # characters; GitHub takes 65,536
PAGE = 100
TIMEOUT_S = 30


def main() -> int:
    """Create or update the comment; return the exit code. Missing permission is no failure."""
    number = _pull_request()
    if number is None:
        print("not a pull request: no comment")
        return 0
    text = Path(os.environ["MARKDOWN"]).read_text(encoding="utf-8")
    marker = text.partition("\n")[0]
    if not marker.startswith("<!--"):
        print(f"error: {os.environ['MARKDOWN']} does not begin with a marker", file=sys.stderr)
        return 2
    if len(text) > MOST:
        text = text[:MOST] + "\n\n… (the artifact has the rest)\n"
    try:
        print(f"comment: {_put(f'repos/{_repository()}', number, marker, text)}")
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):
            print(
                f"::notice title=hil::no comment: this run may not write one (HTTP {error.code}); "
                "the workflow needs 'pull-requests: write', which a fork's run does not get"
            )
            return 0
        print(f"::warning title=hil::no comment: {error}")
        return 0
    except OSError as error:
        print(f"::warning title=hil::no comment: {error}")
    return 0


def _repository() -> str:
    return os.environ["GITHUB_REPOSITORY"]


def _pull_request() -> int | None:
    """The number of the pull request that the workflow runs for."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        return None
    event = json.loads(Path(path).read_text(encoding="utf-8"))
    number = event.get("pull_request", {}).get("number")
    return int(number) if number is not None else None


def _put(base: str, number: int, marker: str, text: str) -> str:
    """Update the comment that begins with ``marker``, or create it; return its address."""
    for comment in _comments(base, number):
        if comment["body"].startswith(marker):
            return str(_call("PATCH", f"{base}/issues/comments/{comment['id']}", text)["html_url"])
    return str(_call("POST", f"{base}/issues/{number}/comments", text)["html_url"])


def _comments(base: str, number: int) -> Iterator[dict[str, Any]]:
    page = 1
    while found := _call("GET", f"{base}/issues/{number}/comments?per_page={PAGE}&page={page}"):
        yield from found
        if len(found) < PAGE:
            return
        page += 1


def _call(method: str, path: str, body: str | None = None) -> Any:
    """Call GitHub's REST API.

    Raises:
        HTTPError: it refused.
        OSError: it cannot be reached.
    """
    root = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    request = urllib.request.Request(
        f"{root}/{path}",
        method=method,
        data=json.dumps({"body": body}).encode() if body is not None else None,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ.get('GITHUB_TOKEN', '')}",
            "Content-Type": "application/json",
            "User-Agent": "hil",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
