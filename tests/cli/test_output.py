"""Numbers into words, and anything into JSON."""

from __future__ import annotations

import enum
import io
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

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
    with output.progress() as show:
        show("working")
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_leaves_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pty

    main, side = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(side, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with output.progress() as show:
            show("working " + "y" * 1_000)
        written = os.read(main, 4_096).decode()
    os.close(main)
    assert written.startswith("\r\x1b[Kworking ")
    assert written.endswith("\r\x1b[K")
    assert len(written) < 200
