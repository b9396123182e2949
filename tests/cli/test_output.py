"""Numbers into words, and anything into JSON."""

from __future__ import annotations

import contextlib
import enum
import io
import json
import math
import os
import pty
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hil.cli import output


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: float
    where: Path


def test_json_takes_what_records_are_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    data = {
        "point": Point(math.nan, Path("a/b")),
        "array": np.array([[1, 2], [3, 4]], dtype=np.int8),
        "scalars": (np.float32(0.5), np.int64(7), np.bool_(True), np.float64("inf")),
        "set": {"b", "a"},
        "colour": Colour.RED,
        "bytes": b"\x01\xff",
        3: "µ",
    }
    output.emit_json("hil.test/1", "ok", data, [{"message": "m", "hint": "h"}])
    assert json.loads(capsys.readouterr().out) == {
        "schema": "hil.test/1",
        "status": "ok",
        "data": {
            "point": {"x": None, "where": "a/b"},
            "array": [[1, 2], [3, 4]],
            "scalars": [0.5, 7, True, None],
            "set": ["a", "b"],
            "colour": "red",
            "bytes": "01ff",
            "3": "µ",
        },
        "errors": [{"message": "m", "hint": "h"}],
    }


def test_json_of_a_file_name_that_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8"))
    output.emit_json("hil.test/1", "ok", "m\udcff")
    sys.stdout.flush()
    assert json.loads(written.getvalue().decode("ascii"))["data"] == "m\udcff"


def test_what_json_cannot_say_is_a_bug_not_a_guess() -> None:
    with pytest.raises(TypeError, match="object"):
        output.plain(object())


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "us", "0 µs"),
        (9_999.4, "us", "9,999 µs"),
        (12_345.678, "us", "12.35 ms"),
        (43_210_000, "us", "43.21 s"),
        (0.001234, "uJ", "0.001234 µJ"),
        (512, "bytes", "512 B"),
        (10_240, "B", "10 KiB"),
        (55_500, "B", "54.2 KiB"),
        (1_048_576, "bytes", "1 MiB"),
        (80_000_000, "Hz", "80 MHz"),
        (7_850_123, "cycles", "7,850,123 cycles"),
        (1.23456, "", "1.235"),
        (1.5, "1", "1.500"),
        (-20_000, "us", "-20 ms"),
        (math.nan, "us", "- µs"),
    ],
)
def test_values_with_units(value: float, unit: str, text: str) -> None:
    assert output.format_value(value, unit) == text


def test_tables_show_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    output.print_table(["a", output.Column("b", right=True)], [("[red]1", "10"), (long, "9")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("[red]1")
    assert lines[2].rstrip().endswith(" 10")
    assert long in lines[3]


def test_progress_is_silent_outside_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress() as shown:
        shown.show("working")
    assert capsys.readouterr() == ("", "")


class Terminal:
    """A terminal in the place of stderr; ``text`` is what it showed."""

    def __init__(self) -> None:
        self._main, side = pty.openpty()
        self._side = os.fdopen(side, "w")
        self._shown: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._patch = pytest.MonkeyPatch()
        self.text = ""

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: the other side was closed
            while chunk := os.read(self._main, 4_096):
                self._shown.append(chunk)

    def __enter__(self) -> Self:
        self._patch.setenv("TERM", "xterm")
        self._patch.setenv("COLUMNS", "100")
        self._patch.setattr(sys, "stderr", self._side)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        self._side.close()
        self._reader.join()
        os.close(self._main)
        self.text = b"".join(self._shown).decode()


def test_progress_on_a_terminal_leaves_no_line() -> None:
    with Terminal() as terminal, output.progress("model") as shown:
        shown.stage("build", 0, 0)
        shown.stage("run", 3, 10)
    assert terminal.text.endswith("\x1b[1A\x1b[2K")  # one line up, and clear it


def test_progress_shows_title_stage_detail_and_count() -> None:
    with Terminal() as terminal, output.progress("model") as shown:
        shown.stage("run", 3, 10, "[a/q8]")
    assert "model: running on the target [a/q8]" in terminal.text
    assert "3/10" in terminal.text


def test_progress_is_one_line() -> None:
    with Terminal() as terminal, output.progress() as shown:
        shown.stage("run", 3, 10, "y" * 300)
    assert "yyy" in terminal.text
    assert "y" * 100 not in terminal.text.replace("\r\n", "")


def test_quiet_progress_shows_nothing_on_a_terminal() -> None:
    with Terminal() as terminal, output.progress(quiet=True) as shown:
        shown.show("working")
    assert terminal.text == ""


def test_progress_does_not_mind_that_the_terminal_goes_away() -> None:
    with Terminal(), output.progress() as shown:
        shown.show("working")
        with open("/dev/full", "w") as full:
            os.dup2(full.fileno(), sys.stderr.fileno())
        shown.show("still working")
