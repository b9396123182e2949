"""The host target: real firmware as a process of this computer."""

from __future__ import annotations

import dataclasses
import os
import platform as computer
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.bench import pipeline
from hil.devices import load
from hil.errors import (
    DeviceFault,
    DeviceTimeout,
    LinkError,
    MissingTool,
    RunFailed,
    UsageError,
)
from hil.firmware.build import build
from hil.records import Array, EngineSources, ExternalCode, Firmware, Platform, Trace
from hil.store import Store
from hil.targets import session
from hil.targets.dut.answers import Rejected
from hil.targets.host import process as host_process
from hil.targets.host.target import HostTarget
from hil.targets.interface import LoadPath, Options
from hil.tflite.model import Model

from tests.conftest import MODELS
from tests.support.hil import DIGITS, HIL, Result, hil
from tests.support.packages import install
from tests.support.processes import WAIT_S, Processes
from tests.support.tiny_engine import (
    FAIL,
    FAULT,
    SPIN,
    TinyEngine,
    tiny_inputs,
    tiny_outputs,
    tiny_sources,
    tiny_specs,
)
from tests.support.tools import tool

INT8 = DIGITS / "digits_int8.tflite"
SAMPLES = DIGITS / "digits_samples.npz"
TIMES = ("latency_us", "cycles", "instructions", "cpi", "energy_uj")
SIZES = ("flash_bytes", "code_bytes", "ram_bytes", "static_bytes", "stack_bytes", "heap_bytes")

Made = tuple[Firmware, Platform]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "hil.db"


@pytest.fixture
def tiny(session_cache: Path) -> Made:
    return made(session_cache)


def made(cache: Path, n: int = 64, init: int = 0) -> Made:
    """The tiny engine, built with this computer's compiler."""
    for name in ("cc", "cmake", "ninja"):
        tool(name)
    platform = HostTarget().platform(load("stm32l4"))
    sources = tiny_sources(n, init=init)
    options = {"stack_bytes": 4096, "heap_bytes": 0, "baud": 115200}
    return build(sources, platform, **options, cache=cache / "firmware"), platform


def run(tiny: Made, inputs: list[tuple[Array, ...]], **options: Any) -> Trace:
    settings = Options(**{"timeout_s": WAIT_S, **options})
    return session.run(HostTarget(), *tiny, inputs, tiny_specs(), settings, n_ops=3)


def on_host(db: Path, *arguments: str | Path, model: Path = INT8) -> Result:
    return hil("run", "--target", "host", "-p", "stm32l4", "--db", db, *arguments, model)


# The session


@pytest.mark.parametrize("load_path", ["auto", "direct", "protocol"])
def test_both_ways_in_give_the_right_outputs(tiny: Made, load_path: LoadPath) -> None:
    inputs = [tiny_inputs(seed) for seed in range(3)]
    trace = run(tiny, inputs, load=load_path)
    for at, (given, one) in enumerate(zip(inputs, trace.inferences, strict=True)):
        for got, expected in zip(one.outputs, tiny_outputs(given, at + 1), strict=True):
            np.testing.assert_array_equal(got, expected)
        assert (one.profile, one.cycles, one.op_cycles) == (None, None, None)
    assert trace.load_path == ("protocol" if load_path == "protocol" else "direct")
    assert trace.command == (str(tiny[0].elf),)
    assert trace.tool == f"{computer.system()} {computer.machine()}"
    assert trace.memory.stack_bytes is trace.memory.heap_bytes is None
    assert trace.memory.arena_bytes > 0


def test_a_large_input_through_the_terminal(session_cache: Path) -> None:
    """More than a terminal's buffers hold, in both directions."""
    n = 16 * 1024
    inputs = [tiny_inputs(1, n)]
    settings = Options(load="protocol", timeout_s=WAIT_S)
    target = HostTarget()
    trace = session.run(target, *made(session_cache, n), inputs, tiny_specs(n), settings, n_ops=3)
    np.testing.assert_array_equal(trace.inferences[0].outputs[0], tiny_outputs(inputs[0], 1)[0])


def test_without_access_to_the_memory_of_a_process(
    tiny: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(host_process, "ProcessMemory", refuse)
    assert run(tiny, [tiny_inputs(0)]).load_path == "protocol"
    with pytest.raises(LinkError, match=r"cannot be accessed: .*not permitted"):
        run(tiny, [tiny_inputs(0)], load="direct")


def test_a_crash_names_the_signal(tiny: Made) -> None:
    with pytest.raises(DeviceFault, match="the firmware crashed with signal SIGSEGV"):
        run(tiny, [tiny_inputs(0, add=FAULT)])


def test_what_the_process_printed_is_in_the_message(tiny: Made, tmp_path: Path) -> None:
    script = tmp_path / "firmware.elf"
    script.write_text("#!/bin/sh\necho no such library >&2\nexit 7\n")
    script.chmod(0o755)
    broken = dataclasses.replace(tiny[0], elf=script)
    with pytest.raises(RunFailed, match="ended with exit code 7: no such library"):
        run((broken, tiny[1]), [tiny_inputs(0)])


def test_a_program_that_is_not_there(tiny: Made, tmp_path: Path) -> None:
    gone = dataclasses.replace(tiny[0], elf=tmp_path / "gone.elf")
    with pytest.raises((MissingTool, RunFailed), match=r"gone\.elf"):
        run((gone, tiny[1]), [tiny_inputs(0)])


def test_a_firmware_that_never_answers_is_ended(tiny: Made, processes: Processes) -> None:
    with pytest.raises(DeviceTimeout, match="did not answer 'infer 1 0' within 1 s"):
        run(tiny, [tiny_inputs(0, add=SPIN)], timeout_s=1.0)
    assert processes.living(str(tiny[0].elf)) == []


def test_a_session_that_is_killed_ends_at_once(tiny: Made, processes: Processes) -> None:
    def spin() -> None:
        with HostTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
            threading.Timer(0.2, device.kill).start()
            session.infer(device, tiny_inputs(0, add=SPIN), tiny_specs())

    with pytest.raises(RunFailed, match="ended with signal SIGKILL"):
        spin()
    assert processes.living(str(tiny[0].elf)) == []


def test_an_inference_that_fails(tiny: Made) -> None:
    with pytest.raises(Rejected, match="invoke -7"):
        run(tiny, [tiny_inputs(0, add=FAIL)])


def test_a_model_that_does_not_start(session_cache: Path) -> None:
    with pytest.raises(DeviceFault, match="model-init -5"):
        run(made(session_cache, init=-5), [tiny_inputs(0)])


def test_outputs_of_another_model(tiny: Made) -> None:
    settings = Options(timeout_s=WAIT_S)
    specs: list[session.OutputSpec] = [((1, 4), "int8")]
    with pytest.raises(LinkError, match=r"outputs have \[64, 12\] bytes, the model's \[4\]"):
        session.run(HostTarget(), *tiny, [tiny_inputs(0)], specs, settings, n_ops=3)


def test_the_only_machine_is_this_computer() -> None:
    target, profile = HostTarget(), load("stm32l4")
    platform = target.platform(profile, computer.machine())
    assert platform == target.platform(profile) == target.roomiest(platform)
    assert (platform.flash.size, platform.ram.size) == (1 << 20, 96 * 1024)
    assert platform.time is None
    with pytest.raises(UsageError, match="has no machine 'mps2-an386'"):
        target.platform(profile, "mps2-an386")


def test_no_compiler_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = HostTarget()
    (found,) = target.findings()
    assert (found.name, found.state) == ("host compiler", "ok")
    monkeypatch.setenv("PATH", str(tmp_path))
    (missing,) = target.findings()
    assert (missing.state, missing.install) == ("warn", "sudo apt-get install -y gcc libc6-dev")
    with pytest.raises(MissingTool, match="no C compiler for this computer"):
        made_without_tools(tmp_path)


def made_without_tools(cache: Path) -> Firmware:
    platform = HostTarget().platform(load("stm32l4"))
    return build(tiny_sources(), platform, stack_bytes=0, heap_bytes=0, baud=1, cache=cache)


class WithLibrary(TinyEngine):
    """An engine that calls a library for the Cortex-M4F."""

    name = "library"

    def sources(self, model: Model) -> EngineSources:
        library = ExternalCode(Path("lib.a"), (), "", "cortex-m4f")
        return dataclasses.replace(super().sources(model), external=library)


def test_a_library_is_for_its_own_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = f"library = {__name__}:WithLibrary"
    install(monkeypatch, tmp_path / "package", "hil.engines", entry)
    profile, model = load("stm32l4"), Model.read(INT8)
    request = pipeline.Request(model, profile, engine="library", target="host")
    with pytest.raises(UsageError, match="the target 'host' runs code for this computer"):
        pipeline.prepare(request)


# hil run


def test_a_run_checks_outputs_and_leaves_out_what_it_does_not_know(db: Path) -> None:
    result = on_host(db, "--json")
    assert result.code == 0, result
    data = result.envelope["data"]
    assert data["target"] == "host"
    assert data["machine"] == {"name": computer.machine(), "exact": False}
    assert (data["check"]["exact"], data["check"]["max_abs_diff"]) == (True, 0.0)
    assert set(data["measurements"]) == {"arena_bytes", "weights_bytes", "tables_bytes"}
    assert data["ops"] == []
    assert any("natively" in note and "not known" in note for note in data["notes"])
    provenance = data["provenance"]
    assert (provenance["target"], provenance["target_tool"]) == (
        "host",
        f"{computer.system()} {computer.machine()}",
    )
    assert provenance["target_command"].endswith("firmware.elf")
    assert not {"memory_model", "calibration"} & set(provenance)
    with Store.open(str(db)) as store:
        assert "latency_us" not in store.get("latest").measurements


def test_what_is_known_is_what_the_emulated_run_measures(db: Path) -> None:
    native = on_host(db, "--json").envelope["data"]
    emulated = hil("run", "-p", "stm32l4", "--db", db, "--json", INT8).envelope["data"]
    for name, figure in native["measurements"].items():
        assert figure == emulated["measurements"][name]
    assert set(TIMES + SIZES) <= set(emulated["measurements"])


@pytest.mark.parametrize("scheme", ["q8", "q16"])
def test_variants_are_bit_equal(db: Path, scheme: str) -> None:
    options = ("--quantize", scheme, "--calibration", "normal:0", "--json")
    result = on_host(db, *options, model=DIGITS / "digits_float32.tflite")
    data = result.envelope["data"]
    assert (data["status"], data["check"]["max_abs_diff"]) == ("passed", 0.0), result


@pytest.mark.skipif(not MODELS.is_dir(), reason="the MLPerf Tiny models are not beside the project")
@pytest.mark.parametrize("path", sorted(MODELS.glob("*.tflite")), ids=lambda path: path.stem)
def test_models_of_mlperf_tiny(path: Path, db: Path) -> None:
    result = hil("run", "--target", "host", "-p", "stm32h743", "--json", "--db", db, path)
    data = result.envelope["data"]
    assert data["status"] == "passed", result
    assert data["check"]["max_abs_diff"] == 0 or not data["check"]["exact"]


def test_the_table_and_the_pages_do_without_times(db: Path, tmp_path: Path) -> None:
    shown = on_host(db)
    assert shown.code == 0
    assert f"[host {computer.machine()}" in shown.stdout
    assert "latency" not in shown.stdout
    assert "note: ran natively" in shown.stdout
    page = tmp_path / "report.html"
    assert hil("report", "--db", db, "-o", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "digits_int8" in text
    assert "Time per inference" in text
    assert "not measured" in text
    history = hil("history", "--db", db)
    assert f"host {computer.machine()}" in history.stdout


def test_a_comparison_with_an_emulated_run_has_gaps(db: Path) -> None:
    assert hil("run", "-p", "stm32l4", "--db", db, INT8).code == 0
    assert on_host(db).code == 0
    rows = hil("compare", "latest~1", "latest", "--db", db).stdout.splitlines()
    (latency,) = [row.split() for row in rows if row.startswith("Time per inference")]
    assert latency[-1] == "-"
    (arena,) = [row for row in rows if row.startswith("Arena")]
    assert "the same" in arena


def test_the_gate_compares_only_what_both_targets_measure(db: Path) -> None:
    assert hil("run", "-p", "stm32l4", "--db", db, INT8).code == 0
    assert hil("baseline", "set", "emulated", "latest", "--db", db).code == 0
    assert on_host(db).code == 0
    other = hil("gate", "latest", "--baseline", "emulated", "--db", db, "--json")
    (case,) = other.envelope["data"]["cases"]
    assert (case["word"], case["target"]) == ("no baseline", "host")
    assert hil("baseline", "set", "native", "latest", "--db", db).code == 0
    assert on_host(db).code == 0
    same = hil("gate", "latest", "--baseline", "native", "--db", db, "--json")
    assert same.code == 0, same
    (case,) = same.envelope["data"]["cases"]
    assert case["word"] == "compared"
    assert [one["name"] for one in case["findings"]] == ["arena_bytes"]


@pytest.mark.skipif(not MODELS.is_dir(), reason="the MLPerf Tiny models are not beside the project")
def test_a_model_that_does_not_fit_the_chip_is_refused(db: Path) -> None:
    result = on_host(db, model=MODELS / "vww_float32.tflite")
    result.refuses(3, "does not fit stm32l4")


def test_a_study_runs_on_the_target_that_it_names(tmp_path: Path, db: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(INT8.read_bytes())
    study = tmp_path / "study.toml"
    study.write_text(
        'schema = 1\nmodels = ["model.tflite"]\nprofiles = ["stm32l4"]\ntarget = "host"\n'
    )
    page = tmp_path / "study.html"
    first = hil("sweep", study, "--db", db, "--jobs", "1", "--json", "--report", page)
    assert first.code == 0, first
    (one,) = first.envelope["data"]["runs"]
    with Store.open(str(db)) as store:
        stored = store.get(one["run_id"])
    assert stored.target == "host"
    assert "--target host" in stored.provenance["command"]
    again = hil("sweep", study, "--db", db, "--jobs", "1", "--json")
    assert [run["resumed"] for run in again.envelope["data"]["runs"]] == [True]
    other = hil("sweep", study, "--db", db, "--target", "qemu", "--dry-run", "--json")
    assert [run["done"] for run in other.envelope["data"]["runs"]] == [False]


def test_an_interrupt_is_kept_and_leaves_no_process(db: Path, processes: Processes) -> None:
    process = processes.start(
        *(HIL, "run", "--target", "host", "-p", "stm32l4", "--db", db),
        *("--samples", "100000", "--load", "protocol", INT8),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    processes.wait_for("firmware.elf", of=process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=WAIT_S)
    assert (process.returncode, "Traceback" in stderr) == (130, False), stderr
    assert processes.living() == []
    with Store.open(str(db)) as store:
        assert store.get("latest").status == "interrupted"


# hil accuracy


def test_an_evaluation_gives_the_emulated_result(db: Path) -> None:
    found = {}
    for target in ("host", "qemu"):
        result = hil(
            *("accuracy", "--target", target, "-p", "stm32l4", "--data", SAMPLES),
            *("--limit", "60", "--db", db, "--json", INT8),
        )
        assert result.code == 0, result
        found[target] = result.envelope["data"]
    assert found["host"]["accuracy"] == found["qemu"]["accuracy"]
    assert found["host"]["evaluation_id"] != found["qemu"]["evaluation_id"]
    assert found["host"]["target"] == "host"


def test_an_evaluation_that_is_interrupted_goes_on(db: Path, processes: Processes) -> None:
    env = {**os.environ, "HIL_CACHE_DIR": os.environ["HIL_CACHE_DIR"]}
    command = ("accuracy", "--target", "host", "-p", "stm32l4", "--data", SAMPLES, "--db", db)
    process = processes.start(
        HIL, *command, INT8, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )
    processes.wait_for("firmware.elf", of=process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_S)
    assert process.returncode in (0, 130)
    assert processes.living() == []
    assert hil(*command, "--json", INT8).envelope["data"]["done"] == 360
