"""kws on QEMU's virtual board: by hil, and by the official runner where a checkout is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil import boards, devices
from hil.bench import pipeline
from hil.boards import Board, FlasherSetup
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.registry import flasher
from hil.targets.interface import EmulatedBoard
from hil.targets.registry import board_emulator
from hil.tflite.model import Model

from tests.conftest import MODELS
from tests.support.hil import hil
from tests.support.mlperf_models import write_data
from tests.support.tools import tool

PROFILE = "stm32l4"
KWS = MODELS / "kws_int8.tflite"
SHIM = '''"""A pseudo-terminal has no USB identity: one port is shown with that of the runner's."""
import os
import usb.core
from serial.tools import list_ports, list_ports_common

port = list_ports_common.ListPortInfo(os.environ["DUT_PORT"])
port.vid, port.pid, port.description = 0x0483, 0x374B, "virtual board"
list_ports.comports = lambda include_links=False: [port]
usb.core.find = lambda *names, **options: []
'''


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedBoard]:
    """A virtual board, in boards.toml as 'virtual'."""
    tool("gdb-multiarch")
    tool("qemu-system-arm")
    if not KWS.is_file():
        pytest.skip("the MLPerf Tiny models are not beside the project")
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))
    emulator = board_emulator()
    with emulator.virtual_board(emulator.virtual_platform(devices.load(PROFILE))) as running:
        setup = FlasherSetup(name="gdb", options={"server": running.server})
        entry = Board(
            name="virtual", profile=PROFILE, port=running.port, virtual=True, flasher=setup
        )
        boards.save(entry)
        yield running


def test_a_window_lasts_10_s_of_the_virtual_boards_clock(
    board: EmulatedBoard, tmp_path: Path
) -> None:
    done = hil(
        *("mlperf", "performance", "kws01", KWS, "--board", "virtual", "--json"),
        *("--results", tmp_path / "results"),
    )
    assert done.code == 0, done
    found = done.envelope["data"]
    windows = [one["infer"] for one in found["results"]]
    assert len(windows) == 5
    for window in windows:
        assert 10.0e6 <= window["elapsed_time"] <= 10.3e6
        assert window["iterations"] >= 10
    # instructions have a fixed time there, and all inputs take the same code
    assert found["figures"]["throughput"]["spread_pct"] < 0.1
    assert found["figures"]["throughput"]["kind"] == "modelled"
    assert found["provenance"]["board_virtual"] is True


@pytest.mark.parametrize(("mode", "inferences"), [("p", 300), ("a", 1)])
def test_the_official_runner_drives_the_firmware(
    board: EmulatedBoard, tmp_path: Path, mode: str, inferences: int
) -> None:
    checkout, python = os.environ.get("HIL_MLPERF_RUNNER", ""), os.environ.get("HIL_MLPERF_PYTHON")
    if not checkout or not python:
        pytest.skip("HIL_MLPERF_RUNNER and HIL_MLPERF_PYTHON name no checkout of mlcommons/tiny")
    runner = Path(checkout) / "benchmark" / "runner"
    _flash(board)
    write_data(tmp_path / "data", "kws01", 24)
    script = runner / ("tests_performance.yaml" if mode == "p" else "tests_accuracy.yaml")
    own = tmp_path / "tests.yaml"  # the submitter's: how many inferences make 10 s
    own.write_text(script.read_text().replace("infer 70 10", f"infer {inferences} 10"))
    (tmp_path / "shim").mkdir()
    (tmp_path / "shim" / "sitecustomize.py").write_text(SHIM)
    done = subprocess.run(
        [
            *(python, runner / "main.py", f"--dataset_path={tmp_path / 'data'}"),
            *(f"--test_script={own}", f"--mode={mode}"),
            f"--device_list={runner / 'devices_kws_ic_vww.yaml'}",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "DUT_PORT": board.port,
            "PYTHONPATH": str(tmp_path / "shim"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done
    [results] = (tmp_path / "sessions").glob("*/results.txt")
    text = results.read_text()
    if mode == "p":
        assert re.search(r"Median throughput is\s+9\.\d+ inf\./sec\.", text), done.stdout[-2000:]
        assert text.count("Runtime requirements have been met.") == 5
    else:
        assert re.search(r"Top 1% = \d+\.\d", text), done.stdout[-2000:]
        assert re.search(r"AUC = 0\.\d{3}", text)
    shutil.rmtree(tmp_path / "sessions")


def _flash(board: EmulatedBoard) -> None:
    """Write the firmware of kws01, as `hil deploy` does."""
    profile = devices.load(PROFILE)
    request = pipeline.Request(
        Model.read(KWS), profile, target="board", machine="virtual", mlperf="kws01"
    )
    firmware = pipeline.build_firmware(pipeline.prepare(request))
    flasher("gdb").flash(FlashJob(firmware.elf, profile, options={"server": board.server}))
