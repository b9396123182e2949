"""Devices that keep talking, or say what cannot be: an error soon, and little memory."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hypothesis
import pytest
from hil.errors import DeviceTimeout, LinkError, RunFailed
from hil.targets.dut import answers, client
from hil.targets.dut.client import DutClient
from hil.targets.dut.link import Link, SocketStream, Transcript
from hil.targets.dut.serial_port import open_link
from hypothesis import strategies as st

from tests.support.answer_parsers import PARSERS
from tests.support.fake_dut import FakeDut

Send = Callable[[bytes], object]
TIMEOUT_S = 0.2


@contextmanager
def talking(line: bytes, pause_s: float, fd: int, send: Send) -> Iterator[None]:
    """Answer commands as the fake device does, but ``infer`` with one line over and over."""
    stop = threading.Event()
    fake = FakeDut()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while not stop.is_set():
                if not select.select([fd], [], [], 0.02)[0]:
                    continue
                data = os.read(fd, 4096)
                if not data.startswith(b"infer"):
                    send(fake.feed(data))
                    continue
                while not stop.wait(pause_s):
                    send(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def on_pty(line: bytes, pause_s: float) -> Iterator[DutClient]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)

    def send(data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(master, data)

    link = open_link(os.ttyname(slave))
    try:
        with talking(line, pause_s, master, send):
            yield DutClient(link, timeout_s=TIMEOUT_S)
    finally:
        link.close()
        os.close(master)
        os.close(slave)


@contextmanager
def on_socket(line: bytes, pause_s: float) -> Iterator[DutClient]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def send(data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            theirs.send(data)

    with ours, theirs, talking(line, pause_s, theirs.fileno(), send):
        yield DutClient(Link(SocketStream(ours)), timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("connected", [on_pty, on_socket])
@pytest.mark.parametrize(
    "line",
    [b"m-log-[alive]\r\n", b"m-warmup-start-1\r\n" * 50, b"e", b"debug: alive\r\n", b"\xfe\r\n"],
    ids=["protocol lines", "many", "no line end", "other lines", "noise"],
)
@pytest.mark.parametrize("pause_s", [0.0, 0.05])
def test_a_device_that_keeps_talking(
    line: bytes, pause_s: float, connected: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_TALK_BYTES", 100_000)
    begin = time.monotonic()
    with connected(line, pause_s) as dut, pytest.raises(RunFailed) as caught:  # type: ignore[attr-defined]
        dut.infer()
    total_s = 3 * TIMEOUT_S + 64 * client._RESULT_CHARS / client._SLOWEST_BYTES_S
    # The limit is on what the client waits for; a loaded machine takes longer to come back.
    assert time.monotonic() - begin < total_s + 20
    assert caught.value.hint
    assert dut.link.received < 2_000_000


def test_the_message_says_that_it_keeps_talking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_TALK_BYTES", 10_000)
    with (
        on_socket(b"m-log-[alive]\r\n" * 20, 0.0) as dut,
        pytest.raises(
            DeviceTimeout, match="did not end its answer to 'infer 1 0' within"
        ) as caught,
    ):
        dut.infer()
    assert "m-log-[alive]" in caught.value.message
    assert "keeps talking" in caught.value.hint


def test_a_line_without_end_meets_the_deadline() -> None:
    class Endless:
        def read(self, timeout_s: float) -> bytes:
            time.sleep(0.01)
            return b"x"

        def write(self, data: bytes, timeout_s: float) -> None: ...

        def close(self) -> None: ...

    link = Link(Endless())
    begin = time.monotonic()
    assert link.read_line(begin + 0.2) is None
    link.drain(0.01, limit_s=0.2)
    assert link.received > 10


def test_a_transcript_keeps_the_start_of_a_long_line() -> None:
    transcript = Transcript()
    transcript.add("<", "x" * 20_000_000)
    assert len(transcript.text()) < 1_100_000
    assert "20,000,002 characters" in transcript.text()


INFO = (
    "m-hil-info-[version=1,engine=tiny,model=0,ops=3,port=p,core=c,clock=1,counter=1,arena=1]",
    "m-hil-input-[0,0x20001000,64,1]",
    "m-hil-output-[0,0x20002000,64,1]",
)


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (1, "m-hil-input-[0,0x20001000,64]"),
        (1, "m-hil-input-[0,0x20001000,64,1,7]"),
        (1, "m-hil-input-[]"),
        (1, "m-hil-input-[1,0x20001000,64,1]"),
        (1, "m-hil-input-[0,0x20001000,-64,1]"),
        (2, "m-hil-output-[0,0x20002000,9999999999,1]"),
        (2, "m-hil-output-[0,0x,64,1]"),
        (2, "m-hil-output-[0,0x20002000,6_4,1]"),
        (0, INFO[0].replace("ops=3", "ops=70000")),
        (0, INFO[0].replace("ops=3", "ops=-1")),
        (0, INFO[0].replace("clock=1", "clock=" + "9" * 5000)),
        (0, INFO[0].replace("version=1", "version=")),
    ],
)
def test_a_field_too_few_too_many_or_impossible(at: int, line: str) -> None:
    lines = [*INFO[:at], line, *INFO[at + 1 :]]
    with pytest.raises(LinkError) as caught:
        answers.parse_info(lines)
    assert caught.value.exit_code == 3
    assert len(caught.value.message) < 1000


PREFIXES = (
    *("m-hil-info-", "m-hil-input-", "m-hil-output-", "m-hil-crc-", "m-hil-infer-", "m-hil-out-"),
    *("m-hil-outcrc-", "m-lap-us-", "m-infer-done", "m-results-", "m-hil-mem-", "m-hil-arena-"),
    *("m-hil-reset-",),
    *("m-hil-arena-input-", "m-hil-arena-output-", "m-hil-log-", "m-hil-cycles-", "m-hil-op-"),
)
FIELDS = st.one_of(
    st.integers(-1, 3).map(str),
    st.sampled_from(
        ["0x20001000", "1e3", "nan", "", "-", "status=0", "stack=1", "version=1", "ff"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
)
LINES = st.builds(
    lambda prefix, fields, brackets: prefix + ("[{}]" if brackets else "{}").format(fields),
    st.sampled_from(PREFIXES),
    st.lists(FIELDS, max_size=6).map(",".join),
    st.booleans(),
)


@hypothesis.given(st.lists(LINES, max_size=8))
@hypothesis.settings(max_examples=300)
def test_whatever_is_answered_is_a_value_or_a_link_error(lines: list[str]) -> None:
    for parse in PARSERS:
        with contextlib.suppress(LinkError):
            parse(lines)
