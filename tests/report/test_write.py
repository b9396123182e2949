from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from hil.errors import UsageError
from hil.report import write_report, write_text

from .page import parse, render_compare
from .report_records import passed


def test_writes_the_file_and_returns_its_absolute_path(tmp_path: Path) -> None:
    os.umask(mask := os.umask(0o022))
    path = write_report([passed()], tmp_path / "report.html", title="Mine")
    assert path == tmp_path / "report.html"
    assert parse(path.read_text(encoding="utf-8")).one("h1").text == "Mine"
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    assert os.listdir(tmp_path) == ["report.html"]


def test_replaces_an_older_report(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    write_text(render_compare([passed(), passed()]), target)
    assert "Comparison" in target.read_text(encoding="utf-8")


def test_a_missing_folder_is_named_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write the report .*nowhere") as caught:
        write_report([passed()], tmp_path / "nowhere" / "report.html")
    assert "-o FILE" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write_report([passed()], tmp_path)


def test_a_write_that_fails_leaves_the_old_report_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # files end after 10,000 bytes
    try:
        with pytest.raises(UsageError, match="File too large"):
            write_report([passed()], target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]
