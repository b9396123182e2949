"""A real Renode: outputs, counts and modelled cycles are those of QEMU."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.devices import load
from hil.errors import DeviceFault, DeviceTimeout, RunFailed
from hil.firmware.build import build
from hil.records import BlockProfile, Trace
from hil.resources import data_dir
from hil.targets import session
from hil.targets.dut.answers import Rejected
from hil.targets.interface import LoadPath, Options, Target
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.machines import usable_machines
from hil.targets.qemu.target import QemuTarget
from hil.targets.renode.platforms import choose_platform
from hil.targets.renode.target import RenodeTarget

from tests.conftest import MODELS
from tests.support.hil import DIGITS, hil
from tests.support.processes import WAIT_S, Processes
from tests.support.tiny_engine import (
    FAIL,
    FAULT,
    SPIN,
    tiny_inputs,
    tiny_outputs,
    tiny_sources,
    tiny_specs,
)
from tests.targets.renode.conftest import Made

COLUMNS = ("start", "end", "region", "executed", "taken")
MISSES = ("line_misses", "sequential_misses", "data_misses")
COMPARED = ("measurements", "ops", "memory")


@pytest.fixture(autouse=True)
def _real(renode: Path) -> None:
    """All of these need it."""


def run(tiny: Made, target: Target | None = None, add: int = 3, **options: Any) -> Trace:
    settings = Options(**{"timeout_s": WAIT_S, **options})
    inputs = [tiny_inputs(seed, add=add) for seed in range(2)]
    return session.run(
        target or RenodeTarget(), *tiny, inputs, tiny_specs(), settings, n_ops=3, repeat=2
    )


def assert_equal(one: BlockProfile | None, other: BlockProfile | None) -> None:
    assert one is not None
    assert other is not None
    assert one.instructions == other.instructions
    for column in (*COLUMNS, *MISSES):
        mine, others = getattr(one, column), getattr(other, column)
        np.testing.assert_array_equal(mine, others, err_msg=column)


@pytest.mark.parametrize("path", ["auto", "protocol"])
def test_both_ways_in_give_the_right_outputs(tiny: Made, path: LoadPath) -> None:
    trace = run(tiny, load=path)
    for at, one in enumerate(trace.inferences):
        wanted = tiny_outputs(tiny_inputs(at // 2), at + 1)
        for got, expected in zip(one.outputs, wanted, strict=True):
            np.testing.assert_array_equal(got, expected)
    assert trace.load_retries == 0
    assert trace.tool.startswith("Renode 1.")
    assert 0 < trace.memory.stack_bytes < 4096


@pytest.mark.parametrize(
    ("profile", "machine"),
    [
        ("stm32l4", None),
        ("stm32l4", "mps2-an386"),
        ("stm32f746", None),
        ("stm32u575", None),
    ],
)
def test_blocks_and_misses_are_those_of_qemu(
    session_cache: Path, profile: str, machine: str | None
) -> None:
    chip = load(profile)
    platform = choose_platform(chip, machine)
    options: dict[str, Any] = {"stack_bytes": 4096, "heap_bytes": 0, "baud": 115200}
    firmware = build(tiny_sources(), platform, **options, cache=session_cache / "firmware")
    emulated = QemuTarget().platform(chip, machine)
    if emulated.port != platform.port:
        pytest.skip(f"this QEMU has no machine of the chip: {usable_machines(probe(find_qemu()))}")
    settings: dict[str, Any] = {"profile_windows": 3, "flash": chip.flash}
    mine = run((firmware, platform), **settings)
    others = run((firmware, emulated), QemuTarget(), **settings)
    for one, other in zip(mine.inferences[:3], others.inferences[:3], strict=True):
        assert_equal(one.profile, other.profile)
    assert mine.memory == others.memory
    assert mine.inferences[3].profile is None


def models() -> list[Path]:
    found = sorted(MODELS.glob("*_int8.tflite")) if MODELS.is_dir() else []
    return [DIGITS / "digits_int8.tflite", *found]


@pytest.mark.parametrize("model", models(), ids=lambda path: path.stem)
def test_a_run_measures_what_it_measures_on_qemu(model: Path, tmp_path: Path) -> None:
    if "b-l475e-iot01a" not in usable_machines(probe(find_qemu())):
        pytest.skip("this QEMU has no b-l475e-iot01a, on which the same ELF runs")
    found = {}
    for target in ("renode", "qemu"):
        command = ("run", "--target", target, "-p", "stm32l4", "--samples", "1")
        result = hil(*command, "--db", tmp_path / "hil.db", "--json", model)
        assert result.code == 0, result
        found[target] = result.envelope["data"]
    mine, others = found["renode"], found["qemu"]
    assert (mine["check"]["exact"], mine["check"]["mismatches"]) == (True, 0)
    assert mine["machine"] == {"name": "stm32l4", "exact": True}
    assert mine["provenance"]["firmware_sha256"] == others["provenance"]["firmware_sha256"]
    assert mine["provenance"]["target_tool"].startswith("Renode 1.")
    misses = [data["provenance"]["flash_misses"] for data in (mine, others)]
    assert misses == ["simulated on renode", "simulated on qemu"]
    for part in COMPARED:
        assert mine[part] == others[part], part


def test_a_session_infers_sample_after_sample(tiny: Made) -> None:
    with RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
        for at in range(3):
            outputs = session.infer(device, tiny_inputs(at), tiny_specs())
            np.testing.assert_array_equal(outputs[0], tiny_outputs(tiny_inputs(at), at + 1)[0])


def test_a_large_tensor_through_the_monitor(made: Callable[..., Made]) -> None:
    n = 20_000  # more than one read
    with RenodeTarget().open(*made(n), Options(timeout_s=WAIT_S)) as device:
        outputs = session.infer(device, tiny_inputs(1, n), tiny_specs(n))
    np.testing.assert_array_equal(outputs[0], tiny_outputs(tiny_inputs(1, n), 1)[0])


def test_an_access_where_nothing_is(tiny: Made, processes: Processes) -> None:
    with pytest.raises(DeviceFault, match=r"in tiny_mischief.*0xF0000000"):
        run(tiny, add=FAULT)
    assert processes.living() == []


def test_a_read_where_nothing_is(session_cache: Path, processes: Processes) -> None:
    """Renode gives 0 and goes on, so that outputs are right."""
    sources = tiny_sources()
    read = "(void)*(volatile uint32_t *)0x60000000u;"
    files = {
        name: text.replace("*(volatile uint32_t *)0xF0000000u = 1;", read)
        for name, text in sources.files.items()
    }
    platform = choose_platform(load("stm32l4"))
    options: dict[str, Any] = {"stack_bytes": 4096, "heap_bytes": 0, "baud": 115200}
    firmware = build(
        dataclasses.replace(sources, files=files),
        platform,
        **options,
        cache=session_cache / "firmware",
    )
    message = r"with a fault in tiny_mischief.*from non existing peripheral at 0x60000000"
    with pytest.raises(DeviceFault, match=message):
        run((firmware, platform), add=FAULT)
    assert processes.living() == []


def test_a_firmware_of_another_platform(tiny: Made, processes: Processes) -> None:
    firmware, platform = tiny
    other = dataclasses.replace(platform, machine="mps2-an386")
    with pytest.raises(DeviceFault, match=r"with a fault; Renode: "):
        run((firmware, other))
    assert processes.living() == []


def test_an_inference_that_never_ends(tiny: Made, processes: Processes) -> None:
    with RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
        device.client.load(tiny_inputs(0, add=SPIN))
        device.client._timeout_s = 0.2
        with pytest.raises(DeviceTimeout, match=r"did not answer 'infer 1 0' within 0\.2 s"):
            device.client.infer()
    assert processes.living() == []


def test_an_inference_that_fails(tiny: Made) -> None:
    with pytest.raises(Rejected, match="invoke -7"):
        run(tiny, add=FAIL)


def test_a_session_that_is_killed_ends(tiny: Made, processes: Processes) -> None:
    def spin() -> None:
        with RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
            threading.Timer(0.5, device.kill).start()
            session.infer(device, tiny_inputs(0, add=SPIN), tiny_specs())

    with pytest.raises(RunFailed, match="SIGKILL"):
        spin()
    assert processes.living() == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("stm32l4.repl", "cpu: CPU.CortexQ @ sysbus\n", r"Error E04: Could not resolve type"),
        ("stm32l4.repl", "\xff", r"cannot load the platform or the firmware: There was an error"),
        ("hil_profiler.cs", "class }", r"Errors during compilation.*CS1\d+"),
    ],
)
def test_a_renode_that_cannot_load_its_files(
    tiny: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: Processes,
    file: str,
    text: str,
    message: str,
) -> None:
    stubs = tmp_path / "firmware_stubs"
    shutil.copytree(data_dir("firmware_stubs"), stubs)
    (stubs / "emulation" / "renode" / file).write_text(text, encoding="latin-1")
    monkeypatch.setenv("HIL_DATA_DIR", str(tmp_path))
    with pytest.raises(RunFailed, match=message):
        run(tiny, profile_windows=1)
    assert processes.living() == []
