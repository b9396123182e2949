"""`hil mlperf` on a scripted board, on QEMU's virtual board and on an emulator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil import boards, devices, mlperf_tasks
from hil.bench import pipeline
from hil.boards import Board, MeterSetup
from hil.firmware.elf import build_id
from hil.tflite.model import Model

from tests.support.fake_dut import on_pty
from tests.support.hil import Result, hil
from tests.support.mlperf_dut import MlperfDut
from tests.support.mlperf_models import task_model, write_data

PROFILE = "stm32l4"


@pytest.fixture(autouse=True)
def own_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))


def model_file(tmp_path: Path, model_id: str) -> Path:
    path = tmp_path / f"{model_id}.tflite"
    path.write_bytes(task_model(model_id))
    return path


@contextmanager
def scripted(
    path: Path,
    task: str,
    *,
    virtual: bool = True,
    meter: MeterSetup | None = None,
    baud: int | None = None,
    **options: Any,
) -> Iterator[MlperfDut]:
    """A board 'desk' that runs the very firmware that will be built for it."""
    board = Board(name="desk", profile=PROFILE, port="/dev/null", virtual=virtual, meter=meter)
    boards.save(board, replace=True)
    model, profile = Model.read(path), devices.load(PROFILE)
    request = pipeline.Request(model, profile, target="board", machine="desk", mlperf=task)
    job = pipeline.prepare(request)
    if baud is not None:
        job = replace(job, platform=replace(job.platform, baud=baud))
    dut = MlperfDut(
        model,
        mlperf_tasks.find(task),
        build=build_id(pipeline.build_firmware(job).elf),
        clock_hz=job.platform.clock_hz,
        **options,
    )
    with on_pty(dut) as port:
        boards.save(board.model_copy(update={"port": port}), replace=True)
        yield dut


def mlperf(mode: str, model_id: str, tmp_path: Path, *more: object, board: str = "desk") -> Result:
    where: list[object] = ["--results", tmp_path / "results", "--json"]
    if mode != "energy":  # which stores nothing
        where += ["--db", tmp_path / "runs.db"]
    path = tmp_path / f"{model_id}.tflite"
    return hil("mlperf", mode, model_id, path, "--board", board, *where, *more)


@pytest.mark.parametrize("model_id", ["kws01", "ad01"])
def test_performance_is_the_median_of_five_windows(tmp_path: Path, model_id: str) -> None:
    path, data = model_file(tmp_path, model_id), tmp_path / "data"
    write_data(data, model_id, 6)
    slower = {9: 1.1, 10: 0.9}  # commands 0-4 check the outputs, 5 is a trial, then the windows
    with scripted(path, model_id, latency_us=lambda n: 200_000 * slower.get(n, 1.0)) as dut:
        done = mlperf("performance", model_id, tmp_path, "--data", data)
    assert done.code == 0, done
    found = done.envelope["data"]
    warmups = mlperf_tasks.find(model_id).official_warmups
    assert dut.infers[:6] == [(1, 0)] * 5 + [(10, warmups)]
    # the last window took 0.9 of the time that was planned with, and was run again
    assert dut.infers[6:] == [(51, warmups)] * 5 + [(57, warmups)]
    assert dut.chunks == {31, mlperf_tasks.find(model_id).sent_bytes % 31}
    assert found["figures"]["throughput"]["value"] == pytest.approx(5.0)
    assert found["figures"]["latency_us"]["n"] == 5
    assert found["figures"]["latency_us"]["spread_pct"] == pytest.approx(10.0, abs=0.1)
    assert found["kind"] == "modelled"
    assert [one["file"] for one in found["results"]] == [f"item_{at}.bin" for at in range(5)]
    folder = Path(found["folder"])
    assert folder == tmp_path / "results" / "desk" / mlperf_tasks.find(model_id).short / (
        "performance"
    )
    text = (folder / "results.txt").read_text()
    assert re.search(r".* Median throughput is\s+5\.000 inf\./sec\..*", text)
    assert text.count("Runtime requirements have been met.") == 5
    assert "not written by the official runner" in text.splitlines()[0]
    assert json.loads((folder / "results.json").read_text())["kind"] == "modelled"
    log = (folder / "log.txt").read_text()
    assert "> infer 57" in log
    assert not re.search(r"> db [0-9A-F]", log)


def test_a_board_whose_clock_is_not_this_computers_is_refused(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    with scripted(path, "kws01", virtual=False):
        done = mlperf("performance", "kws01", tmp_path)
    done.refuses(3, "the device says that", "inferences took", "answer came after")
    assert not (tmp_path / "results").exists()


def test_a_wrong_output_has_no_throughput(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    with scripted(path, "kws01", wrong=True) as dut:
        done = mlperf("performance", "kws01", tmp_path)
    done.refuses(3, "differs from")
    assert dut.infers == [(1, 0)]


def test_a_device_of_another_task_is_refused(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    with scripted(path, "kws01", model_id="ic01"):
        done = mlperf("performance", "kws01", tmp_path)
    done.refuses(3, "its model is 'ic01', not 'kws01'")


def test_a_clock_that_stands_still_has_no_windows(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    with scripted(path, "kws01", latency_us=lambda n: 0.0):
        done = mlperf("performance", "kws01", tmp_path)
    done.refuses(3, "clock does not count")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sww01",), "streams audio over I2S"),
        (("kws",), "no benchmark 'kws'"),
        (("ic01",), "its input has 490 elements"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    path = model_file(tmp_path, "kws01")
    hil("mlperf", "performance", *words, path, "-p", PROFILE).refuses(2, expected)


def test_accuracy_is_computed_from_the_devices_answers_and_stored(tmp_path: Path) -> None:
    path, data = model_file(tmp_path, "vww01"), tmp_path / "data"
    write_data(data, "vww01", 6)
    with scripted(path, "vww01") as dut:
        done = mlperf("accuracy", "vww01", tmp_path, "--data", data)
        again = mlperf("accuracy", "vww01", tmp_path, "--data", data)
    found = done.envelope["data"]
    assert (done.code, again.code) in ((0, 0), (1, 1))  # 1: the random model is below the target
    assert dut.infers == [(1, 0)] * 6  # the second call had nothing to run
    assert {**again.envelope["data"], "provenance": {}} == {**found, "provenance": {}}
    assert found["figures"]["top1"]["n"] == 6
    folder = Path(found["folder"])
    assert re.search(r".* Top 1% = \d+\.\d$", (folder / "results.txt").read_text(), re.MULTILINE)
    assert found["obstacles"] == [
        "modelled, not measured",
        "the labels are not those of the official data set",
    ]
    listed = hil("accuracy", "--list", "--db", tmp_path / "runs.db", "--json").envelope["data"]
    [stored] = listed["evaluations"]
    assert stored["accuracy"]["main"]["value"] == found["figures"]["top1"]["value"]
    assert stored["accuracy"]["equal"] == 6


def test_an_interrupted_accuracy_run_continues(tmp_path: Path) -> None:
    path, data = model_file(tmp_path, "ad01"), tmp_path / "data"
    write_data(data, "ad01", 4, windows=3)
    with scripted(path, "ad01") as dut:
        dut.mischief.silent_at = ""
        dut.stop_after = 7
        first = mlperf("accuracy", "ad01", tmp_path, "--data", data, "--timeout", "1")
    assert first.code == 3
    with scripted(path, "ad01") as dut:
        done = mlperf("accuracy", "ad01", tmp_path, "--data", data)
    assert done.code in (0, 1), done
    assert len(dut.infers) == 12 - 6
    assert done.envelope["data"]["figures"]["auc"]["n"] == 4
    assert [one["infer"]["iterations"] for one in done.envelope["data"]["results"]] == [3] * 4


def test_an_emulators_performance_is_the_timing_models(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    where = ("--results", tmp_path / "results", "--db", tmp_path / "runs.db", "--json")
    machine = ("--emulator-machine", "mps2-an386")
    done = hil("mlperf", "performance", "kws01", path, "-p", PROFILE, *machine, *where)
    assert done.code == 0, done
    found = done.envelope["data"]
    assert (found["kind"], found["system"], found["results"]) == (
        "modelled",
        f"{PROFILE}-qemu",
        [],
    )
    latency = found["figures"]["latency_us"]
    assert latency["kind"] == "modelled"
    assert latency["uncertainty_pct"] > 0
    assert found["figures"]["throughput"]["value"] == pytest.approx(1e6 / latency["value"])
    assert any("no window was run" in note for note in found["notes"])
    runs = hil("history", "--db", tmp_path / "runs.db", "--json").envelope["data"]["runs"]
    assert [run["run_id"] for run in runs] == [found["provenance"]["run"]]


WATTS, IDLE_W, RATE_HZ = 0.045, 0.010, 2_000.0


def recording(path: Path, window_s: float, *, pulse_s: float = 0.001) -> MeterSetup:
    """A meter that always records one window: pulses of the pin at both of its ends."""
    first_s, pause_s = 0.5, 0.5
    at = np.arange(round((first_s + window_s + pause_s) * RATE_HZ)) / RATE_HZ
    inside = (first_s <= at) & (at < first_s + window_s)
    low = np.any([(one <= at) & (at < one + pulse_s) for one in (first_s, first_s + window_s)], 0)
    np.savez(
        path,
        power_w=np.where(inside, WATTS, IDLE_W),
        trigger=(~low).astype(np.uint8),
        rate_hz=RATE_HZ,
    )
    options = {"file": str(path), "windows": "pulses", "accuracy_pct": "0.5", "trigger": "trigger"}
    return MeterSetup(name="recording", options=options)


def test_energy_is_the_median_of_five_recorded_windows(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    meter = recording(tmp_path / "supply.npz", 51 * 0.2)
    options = {"latency_us": lambda n: 200_000.0, "meter": meter, "baud": 9600}
    with scripted(path, "kws01", **options) as dut:
        done = mlperf("energy", "kws01", tmp_path)
    assert done.code == 0, done
    found = done.envelope["data"]
    assert dut.chunks == {26, 490 % 26}
    assert dut.infers[-5:] == [(51, 10)] * 5
    assert found["figures"]["energy_uj"]["value"] == pytest.approx(WATTS * 0.2 * 1e6, rel=1e-3)
    assert found["figures"]["energy_uj"]["n"] == 5
    assert found["figures"]["energy_uj"]["kind"] == "modelled"  # the board is a virtual one
    assert found["figures"]["energy_uj"]["uncertainty_pct"] > 0.3
    assert found["figures"]["power_mw"]["value"] == pytest.approx(45, rel=1e-3)
    assert found["provenance"]["baud"] == 9600
    text = (Path(found["folder"]) / "results.txt").read_text()
    assert re.search(r"^Median energy cost is 9\d{3}\.\d{4} uJ/inf\.$", text, re.MULTILINE)
    assert text.count("Energy data for trial") == 5


def test_a_recording_that_contradicts_the_device_has_no_energy(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    meter = recording(tmp_path / "supply.npz", 8.0)
    options = {"latency_us": lambda n: 200_000.0, "meter": meter, "baud": 9600}
    with scripted(path, "kws01", **options):
        mlperf("energy", "kws01", tmp_path).refuses(3, "8000", "by the device's clock")


def test_energy_needs_a_meter(tmp_path: Path) -> None:
    path = model_file(tmp_path, "kws01")
    with scripted(path, "kws01"):
        mlperf("energy", "kws01", tmp_path).refuses(2, "has no energy meter")
