"""What the DUT's answers mean: lines of text in, values out. docs/protocol.md is the source.

Every function takes the lines of one answer and raises LinkError when it is not what the
protocol promises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hil.errors import DeviceFault, LinkError
from hil.records import MemoryWatermarks

PROTOCOL_VERSION = 1
_TENSOR_FIELDS = 4
_MOST_TENSOR_BYTES = 1 << 26
_MOST_OPS = 0xFFFF  # hil_op_count has 16 bits

_FAULT = re.compile(r"e-\[fault (\S+)((?: \w+=0x[0-9A-Fa-f]+)*)")
_DIGITS = {10: re.compile(r"[0-9]{1,20}"), 16: re.compile(r"[0-9A-Fa-f]{1,16}")}
_BUILD_ID = re.compile(r"(?:[0-9a-f]{2}){0,64}")
_ERROR = re.compile(r"^e-\[(.*?)\]?$")


@dataclass(frozen=True)
class TensorInfo:
    """An input or output on the device; ``dtype`` is the number in ``hil_model.h``."""

    index: int
    address: int
    nbytes: int
    dtype: int


@dataclass(frozen=True)
class DutInfo:
    """What the firmware says it is.

    ``state_bytes`` is what the model keeps between inferences, 0 where it keeps nothing.
    ``counter``: whether it has a cycle counter that counts. ``build`` is the linker's build id in
    hex, '' where the firmware is of before there was one, or its port has none.
    """

    version: int
    engine: str
    model: str
    ops: int
    port: str
    core: str
    clock_hz: int
    counter: bool
    arena_bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    build: str = ""
    state_bytes: int = 0

    @property
    def input_bytes(self) -> int:
        """Size of one load."""
        return sum(tensor.nbytes for tensor in self.inputs)


@dataclass(frozen=True)
class InferResult:
    """``elapsed_us`` between the two lap lines (0 where there is no counter); first output."""

    elapsed_us: int
    results: tuple[float, ...]


@dataclass(frozen=True)
class ArenaReport:
    """What the device says of one size of arena; offsets only where ``status`` is 0.

    ``log`` are the engine's own messages. An offset of -1 is outside the arena.
    """

    status: int
    out_of_memory: bool
    used_bytes: int
    persistent_bytes: int
    nonpersistent_bytes: int
    scratch_bytes: int
    input_offsets: tuple[int, ...]
    output_offsets: tuple[int, ...]
    log: tuple[str, ...]


class HardwareFault(DeviceFault):
    """A fault exception on the device, with the registers that its handler printed."""

    def __init__(
        self, message: str, *, hint: str, name: str, registers: dict[str, int], function: str | None
    ) -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.registers = registers
        self.function = function


class Restarted(DeviceFault):
    """The device started anew in the middle of a command."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"the device restarted while it carried out '{command}'",
            hint="a watchdog or a brown-out resets it; check the power supply",
        )


class Rejected(DeviceFault):
    """The device answered ``e-[...]``; ``text`` is what stood between the brackets."""

    def __init__(self, command: str, text: str) -> None:
        super().__init__(
            f"the device answered '{command}' with the error: {text}",
            hint="docs/protocol.md lists the device's errors",
        )
        self.text = text


def fault_in(line: str) -> tuple[str, dict[str, int]] | None:
    """Return a fault's name and registers; it may be anywhere in the line."""
    found = _FAULT.search(line)
    if found is None:
        return None
    pairs = (word.split("=") for word in found[2].split())
    return found[1], {name: int(value, 16) for name, value in pairs}


def error_in(line: str) -> str | None:
    """Return the text of an ``e-[...]`` line."""
    found = _ERROR.match(line)
    return found[1] if found else None


def parse_info(lines: Sequence[str]) -> DutInfo:
    """Parse the answer to ``hil-info``."""
    fields = dict(
        item.split("=", 1) for item in _one(lines, "m-hil-info-").split(",") if "=" in item
    )
    version = _number(fields.get("version", ""))
    if version != PROTOCOL_VERSION:
        raise LinkError(
            f"the firmware speaks version {version} of the protocol, this hil {PROTOCOL_VERSION}",
            hint="build and load the firmware again with this version of hil",
        )
    try:
        if (ops := _number(fields["ops"])) > _MOST_OPS:
            raise _broken("hil-info", lines[:1], f"{ops:,} ops")
        return DutInfo(
            version=version,
            engine=fields["engine"],
            model=fields["model"],
            ops=ops,
            port=fields["port"],
            core=fields["core"],
            clock_hz=_number(fields["clock"]),
            counter=fields["counter"] != "0",
            arena_bytes=_number(fields["arena"]),
            inputs=_tensors(lines, "m-hil-input-"),
            outputs=_tensors(lines, "m-hil-output-"),
            build=_build_id(fields.get("build", "")),
            state_bytes=_number(fields.get("state", "0")),
        )
    except (KeyError, ValueError) as error:
        raise _broken("hil-info", lines, repr(error)) from error


def parse_model_id(lines: Sequence[str]) -> str:
    """Parse the answer to ``profile``: the model's id."""
    return _one(lines, "m-model-")


def _build_id(text: str) -> str:
    if not _BUILD_ID.fullmatch(text):
        raise ValueError(f"the build id '{text[:80]}' is not hexadecimal")
    return text


def parse_crc(lines: Sequence[str]) -> tuple[int, int]:
    """Parse the answer to ``hil-crc``: loaded bytes and their CRC-32."""
    count, crc = _split(lines, "m-hil-crc-", 2)
    return _number(count), _number(crc, 16)


def parse_reset(lines: Sequence[str]) -> int:
    """Parse the answer to ``hil-reset``: the bytes that were reset."""
    return _number(_one(lines, "m-hil-reset-"))


def parse_direct_infer(lines: Sequence[str]) -> tuple[int, int, int]:
    """Parse the answer to ``hil-infer``: loaded bytes, CRC-32 of the inputs, of the outputs."""
    count, inputs, outputs = _split(lines, "m-hil-infer-", 3)
    return _number(count), _number(inputs, 16), _number(outputs, 16)


def parse_output(lines: Sequence[str], index: int) -> tuple[bytes, int]:
    """Parse the answer to ``hil-out``: the tensor's bytes and the device's CRC-32 of them."""
    data = bytearray()
    for line in _all(lines, "m-hil-out-"):
        where, offset, digits = [*line.split(","), "", ""][:3]
        if _number(where) != index or _number(offset) != len(data):
            raise _broken("hil-out", [line], f"expected byte {len(data)} of output {index}")
        try:
            data += bytes.fromhex(digits)
        except ValueError as error:
            raise _broken("hil-out", [line], "wrong hex digits") from error
    where, count, crc = _split(lines, "m-hil-outcrc-", 3)
    if _number(where) != index or _number(count) != len(data):
        raise _broken("hil-out", lines[-1:], f"{len(data)} bytes came")
    return bytes(data), _number(crc, 16)


def parse_infer(lines: Sequence[str]) -> InferResult:
    """Parse the answer to ``infer``."""
    laps = [_number(line[len("m-lap-us-") :]) for line in lines if line.startswith("m-lap-us-")]
    if len(laps) != 2 or "m-infer-done" not in lines:
        raise _broken("infer", lines, "lap times or m-infer-done are missing")
    values = _one(lines, "m-results-")
    try:
        results = tuple(float(value) for value in values.split(",") if value)
    except ValueError as error:
        raise _broken("infer", lines[-1:], str(error)) from error
    return InferResult(laps[1] - laps[0], results)


def parse_memory(lines: Sequence[str]) -> MemoryWatermarks:
    """Parse the answer to ``hil-mem``; a port without a stack of its own reserves 0 bytes."""
    fields = dict(
        item.split("=", 1) for item in _one(lines, "m-hil-mem-").split(",") if "=" in item
    )
    try:
        stack, reserved, heap, arena = (
            _number(fields[name]) for name in ("stack", "stack_size", "heap", "arena")
        )
    except (KeyError, ValueError) as error:
        raise _broken("hil-mem", lines, repr(error)) from error
    if not reserved:
        return MemoryWatermarks(None, None, None, arena)
    return MemoryWatermarks(stack, reserved, heap, arena)


def parse_arena(lines: Sequence[str]) -> ArenaReport:
    """Parse the answer to ``hil-arena``."""
    fields = dict(
        item.split("=", 1) for item in _one(lines, "m-hil-arena-").split(",") if "=" in item
    )
    try:
        return ArenaReport(
            status=int(fields["status"]),
            out_of_memory=fields["out_of_memory"] != "0",
            used_bytes=_number(fields["used"]),
            persistent_bytes=_number(fields["persistent"]),
            nonpersistent_bytes=_number(fields["nonpersistent"]),
            scratch_bytes=_number(fields["scratch"]),
            input_offsets=_offsets(lines, "m-hil-arena-input-"),
            output_offsets=_offsets(lines, "m-hil-arena-output-"),
            log=tuple(_all(lines, "m-hil-log-")),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise _broken("hil-arena", lines, repr(error)) from error


def _offsets(lines: Sequence[str], prefix: str) -> tuple[int, ...]:
    return tuple(int(line.split(",")[1]) for line in _all(lines, prefix))


def parse_marks(lines: Sequence[str], ops: int) -> tuple[int, tuple[int, ...]]:
    """Parse the answer to ``hil-marks``: cycles of the last inference, in all and by op."""
    total = _number(_one(lines, "m-hil-cycles-"))
    cycles = []
    for position, line in enumerate(_all(lines, "m-hil-op-")):
        index, count = [*line.split(","), ""][:2]
        if _number(index) != position:
            raise _broken("hil-marks", [line], f"expected op {position}")
        cycles.append(_number(count))
    if len(cycles) != ops:
        raise _broken("hil-marks", lines[-1:], f"{len(cycles)} of {ops} ops")
    return total, tuple(cycles)


def _tensors(lines: Sequence[str], prefix: str) -> tuple[TensorInfo, ...]:
    tensors: list[TensorInfo] = []
    for line in _all(lines, prefix):
        fields = [_number(field) for field in line.split(",")]
        if len(fields) != _TENSOR_FIELDS or fields[0] != len(tensors):
            raise _broken("hil-info", [line], f"expected tensor {len(tensors)} and its 3 fields")
        if fields[2] > _MOST_TENSOR_BYTES:
            raise _broken("hil-info", [line], f"a tensor of {fields[2]:,} bytes")
        tensors.append(TensorInfo(*fields))
    if not tensors:
        raise _broken("hil-info", lines, f"no line {prefix}")
    return tuple(tensors)


def _all(lines: Sequence[str], prefix: str) -> list[str]:
    """The bracketed contents of every line with the prefix."""
    return [
        line[len(prefix) + 1 : -1]
        for line in lines
        if line.startswith(prefix + "[") and line.endswith("]")
    ]


def _one(lines: Sequence[str], prefix: str) -> str:
    found = _all(lines, prefix)
    if len(found) != 1:
        raise _broken(prefix, lines, f"{len(found)} such lines, expected 1")
    return found[0]


def _split(lines: Sequence[str], prefix: str, count: int) -> list[str]:
    fields = _one(lines, prefix).split(",")
    if len(fields) != count:
        raise _broken(prefix, lines[-1:], f"expected {count} fields")
    return fields


def _number(text: str, base: int = 10) -> int:
    """A number without a sign; one with the prefix 0x is hexadecimal."""
    digits, base = (text[2:], 16) if text.startswith("0x") else (text, base)
    if not _DIGITS[base].fullmatch(digits):
        raise _broken("a command", [text[:80]], "not a number")
    return int(digits, base)


def _broken(command: str, lines: Sequence[str], reason: str) -> LinkError:
    shown = "; ".join(line[:80] for line in lines[-3:]) or "nothing"
    return LinkError(
        f"the answer to {command} is not what the protocol promises ({reason}): {shown}",
        hint="check the cable and the baud rate; docs/protocol.md says what is expected",
    )
