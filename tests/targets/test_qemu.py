"""The QEMU target with a real QEMU and real firmware."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.errors import (
    DeviceFault,
    DeviceTimeout,
    LinkError,
    MissingTool,
    RunFailed,
    UsageError,
)
from hil.records import Array, BlockProfile, Firmware, Platform, Trace
from hil.targets import session
from hil.targets.dut.answers import HardwareFault, Rejected
from hil.targets.interface import LoadPath, Options
from hil.targets.qemu.emulator import probe
from hil.targets.qemu.gdbstub import GdbStub
from hil.targets.qemu.process import QemuProcess
from hil.targets.qemu.target import QemuTarget
from hil.targets.session import OutputSpec

from tests.support.processes import WAIT_S, Processes, wait_until
from tests.support.tiny_engine import FAIL, FAULT, SPIN, tiny_inputs, tiny_outputs, tiny_specs
from tests.targets.conftest import Tiny

REPOSITORY = Path(__file__).resolve().parents[2]


def run_inputs(
    qemu: Path,
    made: tuple[Firmware, Platform],
    inputs: list[tuple[Array, ...]],
    outputs: list[OutputSpec] | None = None,
    repeat: int = 1,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Trace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIL_EMULATOR", str(qemu))
        settings = Options(**{"timeout_s": WAIT_S, **options})
        specs = outputs or tiny_specs()
        return session.run(
            QemuTarget(),
            *made,
            inputs,
            specs,
            settings,
            n_ops=3,
            repeat=repeat,
            progress=progress,
        )


def run(qemu: Path, made: tuple[Firmware, Platform], seeds: int = 2, **options: Any) -> Trace:
    return run_inputs(qemu, made, [tiny_inputs(seed) for seed in range(seeds)], **options)


def run_mischief(qemu: Path, made: tuple[Firmware, Platform], kind: int, timeout_s: float) -> None:
    run_inputs(qemu, made, [tiny_inputs(0, add=kind)], timeout_s=timeout_s)


def equal(a: BlockProfile | None, b: BlockProfile | None) -> bool:
    assert a is not None
    assert b is not None
    columns = ("start", "end", "region", "executed", "taken")
    return a.instructions == b.instructions and all(
        np.array_equal(getattr(a, column), getattr(b, column)) for column in columns
    )


def check_outputs(trace: Trace, repeat: int = 1) -> None:
    for at, inference in enumerate(trace.inferences):
        wanted = tiny_outputs(tiny_inputs(at // repeat), at + 1)
        for got, expected in zip(inference.outputs, wanted, strict=True):
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("machine", ["mps2-an386", "b-l475e-iot01a"])
def test_both_ways_in_give_equal_outputs_and_counts(qemu: Path, tiny: Tiny, machine: str) -> None:
    made = tiny(machine)
    direct = run(qemu, made, repeat=2, profile_windows=3, load="auto")
    protocol = run(qemu, made, repeat=2, profile_windows=3, load="protocol")
    check_outputs(direct, repeat=2)
    check_outputs(protocol, repeat=2)
    assert (direct.load_path, protocol.load_path) == ("direct", "protocol")
    assert (direct.load_retries, protocol.load_retries) == (0, 0)
    assert "> db load 68%" in protocol.transcript
    assert "> db " not in direct.transcript
    assert "> hil-direct 68%" in direct.transcript
    assert len(direct.inferences) == 4
    for mine, other in zip(direct.inferences[:3], protocol.inferences[:3], strict=True):
        assert equal(mine.profile, other.profile)
    assert direct.inferences[3].profile is None
    assert direct.inferences[0].cycles is None


def test_a_trace_says_what_ran(qemu: Path, tiny: Tiny) -> None:
    firmware, platform = tiny()
    seen: list[tuple[int, int]] = []
    trace = run(qemu, (firmware, platform), progress=lambda *now: seen.append(now))
    assert seen == [(1, 2), (2, 2)]
    assert trace.platform is platform
    assert trace.tool.startswith("QEMU emulator version ")
    assert trace.command[0] == str(qemu)
    assert "mps2-an386" in trace.command
    assert trace.transcript.startswith("< m-init-done\n< m-ready\n")
    assert trace.memory.stack_reserved_bytes == 4096
    assert 0 < trace.memory.stack_bytes < 4096
    assert 0 < trace.memory.arena_bytes <= 144
    assert trace.wall_s > 0
    assert [one.profile for one in trace.inferences] == [None, None]


def test_counts_are_equal_in_another_version_of_qemu(
    qemu: Path, other_qemu: Path, tiny: Tiny
) -> None:
    made = tiny()
    here, there = (run(each, made, profile_windows=2) for each in (qemu, other_qemu))
    check_outputs(there)
    assert here.tool != there.tool
    for mine, other in zip(here.inferences, there.inferences, strict=True):
        assert equal(mine.profile, other.profile)


def test_the_other_qemu_loads_both_ways(other_qemu: Path, tiny: Tiny) -> None:
    for path in ("direct", "protocol"):
        check_outputs(run(other_qemu, tiny(), load=path))


@pytest.mark.parametrize("machine", ["mps2-an386", "b-l475e-iot01a"])
@pytest.mark.parametrize("load", ["auto", "protocol"])
def test_a_session_infers_sample_after_sample(
    qemu: Path, tiny: Tiny, machine: str, load: LoadPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_EMULATOR", str(qemu))
    with QemuTarget().open(*tiny(machine), Options(load=load)) as device:
        for at in range(4):
            outputs = session.infer(device, tiny_inputs(at), tiny_specs())
            for got, expected in zip(outputs, tiny_outputs(tiny_inputs(at), at + 1), strict=True):
                assert got.dtype == expected.dtype
                np.testing.assert_array_equal(got, expected)
        text = device.client.link.transcript.text()
    assert ("> hil-infer 68%" in text) == (load == "auto")
    assert ("m-results-" in text) == (load == "protocol")


def test_a_session_that_is_killed_ends(
    qemu: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, processes: Processes
) -> None:
    monkeypatch.setenv("HIL_EMULATOR", str(qemu))
    firmware, platform = tiny()

    def spin() -> None:
        with QemuTarget().open(firmware, platform, Options()) as device:
            threading.Timer(0.5, device.kill).start()
            session.infer(device, tiny_inputs(0, add=SPIN), tiny_specs())

    with pytest.raises(RunFailed, match="SIGKILL"):  # and not the device's silence
        spin()
    assert processes.living() == []


def test_a_large_input_does_not_go_through_the_uart(qemu: Path, tiny: Tiny) -> None:
    n = 16 * 1024  # several packets of the debug protocol
    inputs = [tiny_inputs(1, n)]
    firmware, platform = tiny(n=n)
    trace = run_inputs(qemu, (firmware, platform), inputs, tiny_specs(n))
    np.testing.assert_array_equal(trace.inferences[0].outputs[0], tiny_outputs(inputs[0], 1)[0])


@pytest.mark.parametrize("machine", ["mps2-an385", "mps2-an500", "mps2-an505"])
def test_other_cores(qemu: Path, tiny: Tiny, machine: str) -> None:
    """The M3, the M7 and the M33; the last one's memories lie in the secure world."""
    made = tiny(machine)
    direct = run(qemu, made, profile_windows=2)
    protocol = run(qemu, made, profile_windows=2, load="protocol")
    check_outputs(direct)
    check_outputs(protocol)
    for mine, other in zip(direct.inferences, protocol.inferences, strict=True):
        assert equal(mine.profile, other.profile)


def test_a_write_where_no_memory_is(qemu: Path, tiny: Tiny, tmp_path: Path) -> None:
    if " version 7." in probe(qemu).version:
        pytest.skip("QEMU 7 calls such a write done; hil-crc is what finds it")
    firmware, platform = tiny()
    arguments = ["-M", platform.machine, "-kernel", str(firmware.elf), "-display", "none"]
    with QemuProcess(qemu, [*arguments, "-nodefaults", "-S"], folder=tmp_path, debug=True) as one:
        one.resume()
        stub = GdbStub(one.gdb)
        with pytest.raises(LinkError, match="cannot write 4 bytes at 0xF0000000"):
            stub.exchange((), [(0xF000_0000, b"\1\2\3\4")])


def test_without_setpriv(
    qemu: Path, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny()
    monkeypatch.setenv("PATH", str(tmp_path))
    check_outputs(run(qemu, made))


def test_an_unknown_load_path(qemu: Path, tiny: Tiny) -> None:
    with pytest.raises(UsageError, match="unknown load path 'magic'"):
        run(qemu, tiny(), load="magic")


def test_outputs_of_another_model(qemu: Path, tiny: Tiny) -> None:
    with pytest.raises(LinkError, match=r"outputs have \[64, 12\] bytes, the model's \[4\]"):
        run_inputs(qemu, tiny(), [tiny_inputs(0)], [((1, 4), "int8")])


def test_a_device_that_never_answers(qemu: Path, tiny: Tiny, processes: Processes) -> None:
    with pytest.raises(DeviceTimeout, match="did not answer 'infer 1 0' within 2 s"):
        run_mischief(qemu, tiny(), SPIN, 2.0)
    assert processes.living() == []


def test_a_fault_names_the_function(qemu: Path, tiny: Tiny) -> None:
    with pytest.raises(HardwareFault) as caught:
        run_mischief(qemu, tiny(), FAULT, WAIT_S)
    fault = caught.value
    assert fault.function is not None
    assert fault.function.startswith("tiny_mischief+0x")
    assert re.search(r"in tiny_mischief\+0x\w+, called from hil_model_invoke", fault.message)
    assert fault.registers["bfar"] == 0xF000_0000
    assert fault.registers["cfsr"] & 0x8200 == 0x8200  # precise, BFAR valid


def test_an_inference_that_fails(qemu: Path, tiny: Tiny) -> None:
    with pytest.raises(Rejected, match="'infer 1 0' with the error: invoke -7"):
        run_mischief(qemu, tiny(), FAIL, WAIT_S)


def test_a_model_that_does_not_start(qemu: Path, tiny: Tiny) -> None:
    with pytest.raises(DeviceFault, match="model-init -5"):
        run(qemu, tiny(init=-5))


def test_an_elf_that_is_none(qemu: Path, tiny: Tiny, tmp_path: Path) -> None:
    firmware, platform = tiny()
    broken = type(firmware)(**{**firmware.__dict__, "elf": tmp_path / "missing.elf"})
    with pytest.raises(RunFailed, match=r"QEMU ended early with exit code 1: .*missing\.elf"):
        run(qemu, (broken, platform))


def test_a_lockup_of_the_guest(qemu: Path, tiny: Tiny, tmp_path: Path) -> None:
    """A vector table of nothing: the first fault faults, and QEMU aborts."""
    source, elf = tmp_path / "lockup.S", tmp_path / "lockup.elf"
    source.write_text('.section .vectors,"a"\n.word 0x20001000\n.word 0xF0000001\n')
    subprocess.run(
        [
            *("arm-none-eabi-gcc", "-nostdlib", "-Wl,--section-start=.vectors=0", "-Wl,-e0"),
            *("-o", str(elf), str(source)),
        ],
        check=True,
        capture_output=True,
    )
    firmware, platform = tiny()
    broken = type(firmware)(**{**firmware.__dict__, "elf": elf})
    with pytest.raises(RunFailed, match=r"QEMU ended early with signal SIGABRT: .*Lockup"):
        run(qemu, (broken, platform))


def test_qemu_killed_in_mid_run(qemu: Path, tiny: Tiny, processes: Processes) -> None:
    def kill(done: int, _total: int) -> None:
        assert done == 1
        (emulator,) = processes.living("qemu-system-arm")
        os.kill(emulator, signal.SIGKILL)

    with pytest.raises(RunFailed, match="QEMU ended early with signal SIGKILL"):
        run_inputs(qemu, tiny(), [tiny_inputs(0), tiny_inputs(1, add=SPIN)], progress=kill)


def test_qemu_is_missing(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(MissingTool) as caught:
        run(tmp_path / "qemu-system-arm", tiny())
    assert "apt-get install qemu-system-arm" in caught.value.hint


_CHILD = """
import sys
from pathlib import Path
from hil.records import Firmware, MemoryRegion, Platform
from hil.targets import session
from hil.targets.interface import Options
from hil.targets.qemu.target import QemuTarget
from tests.support.tiny_engine import SPIN, tiny_inputs, tiny_specs
(elf,) = sys.argv[1:]
firmware = Firmware(Path(elf), "", {}, {}, "", "", "", True)
region = MemoryRegion(0, 0)
platform = Platform("qemu", "mps2-an386", "mps2", "cortex-m4f", region, region, 0, False)
inputs = [tiny_inputs(0), tiny_inputs(0, add=SPIN)]
tell = lambda done, total: print("inferences done:", done, flush=True)
session.run(
    QemuTarget(), firmware, platform, inputs, tiny_specs(), Options(), n_ops=3, progress=tell
)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(
    qemu: Path, tiny: Tiny, tmp_path: Path, processes: Processes, number: signal.Signals
) -> None:
    child = processes.start(
        *(sys.executable, "-c", _CHILD, tiny()[0].elf),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A process that was killed leaves its temporary folder.
        env={**os.environ, "TMPDIR": str(tmp_path), "HIL_EMULATOR": str(qemu)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "inferences done: 1\n"
    assert len(processes.living("qemu-system-arm")) == 1
    child.send_signal(number)
    _, stderr = child.communicate(timeout=WAIT_S)
    assert child.returncode == -number
    assert ("KeyboardInterrupt" in stderr) == (number == signal.SIGINT)
    if number != signal.SIGINT:  # Python ends without a word; the kernel ends the emulator
        wait_until(lambda: processes.living() == [])
    assert processes.living() == []
