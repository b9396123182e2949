"""The Renode target up to its process: with a program that speaks like Renode."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.errors import DeviceFault, DeviceTimeout, LinkError, MissingTool, RunFailed, UsageError
from hil.firmware.elf import symbol_address
from hil.records import Trace
from hil.targets import session
from hil.targets.dut.answers import HardwareFault
from hil.targets.interface import LoadPath, Options
from hil.targets.renode import process as renode_process
from hil.targets.renode.target import RenodeTarget

from tests.support.processes import WAIT_S, Processes, wait_until
from tests.support.renode_stand_in import INSTRUCTIONS
from tests.support.tiny_engine import tiny_inputs, tiny_outputs, tiny_specs
from tests.targets.renode.conftest import Made, StandIn


def run(tiny: Made, seeds: int = 2, **options: Any) -> Trace:
    settings = Options(**{"timeout_s": WAIT_S, **options})
    inputs = [tiny_inputs(seed) for seed in range(seeds)]
    return session.run(RenodeTarget(), *tiny, inputs, tiny_specs(), settings, n_ops=3)


@pytest.mark.parametrize("path", ["auto", "direct", "protocol"])
def test_both_ways_in_give_the_right_outputs(tiny: Made, stand_in: StandIn, path: LoadPath) -> None:
    launcher = stand_in()
    trace = run(tiny, load=path)
    for at, one in enumerate(trace.inferences):
        for got, expected in zip(one.outputs, tiny_outputs(tiny_inputs(at), at + 1), strict=True):
            np.testing.assert_array_equal(got, expected)
    assert trace.load_path == ("protocol" if path == "protocol" else "direct")
    assert ("> db load 68%" in trace.transcript) == (path == "protocol")
    assert trace.load_retries == 0
    assert trace.tool == "Renode 1.16.1.37969"
    assert trace.command[0] == str(launcher)
    assert f"sysbus LoadELF @{tiny[0].elf}" in trace.command
    assert trace.command[-3:-2] == ("start",)
    assert trace.platform.target == "renode"
    assert trace.platform.exact


def test_outputs_through_the_monitor(tiny: Made, stand_in: StandIn) -> None:
    stand_in()
    with RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
        for at in range(3):
            outputs = session.infer(device, tiny_inputs(at), tiny_specs())
            np.testing.assert_array_equal(outputs[0], tiny_outputs(tiny_inputs(at), at + 1)[0])
        assert "m-results-" not in device.client.link.transcript.text()


def test_the_first_inferences_carry_a_profile(tiny: Made, stand_in: StandIn) -> None:
    stand_in()
    trace = run(tiny, seeds=3, profile_windows=2)
    profiles = [one.profile for one in trace.inferences]
    assert [p.instructions if p else None for p in profiles] == [INSTRUCTIONS, INSTRUCTIONS, None]


def test_a_profile_that_is_missing(tiny: Made, stand_in: StandIn) -> None:
    line = "21:14:27.28 [ERROR] cpu: hil_profiler: cannot write the record file: Disk full"
    stand_in(windows_lost=1, log_at="infer", log=line)
    message = "recorded 1 inferences instead of 2; Renode: .*cannot write the record file"
    with pytest.raises(LinkError, match=message):
        run(tiny, profile_windows=2)


def test_damaged_inputs_are_loaded_again(tiny: Made, stand_in: StandIn) -> None:
    stand_in(dut={"flip_loads": 3})  # both inputs, then one
    assert run(tiny).load_retries == 2


# Renode's monitor refuses: exit code 0, and only its words say so


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        (
            "LoadPlatformDescription",
            (
                "There was an error executing command 'machine LoadPlatformDescription @/x.repl'",
                "Error E04: Could not resolve type: 'CPU.CortexQ'.",
                "At /x.repl:1:1:",
            ),
        ),
        (
            "LoadELF",
            (
                "There was an error executing command 'sysbus LoadELF @/x.elf'",
                "Error while loading ELF: Could not load ELF from path: /x.elf",
            ),
        ),
        (
            "include",
            (
                "Errors during compilation or loading:",
                "There were compilation errors:",
                "/tmp/bad.cs(1,17): error CS1525: Unexpected symbol `}'",
            ),
        ),
        ("HilProfile", ("No such command or device: sysbus.cpu",)),
    ],
)
def test_a_refused_command_is_an_error_with_the_words_of_renode(
    tiny: Made, stand_in: StandIn, processes: Processes, at: str, refusal: tuple[str, ...]
) -> None:
    stand_in(refuse_at=at, refusal=refusal)
    with pytest.raises(RunFailed, match=re.escape(" | ".join(refusal))) as caught:
        run(tiny, profile_windows=1)
    assert "hil doctor" in caught.value.hint
    assert processes.living() == []


def test_a_platform_file_that_is_missing(
    tiny: Made, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in()
    (tmp_path / "data" / "firmware_stubs").mkdir(parents=True)
    monkeypatch.setenv("HIL_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(MissingTool, match=r"stm32l4\.repl does not exist"):
        run(tiny)


def test_a_monitor_that_refuses_later(tiny: Made, stand_in: StandIn) -> None:
    words = "There was an error executing command 'sysbus LoadBinary @/x 0x20000000'"
    stand_in(refuse_at="LoadBinary", refusal=(words, "Parameters did not match the signature"))
    with pytest.raises(RunFailed, match=r"Renode refused '.*Parameters did not match"):
        run(tiny)


def test_a_monitor_that_gives_too_few_bytes(tiny: Made, stand_in: StandIn) -> None:
    stand_in(bytes_lost=1)
    with (
        RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device,
        pytest.raises(RunFailed, match="gave 63 bytes instead of 64"),
    ):
        session.infer(device, tiny_inputs(0), tiny_specs())


def test_a_monitor_that_does_not_answer(
    tiny: Made, stand_in: StandIn, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(hang_at="LoadBinary")
    monkeypatch.setattr(renode_process, "_ANSWER_S", 1.0)
    with pytest.raises(RunFailed, match=r"did not answer 'sysbus LoadBinary .* within 1 s"):
        run(tiny)
    assert processes.living() == []


# It does not start


@pytest.mark.parametrize("hang", ["at the start", "LoadELF"])
def test_a_renode_that_hangs_at_its_start(
    tiny: Made,
    stand_in: StandIn,
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
    hang: str,
) -> None:
    stand_in(hang_at=hang)
    monkeypatch.setattr(renode_process, "_START_S", 1.0)
    with pytest.raises(RunFailed, match="Renode was not ready after 1 s"):
        run(tiny)
    assert processes.living() == []


def test_a_renode_that_ends_at_its_start(tiny: Made, stand_in: StandIn) -> None:
    stand_in(early_words="Cannot open assembly 'Renode.exe': No such file or directory.\n")
    with pytest.raises(MissingTool, match=r"Renode does \(Cannot open assembly"):
        RenodeTarget().tool()
    with pytest.raises(MissingTool, match=r"exit code 1 before it was ready: Cannot open"):
        run(tiny)


def test_a_port_that_is_taken_meanwhile(
    tiny: Made, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in()
    with socket.create_server(("", 0)) as other:
        taken = other.getsockname()[1]
        ports = iter([taken, taken, free_port()])
        monkeypatch.setattr(renode_process, "_free_port", lambda: next(ports))
        assert len(run(tiny).inferences) == 2
        monkeypatch.setattr(renode_process, "_free_port", lambda: taken)
        with pytest.raises(RunFailed, match=rf"0\.0\.0\.0:{taken}.*Address already in use"):
            run(tiny)


def free_port() -> int:
    with socket.create_server(("", 0)) as probe:
        return int(probe.getsockname()[1])


def test_no_socket(tiny: Made, stand_in: StandIn, processes: Processes) -> None:
    stand_in(deaf=True)
    with pytest.raises(RunFailed, match="does not listen at the socket of the guest's UART"):
        run(tiny)
    assert processes.living() == []


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo Robot framework 7", r"does not answer as Renode does \(Robot framework 7\)"),
        ("exit 0", r"does not answer as Renode does \(no message\)"),
        ("exec yes", r"does not answer as Renode does \(y\)"),
        ("exec tr '\\0' x < /dev/zero", r"does not answer as Renode does \(x{120}\)"),
    ],
)
def test_another_program(
    stand_in: StandIn, processes: Processes, script: str, message: str
) -> None:
    launcher = stand_in()
    launcher.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(MissingTool, match=message) as caught:
        RenodeTarget().tool()
    assert "HIL_RENODE" in caught.value.hint
    assert processes.living() == []


def test_a_program_that_says_nothing(
    stand_in: StandIn, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = stand_in()
    launcher.write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr("hil.targets.renode.executable._PROBE_TIMEOUT_S", 0.2)
    with pytest.raises(MissingTool, match=r"does not answer as Renode does \(no message\)"):
        RenodeTarget().tool()
    assert processes.living() == []


def test_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text"
    text.write_text("not a program")
    for wrong in (tmp_path / "nothing", tmp_path, text):
        monkeypatch.setenv("HIL_RENODE", str(wrong))
        with pytest.raises(MissingTool, match=rf"HIL_RENODE names '{wrong}', which is not an exec"):
            RenodeTarget().tool()
    monkeypatch.delenv("HIL_RENODE")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="is not on the PATH") as caught:
        RenodeTarget().tool()
    assert "1.16.1" in caught.value.hint


def test_the_version_is_asked_once(stand_in: StandIn) -> None:
    launcher = stand_in()
    assert RenodeTarget().tool() == "Renode 1.16.1.37969"
    text = launcher.read_text()
    stamp = launcher.stat()
    launcher.write_text("#" + text[1:].replace("exit", "false"))
    launcher.write_text(text)
    os.utime(launcher, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    stand_in(version="Renode v2.0.0.1\n")
    os.utime(launcher, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert RenodeTarget().tool() == "Renode 1.16.1.37969"
    os.utime(launcher, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert RenodeTarget().tool() == "Renode 2.0.0.1"


# It fails while it runs


def test_a_firmware_that_never_answers(tiny: Made, stand_in: StandIn, processes: Processes) -> None:
    stand_in(dut={"silent_at": "infer"})
    with RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
        device.client.load(tiny_inputs(0))
        device.client._timeout_s = 0.2
        with pytest.raises(DeviceTimeout, match=r"did not answer 'infer 1 0' within 0\.2 s"):
            device.client.infer()
    assert processes.living() == []


@pytest.mark.parametrize(
    ("number", "ending"), [(0, "exit code 0"), (signal.SIGSEGV, r"exit code 139|signal SIGSEGV")]
)
@pytest.mark.parametrize("at", ["infer", "LoadBinary"])
def test_a_renode_that_ends_in_mid_run(
    tiny: Made, stand_in: StandIn, processes: Processes, number: int, ending: str, at: str
) -> None:
    stand_in(die_at=at, signal=number)
    with pytest.raises(RunFailed, match=f"Renode ended early with ({ending})"):
        run(tiny)
    assert processes.living() == []


def test_a_fault_that_the_firmware_reports(tiny: Made, stand_in: StandIn) -> None:
    stand_in(dut={"fault_at": "infer"})
    with pytest.raises(HardwareFault, match="HardFault on the device"):
        run(tiny)


@pytest.mark.parametrize(
    "line",
    [
        "21:14:27.2892 [WARNING] sysbus: [cpu: 0x{0:X}] WriteDoubleWord to non existing "
        "peripheral at 0xF0000000, value 0x1.",
        "21:14:27.2892 [ERROR] cpu: CPU abort [PC=0x{0:X}]: Trying to execute code outside RAM.",
    ],
)
def test_a_fault_that_only_renode_sees(
    tiny: Made, stand_in: StandIn, processes: Processes, line: str
) -> None:
    """The firmware stays silent, or goes on with a zero; a chip would have stopped."""
    address = symbol_address(tiny[0].elf, "tiny_mischief")
    stand_in(log_at="infer", log=line.format(address), dut={"silent_at": "infer"})
    with pytest.raises(
        DeviceFault, match=r"with a fault in tiny_mischief\+0x0; Renode: .*cpu: "
    ) as got:
        run(tiny)
    assert "stack_bytes" in got.value.hint
    assert processes.living() == []


@pytest.mark.parametrize("windows", [0, 1])
def test_a_fault_after_the_last_answer_was_under_way(
    tiny: Made, stand_in: StandIn, windows: int
) -> None:
    """Renode writes its log later than the guest goes on; the answer itself is right."""
    line = "21:14:27.2892 [WARNING] sysbus: [cpu: 0x8000044] ReadByte from non existing peripheral"
    stand_in(log_at="log ", log=line)
    with pytest.raises(DeviceFault, match="from non existing peripheral"):
        run(tiny, profile_windows=windows)
    with (
        pytest.raises(DeviceFault, match="from non existing peripheral"),
        RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device,
    ):
        assert len(session.infer(device, tiny_inputs(0), tiny_specs())) == 2


@pytest.mark.parametrize("text", ["line\n", "no line end", "\n"])
def test_output_without_end(tiny: Made, stand_in: StandIn, text: str) -> None:
    """More than a pipe holds, and more than is kept: Renode goes on, and so does the run."""
    stand_in(flood_at="infer", flood=text * 1000, flood_bytes=8 * 1024 * 1024)
    assert len(run(tiny, seeds=1, load="protocol").inferences) == 1


# No process is left


def test_a_session_that_is_killed_ends_at_once(
    tiny: Made, stand_in: StandIn, processes: Processes
) -> None:
    stand_in(dut={"silent_at": "infer"})

    def wait() -> None:
        with RenodeTarget().open(*tiny, Options(timeout_s=WAIT_S)) as device:
            threading.Timer(0.2, device.kill).start()
            device.client.load(tiny_inputs(0))
            device.client.infer()

    with pytest.raises(RunFailed, match="Renode ended early with signal SIGKILL"):
        wait()
    assert processes.living() == []


_RUN = """
import sys
from pathlib import Path
from hil.records import Firmware, MemoryRegion, Platform
from hil.targets.interface import Options
from hil.targets.renode.target import RenodeTarget

region = MemoryRegion(0, 0)
platform = Platform("renode", "stm32l4", "stm32l4", "cortex-m4f", region, region, 0, True)
firmware = Firmware(Path(sys.argv[1]), "", {}, {}, "", "", "", True)
with RenodeTarget().open(firmware, platform, Options()) as device:
    print("ready", flush=True)
    device.client.infer()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("where", ["LoadELF", "infer"])
def test_nothing_outlives_hil(
    tiny: Made, stand_in: StandIn, processes: Processes, number: int, where: str
) -> None:
    """Also where Renode takes no notice of its input's end, and its launcher has a child."""
    stand_in(hang_at=where, outlives_its_input=True)
    command = (sys.executable, "-c", _RUN, tiny[0].elf)
    hil = processes.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if where == "infer":
        assert hil.stdout is not None
        assert hil.stdout.readline() == "ready\n"
    else:
        processes.wait_for("renode_stand_in", "--console", of=hil)
    hil.send_signal(number)
    hil.communicate(timeout=WAIT_S)
    wait_until(lambda: processes.living() == [])


# Files


def test_compiled_files_are_kept_between_runs(
    tiny: Made, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in()
    run(tiny, profile_windows=1)
    (kept,) = (tmp_path / "cache" / "renode").glob("*/*")
    assert kept.read_bytes() == b"compiled"
    kept.write_bytes(b"from the cache")
    run(tiny, profile_windows=1)
    assert kept.read_bytes() == b"from the cache"


def test_a_cache_that_cannot_be_written_costs_time_alone(
    tiny: Made, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in()
    (tmp_path / "cache").write_text("a file")
    assert len(run(tiny, profile_windows=1).inferences) == 2


def test_folders_with_spaces(
    tiny: Made, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in()
    (folder := tmp_path / "a b").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert len(run(tiny, profile_windows=1).inferences) == 2
    assert list(folder.iterdir()) == []


def test_a_folder_that_renode_cannot_read(
    tiny: Made, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in()
    (folder := tmp_path / "a;b").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pytest.raises(UsageError, match="cannot read the file name"):
        run(tiny)
