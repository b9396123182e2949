"""The protocol client against a fake device: a real pty, a real socket, real damage."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hil.errors import DeviceFault, DeviceTimeout, LinkError, MissingTool
from hil.records import MemoryWatermarks
from hil.targets.dut.answers import HardwareFault, Rejected
from hil.targets.dut.client import RETRIES, DutClient
from hil.targets.dut.link import Garbage, Link, LinkClosed, SocketStream, Transcript
from hil.targets.dut.serial_port import open_link

from tests.support.fake_dut import FakeDut, Mischief, on_pty, on_socket_pair, on_tcp
from tests.support.processes import WAIT_S
from tests.support.tiny_engine import tiny_inputs, tiny_outputs


@contextmanager
def client(fake: FakeDut, *, timeout_s: float = 5.0) -> Iterator[DutClient]:
    names = {0x0800_0124: "conv_2d_int8", 0x0800_0210: "hil_model_invoke"}
    with on_pty(fake) as path:
        link = open_link(path)
        try:
            dut = DutClient(link, timeout_s=timeout_s, symbolize=names.get)
            dut.wait_ready(knock=True)
            yield dut
        finally:
            link.close()


def check_outputs(dut: DutClient, seed: int, invocation: int = 1) -> None:
    wanted = tiny_outputs(tiny_inputs(seed), invocation)
    assert dut.outputs() == tuple(array.tobytes() for array in wanted)


def test_a_session() -> None:
    with client(FakeDut()) as dut:
        info = dut.info()
        assert (info.engine, info.ops, info.clock_hz, info.counter) == ("tiny", 3, 80_000_000, True)
        assert [(t.address, t.nbytes, t.dtype) for t in info.inputs] == [
            (0x2000_1000, 64, 1),
            (0x2000_1040, 4, 4),
        ]
        assert info.input_bytes == 68
        assert dut.load(tiny_inputs(1)) == 0
        result = dut.infer(3, 1)
        assert result.elapsed_us == 75
        assert len(result.results) == 64
        check_outputs(dut, seed=1, invocation=4)
        assert dut.memory() == MemoryWatermarks(264, 4096, 8, 144)
        assert dut.marks() == (600, (350, 200, 40))
        assert dut.retries == 0
        text = dut.link.transcript.text()
    assert "> hil-info%\n< m-hil-info-[version=1," in text
    assert "> infer 3 1%\n< m-warmup-start-1\n" in text


def test_the_same_over_tcp() -> None:
    with on_tcp(FakeDut()) as url:
        link = open_link(url)
        dut = DutClient(link, timeout_s=5)
        dut.wait_ready(knock=True)
        dut.load(tiny_inputs(2))
        dut.infer()
        check_outputs(dut, seed=2)
        link.close()


def test_loads_go_31_bytes_a_command() -> None:
    fake = FakeDut()
    with client(fake) as dut:
        dut.load(tiny_inputs(3))
    commands = [line for line in fake.heard if line.startswith("db ")]
    assert commands[0] == "db load 68"
    assert [len(line) for line in commands[1:]] == [3 + 62, 3 + 62, 3 + 12]


@pytest.mark.parametrize(
    "mischief",
    [
        Mischief(flip_loads=1),
        Mischief(flip_loads=RETRIES),
        Mischief(lose_digits=1),
        Mischief(lose_ends=1),
    ],
    ids=["flipped", "flipped as often as is repeated", "lost digit", "lost end"],
)
def test_a_damaged_load_is_sent_again(mischief: Mischief) -> None:
    with client(FakeDut(mischief), timeout_s=1) as dut:
        retries = dut.load(tiny_inputs(4))
        assert retries == dut.retries
        assert 1 <= retries <= RETRIES
        dut.infer()
        check_outputs(dut, seed=4)


def test_a_load_that_stays_damaged_is_given_up() -> None:
    fake = FakeDut(Mischief(flip_loads=1000))
    with client(fake) as dut, pytest.raises(LinkError, match="damaged 4 times") as caught:
        dut.load(tiny_inputs(5))
    assert "baud" in caught.value.hint
    assert fake.heard.count("db load 68") == RETRIES + 1


def test_direct_loads_are_checked_as_well() -> None:
    fake = FakeDut(Mischief(flip_loads=1))
    with client(fake) as dut:
        assert dut.load(tiny_inputs(6), fake) == 1
        dut.infer()
        check_outputs(dut, seed=6)
    assert not any(line.startswith("db") for line in fake.heard)


@pytest.mark.parametrize(
    ("mischief", "times"),
    [(Mischief(), 1), (Mischief(flip_loads=3), 3), (Mischief(flip_reads=1), 2)],
    ids=["undamaged", "inputs flipped", "outputs flipped"],
)
def test_a_direct_inference_is_repeated_until_both_checksums_fit(
    mischief: Mischief, times: int
) -> None:
    fake = FakeDut(mischief)
    with client(fake) as dut:
        outputs = dut.infer_direct(tiny_inputs(10), fake)
        assert dut.retries == times - 1
    assert outputs == tuple(a.tobytes() for a in tiny_outputs(tiny_inputs(10), times))
    assert [line for line in fake.heard if line] == ["hil-info", *["hil-infer 68"] * times]


def test_a_direct_inference_that_stays_damaged_is_given_up() -> None:
    fake = FakeDut(Mischief(flip_reads=1000))
    with client(fake) as dut, pytest.raises(LinkError, match="damaged 4 times"):
        dut.infer_direct(tiny_inputs(11), fake)
    assert fake.heard.count("hil-infer 68") == RETRIES + 1


def test_firmware_from_before_the_direct_inference_says_so() -> None:
    fake = FakeDut(Mischief(unknown="hil-infer"))
    with client(fake) as dut, pytest.raises(Rejected, match="unknown-command hil-infer"):
        dut.infer_direct(tiny_inputs(12), fake)


@pytest.mark.parametrize(
    "mischief",
    [Mischief(flip_outputs=2), Mischief(noise_outputs=1), Mischief(lose_ready=1)],
    ids=["flipped", "not ASCII", "no end"],
)
def test_damaged_outputs_are_read_again(mischief: Mischief) -> None:
    with client(FakeDut(mischief), timeout_s=0.5) as dut:
        dut.load(tiny_inputs(7))
        dut.infer()
        check_outputs(dut, seed=7)
        assert dut.retries >= 1


def test_outputs_that_stay_damaged_are_given_up() -> None:
    with client(FakeDut(Mischief(flip_outputs=1000))) as dut:
        dut.load(tiny_inputs(8))
        dut.infer()
        with pytest.raises(LinkError, match="output 0 came damaged: CRC"):
            dut.outputs()
        assert dut.retries == RETRIES


def test_garbage_between_the_lines_is_no_matter() -> None:
    with client(FakeDut(Mischief(garbage=True))) as dut:
        dut.load(tiny_inputs(9))
        dut.infer()
        check_outputs(dut, seed=9)
        assert dut.retries == 0
        assert "< #~ 17" in dut.link.transcript.text()


def test_noise_of_a_uart_that_starts_is_no_matter() -> None:
    fake = FakeDut(Mischief(boot_noise=b"\x00\xff\xfe\x80half a li\r\n\xf0\r\n"))
    with on_socket_pair(fake) as ours:
        dut = DutClient(Link(SocketStream(ours)), timeout_s=5)
        dut.wait_ready()
        assert dut.info().port == "fake"
        text = dut.link.transcript.text()
    assert text.startswith("< \x00\\xff\\xfe\\x80half a li\n< \\xf0\n< m-init-done\n< m-ready\n")


def test_silence_names_the_command_and_the_last_words() -> None:
    with client(FakeDut(Mischief(silent_at="infer")), timeout_s=1) as dut:
        dut.load(tiny_inputs(1))
        start = time.monotonic()
        with pytest.raises(DeviceTimeout) as caught:
            dut.infer()
        assert time.monotonic() - start >= 1
    assert "did not answer 'infer 1 0' within 1 s" in caught.value.message
    assert "m-hil-crc-[68," in caught.value.message
    assert "--timeout" in caught.value.hint


def test_babble_is_no_answer() -> None:
    with (
        client(FakeDut(Mischief(babble_at="infer")), timeout_s=0.3) as dut,
        pytest.raises(DeviceTimeout, match="< what"),
    ):
        dut.infer()


def test_a_device_that_never_starts() -> None:
    with (
        on_socket_pair(FakeDut(Mischief(init_code=-3))) as ours,
        pytest.raises(Rejected, match="model-init -3"),
    ):
        DutClient(Link(SocketStream(ours)), timeout_s=5).wait_ready()


def test_nobody_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(DeviceTimeout, match="did not start within"):
        DutClient(Link(SocketStream(ours)), timeout_s=0.2).wait_ready(knock=True)


def test_a_device_that_is_gone_is_not_asked_again_and_again() -> None:
    fake = FakeDut(Mischief(silent_at="hil-info"))
    with client(fake, timeout_s=0.3) as dut, pytest.raises(DeviceTimeout, match="'hil-info'"):
        dut.info()
    assert fake.heard == ["", "hil-info"]


def test_death_in_mid_answer_is_a_closed_link() -> None:
    with client(FakeDut(Mischief(die_at="infer"))) as dut:
        dut.load(tiny_inputs(1))
        with pytest.raises(LinkClosed, match=r"the link to /dev/.* closed"):
            dut.infer()


def test_last_words_before_the_link_closed() -> None:
    with on_socket_pair(FakeDut(Mischief(die_at="infer"))) as ours:
        dut = DutClient(Link(SocketStream(ours)), timeout_s=5)
        dut.wait_ready()
        with pytest.raises(LinkClosed, match=r"last heard: .*< m-infer-done; < m-results-"):
            dut.infer()


def test_a_fault_has_registers_function_and_caller() -> None:
    with client(FakeDut(Mischief(fault_at="infer"))) as dut, pytest.raises(DeviceFault) as caught:
        dut.infer()
    fault = caught.value
    assert isinstance(fault, HardwareFault)
    assert fault.message.startswith(
        "HardFault on the device in conv_2d_int8, called from hil_model_invoke (pc=0x08000124 "
    )
    assert fault.registers["bfar"] == 0xF000_0000
    assert fault.registers["cfsr"] == 0x8200
    assert (fault.name, fault.function) == ("HardFault", "conv_2d_int8")


def test_a_restart_in_mid_command_is_told() -> None:
    with (
        client(FakeDut(Mischief(restart_at="infer"))) as dut,
        pytest.raises(DeviceFault, match="restarted while it carried out 'infer 1 0'"),
    ):
        dut.infer()


def test_an_error_of_the_device_keeps_its_text() -> None:
    with client(FakeDut()) as dut, pytest.raises(Rejected, match="unknown-command hil-nothing"):
        dut._command("hil-nothing", 5)


def test_inputs_of_another_size_are_refused_before_they_are_sent() -> None:
    fake = FakeDut()
    with client(fake) as dut, pytest.raises(LinkError, match=r"\[64, 4\] bytes, .* \[64\]"):
        dut.load([np.zeros(64, np.int8)])
    assert fake.heard == ["", "hil-info"]


def test_another_version_of_the_protocol_is_refused() -> None:
    with (
        client(FakeDut(Mischief(version=2))) as dut,
        pytest.raises(LinkError, match="version 2 of the protocol, this hil 1"),
    ):
        dut.info()


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(MissingTool, match="/dev/ttyNOWHERE") as caught:
        open_link("/dev/ttyNOWHERE")
    assert "plugged in" in caught.value.hint


def test_lines_over_loop() -> None:
    link = open_link("loop://")
    link.send(b"one\r\ntw")
    assert link.read_line(time.monotonic() + WAIT_S) == "one"
    assert link.read_line(time.monotonic() + 0.05) is None
    link.send(b"o\n\xff\n")
    assert link.read_line(time.monotonic() + WAIT_S) == "two"
    with pytest.raises(Garbage, match="not ASCII"):
        link.read_line(time.monotonic() + WAIT_S)
    link.close()


def test_a_line_without_end_is_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        def read(self, timeout_s: float) -> bytes:
            return b"x" * 65536

        def write(self, data: bytes, timeout_s: float) -> None: ...

        def close(self) -> None: ...

    with pytest.raises(Garbage, match="without a line end"):
        Link(Endless()).read_line(time.monotonic() + 30)


def test_a_transcript_keeps_both_ends() -> None:
    transcript = Transcript(limit_bytes=2000)
    for number in range(1000):
        transcript.add("<", f"line {number}")
    text = transcript.text()
    assert len(text) < 2500
    assert text.startswith("< line 0\n")
    assert text.endswith("< line 999\n")
    assert "lines left out" in text
    assert transcript.last(2) == ["< line 998", "< line 999"]
