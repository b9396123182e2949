"""scripts/action comment: against an HTTP server that keeps comments as GitHub's API does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.hil import REPOSITORY

TEXT = "<!-- hil gate -->\n### ❌ hil gate: failed\n"


class GitHub(ThreadingHTTPServer):
    """The comments of pull request 7 of owner/models; ``refuses`` is the status of writes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.refuses = 0
        self.tokens: set[str | None] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def _answer(self, status: int, value: object) -> None:
        self.server.tokens.add(self.headers.get("Authorization"))
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> str:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return str(given["body"])

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        assert url.path == "/repos/owner/models/issues/7/comments"
        query = parse_qs(url.query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self._answer(200, self.server.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        assert self.path == "/repos/owner/models/issues/7/comments"
        body = self._body()
        if self.server.refuses:
            self._answer(self.server.refuses, {"message": "refused"})
            return
        number = len(self.server.comments) + 1
        comment = {"id": number, "body": body, "html_url": f"https://github.example/{number}"}
        self.server.comments.append(comment)
        self._answer(201, comment)

    def do_PATCH(self) -> None:
        start, _, number = self.path.rpartition("/")
        assert start == "/repos/owner/models/issues/comments"
        comment = self.server.comments[int(number) - 1]
        comment["body"] = self._body()
        self._answer(200, comment)

    def log_message(self, format: str, *arguments: object) -> None: ...


@contextlib.contextmanager
def served() -> Iterator[GitHub]:
    server = GitHub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def github() -> Iterator[GitHub]:
    with served() as server:
        yield server


def call(
    folder: Path, address: str, text: str = TEXT, event: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    markdown, path = folder / "gate.md", folder / "event.json"
    markdown.write_text(text, encoding="utf-8")
    path.write_text(json.dumps({"pull_request": {"number": 7}} if event is None else event))
    env = {
        **os.environ,
        "GITHUB_API_URL": address,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": "owner/models",
        "GITHUB_TOKEN": "secret",
        "MARKDOWN": str(markdown),
    }
    command = [str(REPOSITORY / "scripts" / "action"), "comment"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_first_run_creates_the_comment_and_the_next_updates_it(
    github: GitHub, tmp_path: Path
) -> None:
    # A page is full of other comments, one of which quotes ours.
    others = [{"id": n, "body": f"> {TEXT}", "html_url": ""} for n in range(1, 101)]
    github.comments = list(others)
    assert call(tmp_path, github.address).stdout == "comment: https://github.example/101\n"
    assert [one["body"] for one in github.comments[100:]] == [TEXT]
    later = TEXT.replace("failed", "passed")
    assert call(tmp_path, github.address, later).stdout == "comment: https://github.example/101\n"
    assert [one["body"] for one in github.comments[100:]] == [later]
    assert github.comments[:100] == others
    assert github.tokens == {"Bearer secret"}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_without_permission_there_is_a_notice_and_no_failure(
    github: GitHub, tmp_path: Path, status: int
) -> None:
    github.refuses = status
    done = call(tmp_path, github.address)
    assert done.returncode == 0
    assert done.stdout.startswith("::notice title=hil::no comment: this run may not write one")
    assert github.comments == []


def test_a_server_that_fails_or_is_away_does_not_fail_the_job(
    github: GitHub, tmp_path: Path
) -> None:
    github.refuses = 500
    for address in (github.address, "http://127.0.0.1:1"):
        done = call(tmp_path, address)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("::warning title=hil::no comment: ")


def test_a_push_has_no_comment(github: GitHub, tmp_path: Path) -> None:
    done = call(tmp_path, github.address, event={"ref": "refs/heads/main"})
    assert (done.returncode, done.stdout) == (0, "not a pull request: no comment\n")
    assert github.tokens == set()


def test_a_text_that_is_too_long_is_cut(github: GitHub, tmp_path: Path) -> None:
    call(tmp_path, github.address, TEXT + "x" * 70_000)
    (comment,) = github.comments
    assert len(comment["body"]) < 65_536
    assert comment["body"].endswith("(the artifact has the rest)\n")


def test_a_text_without_a_marker_is_an_error(github: GitHub, tmp_path: Path) -> None:
    done = call(tmp_path, github.address, "### hil gate\n")
    assert done.returncode == 2
    assert "does not begin with a marker" in done.stderr
