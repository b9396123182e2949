"""`hil run` from a .tflite to a stored result, with real QEMU and compiler."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hil import devices
from hil.store import Store

from tests.conftest import MODELS
from tests.support.hil import DIGITS, HIL, REPOSITORY, hil
from tests.support.processes import WAIT_S, Processes

INT8 = DIGITS / "digits_int8.tflite"
FLOAT32 = DIGITS / "digits_float32.tflite"
NAMES = {
    *("latency_us", "cycles", "instructions", "energy_uj", "flash_bytes", "ram_bytes"),
    *("arena_bytes", "stack_bytes", "heap_bytes", "weights_bytes"),
}
KINDS = {"measured", "modelled", "static", "published"}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "hil.db"


def test_json_has_every_promised_figure_with_its_kind(db: Path) -> None:
    result = hil("run", "--profile", "stm32l4", "--json", "--db", db, INT8)
    assert result.code == 0, result
    envelope = result.envelope
    assert envelope["schema"] == "hil.run/1"
    assert envelope["status"] == "passed"
    assert envelope["errors"] == []
    data = envelope["data"]
    assert data["profile"] == "stm32l4"
    assert data["engine"] == "aot"
    assert data["model"]["dtype"] == "int8"
    assert set(data["measurements"]) >= NAMES
    for figure in data["measurements"].values():
        assert figure["kind"] in KINDS
        assert {"value", "unit", "uncertainty_pct"} <= set(figure)
    assert data["check"] | {"exact": True, "inputs": 5, "max_abs_diff": 0.0} == data["check"]
    cycles = data["measurements"]["cycles"]["value"]
    assert 0.98 * cycles <= sum(op["cycles"] for op in data["ops"]) <= cycles
    assert [op["index"] for op in data["ops"]] == list(range(len(data["ops"])))
    assert data["provenance"]["command"].startswith("hil run --profile stm32l4")
    with Store.open(str(db)) as store:
        stored = store.get("latest")
    assert stored.run_id == data["run_id"]
    assert stored.status == "passed"
    assert stored.measurements["cycles"].value == cycles


@pytest.mark.parametrize("profile", devices.names())
def test_every_profile_runs_and_repeats(profile: str, db: Path) -> None:
    first, second = (
        hil("run", "--profile", profile, "--json", "--db", db, INT8).envelope for _ in range(2)
    )
    assert first["status"] == second["status"] == "passed", first["errors"]
    for name in ("cycles", "instructions", "ram_bytes"):
        assert (
            first["data"]["measurements"][name]["value"]
            == second["data"]["measurements"][name]["value"]
        )


def test_float_model_is_within_tolerance(db: Path) -> None:
    data = hil("run", "-p", "stm32l4", "--json", "--db", db, FLOAT32).envelope["data"]
    assert data["status"] == "passed"
    assert data["check"]["exact"] is False
    assert data["check"]["max_rel_diff"] <= data["check"]["tolerance"] == 1e-5


def test_text_output_shows_kinds_and_the_check(db: Path) -> None:
    result = hil("run", "--profile", "stm32l4", "--db", db, INT8)
    assert result.code == 0
    for words in ("latency ", "modelled", "static", "outputs: bit-equal to", "passed: run "):
        assert words in result.stdout


def test_several_profiles_in_one_command(db: Path) -> None:
    names = ("stm32l4", "nucleo-l452re")
    envelope = hil("run", "-p", names[0], "-p", names[1], "--json", "--db", db, INT8).envelope
    assert [run["profile"] for run in envelope["data"]["runs"]] == list(names)


def test_users_inputs_and_repeat(db: Path) -> None:
    samples = DIGITS / "digits_samples.npz"
    result = hil(
        *("run", "-p", "stm32l4", "--inputs", samples, "--samples", "4", "--repeat", "2"),
        *("--json", "--db", db, INT8),
    )
    data = result.envelope["data"]
    assert data["check"]["inputs"] == 4
    assert data["measurements"]["cycles"]["n"] == 8


def test_old_qemu_gives_the_same_figures(db: Path, other_qemu: Path) -> None:
    old = str(other_qemu)
    runs = [
        hil("run", "-p", "nucleo-l452re", "--json", "--db", db, INT8, env=env).envelope["data"]
        for env in ({}, {"HIL_EMULATOR": old})
    ]
    assert runs[0]["provenance"]["target_tool"] != runs[1]["provenance"]["target_tool"]
    assert runs[0]["ops"] == runs[1]["ops"]
    assert runs[0]["measurements"] == runs[1]["measurements"]
    stand_in = hil("run", "-p", "stm32l4", "--json", "--db", db, INT8, env={"HIL_EMULATOR": old})
    assert stand_in.envelope["data"]["machine"] == {"name": "mps2-an386", "exact": False}


def test_protocol_path_gives_the_same_cycles_as_direct_loading(db: Path) -> None:
    direct, protocol = (
        hil(
            *("run", "-p", "stm32l4", "--samples", "1", "--load", load, "--json", "--db", db, INT8)
        ).envelope["data"]
        for load in ("direct", "protocol")
    )
    assert protocol["provenance"]["input_path"] == "protocol"
    assert direct["measurements"]["cycles"] == protocol["measurements"]["cycles"]


def test_keep_and_report(db: Path, tmp_path: Path) -> None:
    kept, report = tmp_path / "kept", tmp_path / "report.html"
    result = hil("run", "-p", "stm32l4", "--keep", kept, "--report", report, "--db", db, INT8)
    assert result.code == 0, result
    assert "m-infer-done" in (kept / "transcript.txt").read_text()
    assert (kept / "firmware.elf").read_bytes()[:4] == b"\x7fELF"
    assert "hil_model_invoke" in "".join(p.read_text() for p in kept.rglob("model.c"))
    listing = (kept / "listing.txt").read_text()
    assert listing.startswith("op 0 CONV_2D")
    assert "load, pipelined" in listing
    assert "hil_conv2d_s8" in listing
    assert report.read_text().lower().startswith("<!doctype html>")
    assert f"report: {report}" in result.stdout


def test_two_runs_at_once_both_land(db: Path, processes: Processes) -> None:
    command = (HIL, "run", "-p", "stm32l4", "--json", "--db", db, INT8)
    started = [processes.start(*command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(WAIT_S) for process in started] == [0, 0]
    with Store.open(str(db)) as store:
        assert [run.status for run in store.find()] == ["passed", "passed"]


def test_wrong_output_fails_the_run_and_is_kept(db: Path, tmp_path: Path) -> None:
    """A kernel with a bug in it (in a copy of the data folders) must never give a result."""
    for name in ("device_profiles", "firmware_stubs", "reports"):
        shutil.copytree(REPOSITORY / name, tmp_path / "data" / name)
    kernel = next((tmp_path / "data").rglob("softmax_s8.c"))
    kernel.write_text(kernel.read_text().replace("- 128", "- 127").replace("-128", "-127"))
    result = hil(
        *("run", "-p", "stm32l4", "--repeat", "2", "--db", db, INT8),
        env={"HIL_DATA_DIR": str(tmp_path / "data")},
    )
    result.refuses(3, "outputs differ")
    with Store.open(str(db)) as store:
        run = store.get("latest")
    assert run.status == "failed"
    assert run.check is not None
    assert 0 < run.check.mismatches <= run.check.inputs == 5  # inputs, not inferences


def test_interrupt_is_kept_and_leaves_no_emulator(db: Path, processes: Processes) -> None:
    process = processes.start(
        *(HIL, "run", "-p", "stm32l4", "--samples", "5000", "--db", db, INT8),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    processes.wait_for("qemu-system-arm", "-kernel", of=process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert processes.living() == []
    with Store.open(str(db)) as store:
        assert store.get("latest").status == "interrupted"


@pytest.mark.skipif(not MODELS.is_dir(), reason="the MLPerf Tiny models are not beside the project")
@pytest.mark.parametrize("name", ["ad_int8", "kws_int8", "ic_int8", "vww_int8"])
def test_mlperf_tiny_models_are_bit_equal(name: str, db: Path) -> None:
    result = hil("run", "-p", "stm32l4", "--json", "--db", db, MODELS / f"{name}.tflite")
    data = result.envelope["data"]
    assert data["status"] == "passed", result.envelope["errors"]
    assert data["check"]["exact"]
    assert data["check"]["max_abs_diff"] == 0
