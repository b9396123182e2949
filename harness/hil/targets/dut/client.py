"""The client's side of docs/protocol.md, apart from any transport.

What can be asked twice without harm is asked again when the answer came damaged, three times at
most; an inference cannot, because it may overwrite its inputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from zlib import crc32

import numpy as np

from hil.errors import DeviceFault, DeviceTimeout, LinkError
from hil.records import Array, MemoryWatermarks
from hil.targets.dut import answers
from hil.targets.dut.answers import (
    ArenaReport,
    DutInfo,
    HardwareFault,
    InferResult,
    Rejected,
    Restarted,
)
from hil.targets.dut.link import Garbage, Link, LinkClosed

RETRIES = 3
_ANSWER_S = 10.0
_QUIET_S = 0.1
_KNOCK_S = 0.5
_BYTES_A_COMMAND = 31
_WAITS = 3  # an inference has three steps, each with as long as the client waits for a line
_SLOWEST_BYTES_S = 400  # the slowest UART known, of an emulated chip, moves 480 bytes a second
_TALK_BYTES = 4 << 20  # of messages that are no part of an answer
_LONG_ANSWER = 16384  # bytes of an answer whose length the device alone knows
_OUTPUT_CHARS = 4  # a byte of an output, with its share of the line
_RESULT_CHARS = 24  # a number in m-results
_MARK_CHARS = 40  # an op's line in hil-marks
_T = TypeVar("_T")


class MemoryAccess(Protocol):
    """A debugger that reads and writes the DUT's memory while it waits for a command."""

    def exchange(
        self, reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, bytes]]
    ) -> list[bytes]:
        """Read all (address, size), then write all (address, data); LinkError if it cannot."""


class DutClient:
    """Speaks to one DUT.

    ``timeout_s`` is how long an inference may take without a word; other answers may take that
    long or 10 s between two lines, whichever is shorter. A whole answer may take three times as
    long, and what its bytes take on a slow link, however much the device says. ``symbolize`` turns
    a code address into a function's name, for fault messages. Every method raises, beside what it
    names itself:

        HardwareFault: the device printed a fault.
        Rejected: the device answered ``e-[...]``.
        DeviceTimeout: it did not answer in time.
        LinkError: the link closed, or the answer was damaged more often than is repeated.
    """

    def __init__(
        self,
        link: Link,
        *,
        timeout_s: float = 60.0,
        symbolize: Callable[[int], str | None] | None = None,
    ) -> None:
        self.link = link
        self.retries = 0
        self._timeout_s = timeout_s
        self._answer_s = min(timeout_s, _ANSWER_S)
        self._symbolize = symbolize
        self._info: DutInfo | None = None

    def wait_ready(self, *, knock: bool = False) -> None:
        """Wait for the end of the boot messages; noise of a UART that starts up is ignored.

        With ``knock`` a lone ``%`` asks every half second for an answer: for a board
        that may have started before the port was opened.
        """
        if knock:
            self._knock()
        else:
            self._collect("boot", self._timeout_s, tolerant=True, expected=_LONG_ANSWER)

    def info(self) -> DutInfo:
        """Return what the firmware says about itself; asked once."""
        if self._info is None:
            self._info = self._ask("hil-info", answers.parse_info, _LONG_ANSWER)
        return self._info

    def load(self, inputs: Sequence[Array], memory: MemoryAccess | None = None) -> int:
        """Put the inputs (in the model's order) into the device, checked by CRC.

        With ``memory`` they are written by a debugger, else sent as commands of 31 bytes. Returns
        how many times everything had to be sent again.

        Raises:
            LinkError: number or sizes of the inputs are not what the firmware says of its own.
        """
        blobs = self._blobs(inputs)
        data = b"".join(blobs)

        def load() -> bool:
            return self._write(blobs, memory) if memory is not None else self._send_once(data)

        return self._loaded(data, load)

    def send(self, data: bytes, bytes_a_command: int = _BYTES_A_COMMAND) -> int:
        """Load ``data``, whatever the inputs are, checked by CRC; returns as :meth:`load`.

        For firmware that takes the data of an MLPerf Tiny task.
        """
        return self._loaded(data, lambda: self._send_once(data, bytes_a_command))

    def model_id(self) -> str:
        """Return the model id of the answer to ``profile``."""
        return self._ask("profile", answers.parse_model_id)

    def reset(self) -> None:
        """Make the model forget what it kept of inferences before; nothing where it keeps nothing.

        Raises:
            LinkError: the firmware resets another number of bytes than it says it has.
        """
        if not (state := self.info().state_bytes):
            return
        if (done := self._ask("hil-reset", answers.parse_reset)) != state:
            raise LinkError(
                f"the firmware has {state:,} bytes of state and reset {done:,}",
                hint="check the cable and the baud rate",
            )

    def infer(self, runs: int = 1, warmups: int = 0) -> InferResult:
        """Run the model. Only the first of ``runs + warmups`` inferences sees the loaded data.

        A model with state goes on from the inference before, unless :meth:`reset` came between.
        """
        values = self.info().outputs[0].nbytes
        lines = self._command(f"infer {runs} {warmups}", self._timeout_s, _RESULT_CHARS * values)
        return answers.parse_infer(lines)

    def outputs(self) -> tuple[bytes, ...]:
        """Return every output tensor as raw bytes, checked by CRC."""
        return tuple(self._output(tensor.index) for tensor in self.info().outputs)

    def infer_direct(self, inputs: Sequence[Array], memory: MemoryAccess) -> tuple[bytes, ...]:
        """Run one inference with inputs and outputs through a debugger; returns the raw outputs.

        State is reset before it.

        One short command does it, and its answer has the CRCs of both as the device sees them:
        much faster than :meth:`load`, :meth:`infer` and :meth:`outputs` on a slow UART. Damage is
        met by doing it all again, three times at most.

        Raises:
            LinkError: number or sizes of the inputs are not what the firmware says of its own.
        """
        info = self.info()
        blobs = self._blobs(inputs)
        writes = self._writes(blobs)
        reads = [(tensor.address, tensor.nbytes) for tensor in info.outputs]
        size, inputs_crc = info.input_bytes, crc32(b"".join(blobs))
        for _ in range(RETRIES + 1):
            self.reset()
            memory.exchange((), writes)
            lines = self._command(f"hil-infer {size}", self._timeout_s)
            outputs = memory.exchange(reads, ())
            seen = answers.parse_direct_infer(lines)
            if seen == (size, inputs_crc, crc32(b"".join(outputs))):
                return tuple(outputs)
            self.retries += 1
        raise _damaged_inputs()

    def memory(self) -> MemoryWatermarks:
        """Return the device's high-water marks since reset."""
        return self._ask("hil-mem", answers.parse_memory)

    def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
        """Have the model prepared in so many bytes of the arena, and run on zeros if ``invoke``.

        Only firmware made for it knows the command (docs/protocol.md).
        """
        command = f"hil-arena {arena_bytes} {int(invoke)}"
        return answers.parse_arena(self._command(command, self._timeout_s, _LONG_ANSWER))

    def marks(self) -> tuple[int, tuple[int, ...]]:
        """Return the cycle counter of the last inference: total, and by op.

        Raises:
            DeviceFault: the counter does not count, or the ops took more than the inference.
        """
        ops = self.info().ops

        def parse(lines: Sequence[str]) -> tuple[int, tuple[int, ...]]:
            return answers.parse_marks(lines, ops)

        total, cycles = self._ask("hil-marks", parse, _MARK_CHARS * (ops + 1))
        if not total or sum(cycles) > total:
            raise DeviceFault(
                f"the cycle counter is not to be trusted: {total:,} cycles for the inference, "
                f"{sum(cycles):,} for its ops",
                hint="something stopped or reset the counter during the inference, such as a "
                "debugger; or the inference was longer than 2^32 cycles",
            )
        return total, cycles

    # --- one level down: asking, and asking again ---

    def _knock(self) -> None:
        until = time.monotonic() + self._timeout_s
        while True:
            self.link.send(b"%")
            try:
                self._collect("%", min(_KNOCK_S, self._timeout_s), tolerant=True)
                self.link.drain(_QUIET_S)
                return
            except DeviceTimeout:
                if time.monotonic() > until:
                    raise self._mute() from None

    def _mute(self) -> DeviceTimeout | Garbage:
        """The error of a device that never was ready: silent, or of another speed or language."""
        unfinished = self.link.unfinished
        heard = [line[2:] for line in self.link.transcript.last(20) if line.startswith("<")]
        if (not unfinished and not heard) or any(line.startswith(("m-", "e-")) for line in heard):
            return self._timeout("boot", self._timeout_s)
        shown = repr(unfinished[:40])[1:] if unfinished else f"'{heard[-1][:80]}'"
        return Garbage(
            f"{self.link.name} sends what is not of the protocol, such as {shown}",
            hint="is this the port of the board, with hil's firmware on it, and the baud rate of "
            "the firmware? `hil deploy` writes a firmware",
        )

    def _blobs(self, inputs: Sequence[Array]) -> list[bytes]:
        """The inputs as the device holds them, or LinkError where their sizes are not its own."""
        blobs = [np.ascontiguousarray(array).tobytes() for array in inputs]
        expected = [tensor.nbytes for tensor in self.info().inputs]
        if [len(blob) for blob in blobs] != expected:
            raise LinkError(
                f"the firmware takes inputs of {expected} bytes, the model has inputs of "
                f"{[len(b) for b in blobs]}",
                hint="the firmware was built for another model; build it again",
            )
        return blobs

    def _output(self, index: int) -> bytes:
        def parse(lines: Sequence[str]) -> bytes:
            data, crc = answers.parse_output(lines, index)
            if crc32(data) != crc:
                raise LinkError(
                    f"output {index} came damaged: CRC {crc32(data):08X}, the device has {crc:08X}",
                    hint="check the cable and the baud rate",
                )
            return data

        size = self.info().outputs[index].nbytes
        return self._ask(f"hil-out {index}", parse, _OUTPUT_CHARS * size)

    def _writes(self, blobs: Sequence[bytes]) -> list[tuple[int, bytes]]:
        return [(t.address, blob) for t, blob in zip(self.info().inputs, blobs, strict=True)]

    def _loaded(self, data: bytes, load: Callable[[], bool]) -> int:
        """Load until the device has ``data``; how many times that had to be repeated."""
        wanted = (len(data), crc32(data))
        for attempt in range(RETRIES + 1):
            if self._without_complaint(load) and self._ask("hil-crc", answers.parse_crc) == wanted:
                return attempt
            self.retries += 1
        raise _damaged_inputs()

    def _without_complaint(self, load: Callable[[], bool]) -> bool:
        """Whether a load went through. Leaves the device ready for a command."""
        try:
            return load()
        except (HardwareFault, LinkClosed):
            raise
        except (Rejected, DeviceTimeout, LinkError) as error:
            self._recover(error)
            return False

    def _write(self, blobs: Sequence[bytes], memory: MemoryAccess) -> bool:
        memory.exchange((), self._writes(blobs))
        size = sum(len(blob) for blob in blobs)
        return "m-load-done" in self._command(f"hil-direct {size}", self._answer_s)

    def _send_once(self, data: bytes, bytes_a_command: int = _BYTES_A_COMMAND) -> bool:
        lines = self._command(f"db load {len(data)}", self._answer_s)
        for start in range(0, len(data), bytes_a_command):
            part = data[start : start + bytes_a_command].hex().upper()
            lines = self._command(f"db {part}", self._answer_s)
        return "m-load-done" in lines

    def _ask(self, command: str, parse: Callable[[Sequence[str]], _T], expected: int = 0) -> _T:
        """Send a command that changes nothing, until its answer can be read."""
        for attempt in range(RETRIES + 1):
            try:
                return parse(self._command(command, self._answer_s, expected))
            except (HardwareFault, LinkClosed):
                raise
            except (Rejected, DeviceTimeout, LinkError) as error:
                if attempt == RETRIES:
                    raise
                self._recover(error)
                self.retries += 1
        raise AssertionError("unreachable")

    def _recover(self, error: DeviceFault | DeviceTimeout | LinkError) -> None:
        """Get back to a device that waits for a command, or raise ``error`` if it is gone.

        A lone ``%`` ends what may be left of a damaged command and is answered by ``m-ready``.
        """
        for _ in range(2):
            self.link.send(b"%")
            try:
                self._collect("%", self._answer_s, tolerant=True)
            except DeviceTimeout:
                raise error from None
            self.link.drain(_QUIET_S)

    def _command(self, command: str, timeout_s: float, expected: int = 0) -> list[str]:
        """Send one command and return the lines of its answer of about ``expected`` bytes.

        Raises Rejected for an ``e-[...]`` among them, after the whole answer was read.
        """
        self.link.send(command.encode("ascii") + b"%")
        lines = self._collect(command, timeout_s, expected=expected)
        for line in lines:
            if (text := answers.error_in(line)) is not None:
                raise Rejected(command, text)
        return lines

    def _collect(
        self, command: str, timeout_s: float, *, tolerant: bool = False, expected: int = 0
    ) -> list[str]:
        """Read lines up to ``m-ready``.

        Only lines of the protocol prolong the time, up to a total; and only so many bytes are
        read that an answer of ``expected`` bytes and the firmware's own messages can have.
        """
        lines: list[str] = []
        now = time.monotonic()
        deadline, total_s = now + timeout_s, _WAITS * timeout_s + expected / _SLOWEST_BYTES_S
        end, most = now + total_s, self.link.received + expected + _TALK_BYTES
        while True:
            try:
                line = self.link.read_line(min(deadline, end))
            except Garbage:
                if not tolerant:
                    raise
                line = ""
            now = time.monotonic()
            if line is None and now < end:
                raise self._timeout(command, timeout_s)
            if line is not None and (fault := answers.fault_in(line)) is not None:
                raise self._fault(*fault)
            if line == "m-ready":
                return self._checked_boot(command, lines)
            if line is None or now > end:
                raise self._endless(command, f"{total_s:g} s")
            if self.link.received > most:
                raise self._endless(command, f"{expected + _TALK_BYTES:,} bytes")
            if line.startswith(("m-", "e-")):
                lines.append(line)
                deadline = now + timeout_s

    def _checked_boot(self, command: str, lines: list[str]) -> list[str]:
        """Refuse an answer in whose midst the device started anew, and a model that did not."""
        if "m-init-done" in lines and command not in ("boot", "%"):
            raise Restarted(command)
        if command == "boot":
            for line in lines:
                if (text := answers.error_in(line)) is not None:
                    raise Rejected("boot", text)
        return lines

    def _endless(self, command: str, limit: str) -> DeviceTimeout:
        heard = "; ".join(line[:80] for line in self.link.transcript.last(3))
        what = "its start" if command == "boot" else f"its answer to '{command}'"
        return DeviceTimeout(
            f"{self.link.name} did not end {what} within {limit}; last heard: {heard}",
            hint="the device keeps talking: look at its firmware's own messages and at the baud "
            "rate; a slow model needs a longer --timeout",
        )

    def _timeout(self, command: str, timeout_s: float) -> DeviceTimeout:
        heard = "; ".join(line for line in self.link.transcript.last(4) if line.startswith("<"))
        what = "did not start" if command == "boot" else f"did not answer '{command}'"
        return DeviceTimeout(
            f"{self.link.name} {what} within {timeout_s:g} s; last heard: {heard or 'nothing'}",
            hint="a slow model needs a longer --timeout; a silent device needs a look at its "
            "firmware, its port and its baud rate",
        )

    def _fault(self, name: str, registers: dict[str, int]) -> HardwareFault:
        function = self._name_of(registers.get("pc"))
        caller = self._name_of(registers.get("lr"))
        where = f" in {function}" if function else ""
        after = f", called from {caller}" if caller and caller != function else ""
        shown = " ".join(f"{key}=0x{value:08X}" for key, value in registers.items())
        return HardwareFault(
            f"{name} on the device{where}{after} ({shown})",
            hint="cfsr has the cause (ARMv7-M manual, B3.2.15); a stack overflow looks like this "
            "too: try a larger firmware.stack_bytes in the profile",
            name=name,
            registers=registers,
            function=function,
        )

    def _name_of(self, address: int | None) -> str | None:
        """The function at a code address without its Thumb bit."""
        if address is None or self._symbolize is None:
            return None
        return self._symbolize(address & ~1)


def _damaged_inputs() -> LinkError:
    return LinkError(
        f"the inputs reached the device damaged {RETRIES + 1} times in a row",
        hint="check the cable and the ground, or lower the baud rate in the profile",
    )
