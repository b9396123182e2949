"""Recordings in files: their forms, the command that records, damage."""

from __future__ import annotations

import contextlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hil.errors import HilError, MeterFailed, MissingTool, UsageError
from hil.records import Recording
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.recording import RecordingFile
from hypothesis import given, settings
from hypothesis import strategies as st


def meter(path: Path, volts: float | None = 3.0, **options: str) -> RecordingFile:
    return RecordingFile(MeterOptions(volts, {"file": str(path), "accuracy_pct": "1", **options}))


def read(path: Path, text: str | None = None, **options: str) -> Recording:
    if text is not None:
        path.write_text(text)
    made = meter(path, **options)
    made.open()
    made.power(True)
    made.start()
    found = made.stop()
    made.close()
    return found


CSV = "time_ms,current_ma,d0\n0,1,1\n1,2,0\n2,3,0\n3,4,1\n"


def test_columns_have_units_times_give_the_rate_and_lines_edges(tmp_path):
    found = read(tmp_path / "a.csv", CSV)
    assert found.rate_hz == pytest.approx(1000)
    assert (found.quantity, found.volts) == ("A", 3.0)
    np.testing.assert_allclose(found.values, [1e-3, 2e-3, 3e-3, 4e-3])
    assert [(e.at_s, e.rising) for e in found.edges] == [
        (pytest.approx(0.001), False),
        (pytest.approx(0.003), True),
    ]
    assert found.instrument == "recording a.csv"


def test_a_gap_in_the_times_is_lost_samples(tmp_path):
    rows = "".join(f"{k},{k + 1}\n" for k in range(50) if k not in (7, 8))
    found = read(tmp_path / "a.csv", "time_ms,power_mw\n" + rows, windows="none")
    assert found.lost == 2
    assert np.isnan(found.values[7:9]).all()
    assert found.values[9] == pytest.approx(0.010)


def test_a_power_profilers_export_is_read_with_its_lines(tmp_path):
    header = "Timestamp(ms),Current(uA),D0-D7,D0,D1,D2,D3,D4,D5,D6,D7\n"
    rows = "".join(
        f"{k / 100},{100 + k}.000,{line}0000000,{line},0,0,0,0,0,0,0\n"
        for k, line in enumerate("1100001")
    )
    found = read(tmp_path / "a.csv", header + rows)
    assert found.rate_hz == pytest.approx(100_000)
    assert found.values[0] == pytest.approx(100e-6)
    assert [edge.rising for edge in found.edges] == [False, True]


def test_an_archive_of_a_power_profiler_has_pairs_of_bits(tmp_path):
    path = tmp_path / "a.ppk2"
    frames = np.array(
        [(10.0, 0x5559), (11.0, 0x5555), (12.0, 0x5559)], dtype=[("ua", "<f4"), ("bits", "<u2")]
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.raw", frames.tobytes())
        archive.writestr("metadata.json", json.dumps({"metadata": {"samplesPerSecond": 1000}}))
    found = read(path, trigger="1")
    assert found.rate_hz == 1000
    assert [(e.at_s, e.rising) for e in found.edges] == [(0.001, False), (0.002, True)]


def write_jls(path: Path, signals: dict[str, tuple[int, int, np.ndarray]]) -> None:
    """``signals``: sample rate, first sample's id and values; inputs are 0 and 1."""
    jls = pytest.importorskip("pyjls")
    with jls.Writer(str(path)) as writer:
        writer.source_def(source_id=1, name="JS220-1", vendor="Jetperch", model="JS220")
        for number, (name, (rate, first, values)) in enumerate(signals.items(), start=1):
            bits = name.startswith("gpi")
            writer.signal_def(
                signal_id=number,
                source_id=1,
                signal_type=jls.SignalType.FSR,
                data_type=jls.DataType.U1 if bits else jls.DataType.F32,
                sample_rate=rate,
                name=name,
            )
            if bits:
                packed = np.packbits(values.astype(np.uint8), bitorder="little")
                writer.fsr(number, first, packed)
            else:
                writer.fsr_f32(number, first, values.astype(np.float32))


def test_a_joulescopes_file_has_current_voltage_and_inputs(tmp_path):
    path = tmp_path / "a.jls"
    line = np.array([1] * 16_000 + [0] * 32_000 + [1] * 16_000)
    current = np.linspace(1e-3, 2e-3, 64_000)
    write_jls(
        path,
        {
            "current": (100_000, 0, current),
            "voltage": (100_000, 0, np.full(64_000, 3.3)),
            "gpi[0]": (100_000, 0, line),
        },
    )
    found = read(path)
    assert (found.quantity, found.rate_hz) == ("A", 100_000)
    np.testing.assert_allclose(found.values, current, rtol=1e-6)
    np.testing.assert_allclose(found.volts, 3.3, rtol=1e-6)
    assert [(e.at_s, e.rising) for e in found.edges] == [(0.16, False), (0.48, True)]


def test_a_joulescopes_power_counts_and_inputs_may_be_faster(tmp_path):
    path = tmp_path / "a.jls"
    line = np.array([1] * 32_000 + [0] * 64_000 + [1] * 32_000)
    signals = {
        "power": (100_000, 0, np.full(64_000, 0.05)),
        "current": (100_000, 0, np.full(64_000, 1.0)),
        "gpi[1]": (200_000, 0, line),
    }
    write_jls(path, signals)
    found = read(path, trigger="1")
    assert found.quantity == "W"
    assert [(e.at_s, e.rising) for e in found.edges] == [(0.16, False), (0.48, True)]
    with pytest.raises(MeterFailed, match="no column '0'"):
        read(path)


def test_a_voltage_column_counts_more_than_the_setting(tmp_path):
    text = "current_a,voltage_mv\n0.01,3300\n0.01,3310\n"
    found = read(tmp_path / "a.csv", text, rate_hz="100", windows="none")
    np.testing.assert_allclose(found.volts, [3.3, 3.31])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "none of the columns"),
        ("a,b\n1,2\n", {}, "none of the columns"),
        ("current_a,current_ma\n1,2\n", {}, "one is needed"),
        ("current_a,current_a\n1,2\n", {}, "same name"),
        ("current_a\n1\n", {}, "no times, and no `rate_hz`"),
        ("current_a\n", {"rate_hz": "10"}, "empty"),
        ("current_a\nx\n", {"rate_hz": "10"}, "could not convert"),
        ("current_a\n1,2\n", {"rate_hz": "10"}, "1 columns are named, 2"),
        ("time_s,current_a\n0,1\n0,1\n", {}, "do not rise"),
        ("time_s,current_a\n0,1\n1,1\n1.5,1\n3,1\n", {"windows": "none"}, "not multiples"),
        ("time_s,current_a\n0,1\n1,1\n1e9,1\n", {"windows": "none"}, "not multiples"),
        ("time_s,current_a\n0,1\n1,1\n", {}, "no column '0'"),
        ("D0-D7,Current(uA)\n1,2\n", {"rate_hz": "10"}, "cannot be used"),
    ],
)
def test_files_that_lack_something_are_refused(tmp_path, text, options, message):
    with pytest.raises(MeterFailed, match=message) as caught:
        read(tmp_path / "a.csv", text, **options)
    assert "docs/energy.md" in caught.value.hint


@pytest.mark.parametrize("suffix", [".npz", ".ppk2", ".csv", ".jls"])
@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_recording_or_an_error(suffix, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes(data)
    with contextlib.suppress(HilError):
        read(path)


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    with pytest.raises(MissingTool, match="no recording"):
        read(tmp_path / "none.csv")
    with pytest.raises(MissingTool, match="no folder"):
        meter(tmp_path / "nowhere" / "a.csv").open()
    with pytest.raises(UsageError, match=r"cannot be read from a\.wav") as caught:
        meter(tmp_path / "a.wav")
    assert ".ppk2" in caught.value.hint
    with pytest.raises(UsageError, match="accuracy_pct"):
        RecordingFile(MeterOptions(3.0, {"file": "a.csv"}))


RECORDER = """
import pathlib, signal, sys
def end(*_):
    pathlib.Path(sys.argv[1]).write_text("current_ma\\n1\\n2\\n")
    sys.exit(STATUS)
signal.signal(signal.SIGINT, end)
pathlib.Path(sys.argv[1] + ".ready").touch()
while True: signal.pause()
"""


def recorder(folder: Path, status: int = 0) -> str:
    script = folder / "recorder.py"
    script.write_text(RECORDER.replace("STATUS", str(status)))
    return f"{sys.executable} {script} {{file}}"


def run_recorder(path: Path, command: str) -> Recording:
    made = meter(path, command=command, rate_hz="10", windows="none")
    made.open()
    made.start()
    ready = Path(f"{path}.ready")
    while not ready.exists() and made._process is not None and made._process.poll() is None:
        pass
    try:
        return made.stop()
    finally:
        made.close()


def test_a_command_records_from_start_to_stop(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("current_ma\n9\n")  # an old one
    assert run_recorder(path, recorder(tmp_path)).values == pytest.approx([1e-3, 2e-3])


def test_a_command_that_fails_or_is_not_there_is_named(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(MeterFailed, match="ended with status 7"):
        run_recorder(path, recorder(tmp_path, 7))
    with pytest.raises(MissingTool, match="cannot start nosuchrecorder"):
        run_recorder(path, "nosuchrecorder {file}")
    with pytest.raises(UsageError, match="invalid command"):
        run_recorder(path, "recorder '")
    with pytest.raises(UsageError, match="empty"):
        run_recorder(path, " ")


def test_a_command_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("hil.targets.meters.recording._END_S", 0.2)
    script = tmp_path / "stubborn.py"
    script.write_text(
        "import pathlib, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1] + '.ready').touch()\n"
        "while True: signal.pause()\n"
    )
    with pytest.raises(MeterFailed, match="did not end within"):
        run_recorder(tmp_path / "a.csv", f"{sys.executable} {script} {{file}}")
