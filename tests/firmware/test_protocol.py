"""The DUT program in emulation, spoken to byte by byte (docs/protocol.md)."""

from __future__ import annotations

import math
import re
import struct
import zlib
from pathlib import Path

import pytest
from hil.firmware.elf import build_id, symbolize

from tests.firmware import dut
from tests.firmware.conftest import Build, Start
from tests.support.tools import unavailable

DATA = bytes((37 * i + 11) % 256 for i in range(64))
FAULT = re.compile(
    r"e-\[fault (?P<name>\S+) pc=0x(?P<pc>[0-9a-f]{8}) lr=0x(?P<lr>[0-9a-f]{8})"
    r" sp=0x(?P<sp>[0-9a-f]{8}) psr=0x[0-9a-f]{8} cfsr=0x(?P<cfsr>[0-9a-f]{8})"
    r" hfsr=0x[0-9a-f]{8} mmfar=0x[0-9a-f]{8} bfar=0x[0-9a-f]{8}\]"
)


def raw_output(device: dut.Dut, index: int) -> bytes:
    """Read an output tensor, checking offsets and checksum."""
    *lines, last = device.ask(f"hil-out {index}")
    data = b""
    for line in lines:
        found = re.fullmatch(r"m-hil-out-\[(\d+),(\d+),([0-9a-f]+)\]", line)
        assert found
        assert (int(found[1]), int(found[2])) == (index, len(data))
        data += bytes.fromhex(found[3])
    assert last == f"m-hil-outcrc-[{index},{len(data)},{zlib.crc32(data):08x}]"
    return data


def fault(device: dut.Dut) -> dict[str, str]:
    text = "\n".join(device.read_until(b"]\r\n"))
    while not (found := FAULT.search(text)):
        text += "\n".join(device.read_until(b"]\r\n"))
    return found.groupdict()


@pytest.mark.parametrize("qemu", dut.emulators(), ids=lambda p: str(p).strip("/").split("/")[0])
@pytest.mark.parametrize("name", dut.PLATFORMS)
def test_every_platform_boots_loads_infers_and_reports(name: str, qemu: Path, start: Start) -> None:
    platform = dut.PLATFORMS[name]
    if not dut.has_machine(qemu, platform.machine):
        pytest.skip(f"{qemu} has no usable {platform.machine}")
    with start(dut.SCALE, platform, qemu) as device:
        assert device.boot == ["m-init-done", "m-ready"]
        assert device.ask("name") == [f"m-name-dut-[hil-{platform.port}]"]
        assert device.load(DATA) == ["m-load-done"]
        assert device.ask("hil-crc") == [f"m-hil-crc-[64,{zlib.crc32(DATA):08x}]"]
        answer = device.ask("infer 1 0")
        outputs = raw_output(device, 0)
        assert outputs == dut.expected_outputs(DATA)
        values = [0.25 * (q + 3) for q in struct.unpack("64b", outputs)]
        assert answer[-1] == "m-results-[" + ",".join(f"{v:.3f}" for v in values) + "]"
        info, *tensors = device.ask("hil-info")
        assert f",core={platform.core}," in info
        first, *others = [int(line.split(",")[1], 16) for line in tensors]
        assert first % 16 == 0
        assert platform.ram.origin + 4096 <= first < platform.ram.origin + 4096 + 32
        assert others == [first + 64, first + 128]


def test_there_is_an_emulator_to_boot_on() -> None:
    if not dut.emulators():
        unavailable("no qemu-system-arm on PATH")


def test_mlperf_tiny_commands(start: Start) -> None:
    with start(dut.SCALE, dut.M4F) as device:
        assert device.ask("profile") == [
            "m-profile-[ULPMark for tinyML Firmware V0.0.1]",
            "m-model-[0123456789abcdef]",
        ]
        assert device.ask("timestamp") == ["m-lap-us-0"]  # QEMU's cycle counter stands still
        assert device.load(DATA) == ["m-load-done"]
        printed = device.ask("db print")
        assert printed == [f"m-buffer-{DATA[:32].hex()}", f"m-buffer-{DATA[32:].hex()}"]
        assert [line.rstrip("0123456789") for line in device.ask("infer 3 2")[:-1]] == [
            "m-warmup-start-",
            "m-warmup-done",
            "m-infer-start-",
            "m-lap-us-",
            "m-lap-us-",
            "m-infer-done",
        ]


def test_our_own_commands(start: Start, make: Build) -> None:
    with start(dut.SCALE, dut.M4F) as device:
        info, *tensors = device.ask("hil-info")
        assert info == (
            "m-hil-info-[version=1,engine=tiny,model=0123456789abcdef,ops=2,port=mps2,"
            "core=cortex-m4f,clock=25000000,counter=0,arena=1024,"
            f"build={build_id(make(dut.SCALE, dut.M4F).elf)}]"
        )
        assert [re.sub("0x[0-9a-f]{8}", "ADDRESS", line) for line in tensors] == [
            "m-hil-input-[0,ADDRESS,40,1]",
            "m-hil-input-[1,ADDRESS,24,1]",
            "m-hil-output-[0,ADDRESS,64,1]",
        ]
        assert device.ask("hil-crc") == [f"m-hil-crc-[0,{zlib.crc32(b''):08x}]"]
        assert device.ask("hil-direct 64") == ["m-load-done"]
        assert device.ask("hil-crc")[0].startswith("m-hil-crc-[64,")
        assert device.ask("hil-marks") == ["m-hil-cycles-[0]", "m-hil-op-[0,0]", "m-hil-op-[1,0]"]


def test_a_quiet_inference_answers_with_checksums(start: Start) -> None:
    with start(dut.SCALE, dut.M4F) as device:
        device.load(DATA)  # instead of a debugger
        answer = device.ask("hil-infer 64")
        outputs = dut.expected_outputs(DATA)
        assert answer == [f"m-hil-infer-[64,{zlib.crc32(DATA):08x},{zlib.crc32(outputs):08x}]"]
        assert raw_output(device, 0) == outputs


@pytest.mark.parametrize(
    ("commands", "answer"),
    [
        ([""], []),
        (["\r\n na\nme\r\n".replace(" ", "")], ["m-name-dut-[hil-mps2]"]),
        (["frobnicate now"], ["e-[unknown-command frobnicate]"]),
        (["names"], ["e-[unknown-command names]"]),
        (["x" * 80], ["e-[unknown-command " + "x" * 80 + "]"]),
        (["x" * 81], ["e-[command-too-long]"]),
        (["x" * 5000], ["e-[command-too-long]"]),
        (["db load 63"], ["e-[db-size expected 64]"]),
        (["db load"], ["e-[db-size expected 64]"]),
        (["db load 64 1"], ["e-[db-size expected 64]"]),
        (["db load 4294967360"], ["e-[db-size expected 64]"]),
        (["hil-direct 1"], ["e-[db-size expected 64]"]),
        (["hil-infer 1"], ["e-[db-size expected 64]"]),
        (["hil-infer"], ["e-[db-size expected 64]"]),
        (["db 00"], ["e-[db-overflow]"]),
        (["db load 64", "db 0"], ["e-[db-hex]"]),
        (["db load 64", "db"], ["e-[db-hex]"]),
        (["db load 64", "db 0g"], ["e-[db-hex]"]),
        (["db load 64", "db 00 11"], ["e-[db-hex]"]),
        (["db load 64", "db " + "AA" * 38, "db " + "bb" * 27], ["e-[db-overflow]"]),
        (["db load 64", "db " + "Aa" * 38, "db " + "bB" * 26], ["m-load-done"]),
        (["hil-out 1"], ["e-[bad-argument hil-out]"]),
        (["hil-out"], ["e-[bad-argument hil-out]"]),
        (["hil-out -1"], ["e-[bad-argument hil-out]"]),
        (["infer"], ["e-[bad-argument infer]"]),
        (["infer 0 0"], ["e-[bad-argument infer]"]),
        (["infer 1 x"], ["e-[bad-argument infer]"]),
        (["infer 1 1 1"], ["e-[bad-argument infer]"]),
    ],
)
def test_what_a_wrong_command_is_answered(
    commands: list[str], answer: list[str], session: dut.Dut
) -> None:
    *before, last = commands
    for command in before:
        assert session.ask(command) == []
    assert session.ask(last) == answer
    assert session.ask("db print") is not None  # and the DUT goes on listening


@pytest.fixture(scope="module")
def session(make: Build) -> object:
    """One device for all wrong commands: none of them may leave it in a bad state."""
    if not dut.emulators():
        unavailable("no qemu-system-arm on PATH")
    elf = make(dut.SCALE, dut.M4F).elf
    with dut.running(elf, dut.M4F.machine, dut.emulators()[0]) as device:
        device.read_until(b"m-ready\r\n")
        yield device


def test_a_load_with_an_error_in_it_goes_on(start: Start) -> None:
    with start(dut.SCALE, dut.M4F) as device:
        assert device.ask("db load 64") == []
        assert device.ask(f"db {DATA[:31].hex()}") == []
        assert device.ask("db zz") == ["e-[db-hex]"]
        assert device.ask(f"db {DATA[31:62].hex()}") == []
        assert device.ask(f"db {DATA[62:].hex()}") == ["m-load-done"]
        assert device.ask("hil-crc") == [f"m-hil-crc-[64,{zlib.crc32(DATA):08x}]"]


# Ties to even, subnormals, the largest float, numbers beyond 64 bits.
FLOATS = [
    *(0.0, -0.0, 0.0005, 0.0625, 0.1875, -0.0625, 0.9995, 0.99951171875, 1.5, -2.0004883),
    *(1e-45, 1.1754944e-38, 123456.789, 16777216.0, 8388607.5, 2.0**52, 2.0**53, 2.0**63),
    *(2.0**64, 1e20, 3.4028234663852886e38, -3.4028234663852886e38, math.inf, -math.inf, math.nan),
]


@pytest.mark.parametrize("name", ["m4f", "m0+"])
def test_results_are_printed_like_printf(name: str, start: Start) -> None:
    values = struct.pack(f"<{len(FLOATS)}f", *FLOATS)
    numbers = ",".join(map(str, values))
    sources = dut.engine(
        outside=f"static const uint8_t results[] = {{{numbers}}};",
        invoke="memcpy(arena, results, sizeof results); return 0;",
        outputs=f"{{arena, {len(values)}, HIL_FLOAT32, 0.0f, 0}}",
    )
    exact = struct.unpack(f"<{len(FLOATS)}f", values)
    with start(sources, dut.PLATFORMS[name]) as device:
        printed = device.ask("infer 1")[-1]
    assert printed == "m-results-[" + ",".join(f"{v:.3f}" for v in exact) + "]"


@pytest.mark.parametrize(
    ("dtype", "code", "numbers", "scale", "zero_point"),
    [
        ("HIL_UINT8", "B", [0, 128, 255], 0.5, 128),
        ("HIL_INT16", "h", [-32768, 0, 32767], 0.125, 0),
        ("HIL_INT32", "i", [-(2**24), 5, 2**24], 0.0, 0),
        ("HIL_INT64", "q", [-(2**40), -1, 2**40], 0.0, 0),
        ("HIL_BOOL", "?", [0, 1, 1], 0.0, 0),
    ],
)
def test_results_of_every_dtype_are_dequantized(
    dtype: str, code: str, numbers: list[int], scale: float, zero_point: int, start: Start
) -> None:
    raw = struct.pack(f"<{len(numbers)}{code}", *numbers)
    sources = dut.engine(
        outside=f"static const uint8_t results[] = {{{','.join(map(str, raw))}}};",
        invoke="memcpy(arena, results, sizeof results); return 0;",
        outputs=f"{{arena, {len(raw)}, {dtype}, {scale}f, {zero_point}}}",
    )
    with start(sources, dut.M4F) as device:
        printed = device.ask("infer 1")[-1]
        assert raw_output(device, 0) == raw
    values = [(scale or 1.0) * (n - zero_point) for n in numbers]
    assert printed == "m-results-[" + ",".join(f"{v:.3f}" for v in values) + "]"


def test_a_model_that_fails_to_start_says_so(start: Start) -> None:
    with start(dut.engine(init="return -7;"), dut.M4F) as device:
        assert device.boot == ["e-[model-init -7]", "m-init-done", "m-ready"]
        assert device.ask("infer 1 0") == ["e-[model-init -7]"]
        assert device.ask("hil-infer 64") == ["e-[model-init -7]"]


def test_an_inference_that_fails_says_so(start: Start) -> None:
    with start(dut.engine(invoke="return 42;"), dut.M4F) as device:
        assert device.ask("infer 1 1")[-1] == "e-[invoke 42]"
        assert device.ask("infer 1 0")[-1] == "e-[invoke 42]"
        assert device.ask("hil-infer 64") == ["e-[invoke 42]"]


@pytest.mark.parametrize("name", ["l4", "f4", "m0+", "m3", "m33f"])
def test_a_fault_names_the_place(name: str, start: Start, make: Build) -> None:
    platform = dut.PLATFORMS[name]
    with start(dut.SCALE, platform) as device:
        device.send(b"hil-fault%")
        found = fault(device)
    assert found["name"] == "HardFault"
    elf = make(dut.SCALE, platform).elf
    assert symbolize(elf, int(found["pc"], 16)).startswith("hil_provoke_fault")
    expected_cfsr = "00000000" if name == "m0+" else "00010000"  # UNDEFINSTR; ARMv6-M has no CFSR
    assert found["cfsr"] == expected_cfsr


def test_a_fault_inside_an_op_is_reported_after_the_line_it_cut(start: Start, make: Build) -> None:
    sources = dut.engine(
        outside="int break_it(void); __attribute__((noinline)) int break_it(void)"
        "{ return *(volatile int *)0x60000000u; }",
        invoke="return break_it();",
    )
    with start(sources, dut.M4F) as device:
        device.send(b"infer 1 0%")
        found = fault(device)
    assert symbolize(make(sources, dut.M4F).elf, int(found["pc"], 16)).startswith("break_it")


@pytest.mark.parametrize("name", ["l4", "f4", "m3", "m7f", "m33f"])
def test_a_stack_overflow_leaves_the_ram_and_is_reported(name: str, start: Start) -> None:
    platform = dut.PLATFORMS[name]
    sources = dut.engine(
        outside="int dive(volatile int *p); __attribute__((noinline)) int dive(volatile int *p)"
        "{ volatile int frame[64]; frame[0] = *p; return dive(frame) + frame[1]; }",
        invoke="volatile int zero = 0; return dive(&zero);",
    )
    with start(sources, platform) as device:
        device.send(b"infer 1 0%")
        found = fault(device)
    assert found["name"] == "HardFault"
    assert int(found["sp"], 16) < platform.ram.origin


def memory(device: dut.Dut) -> dict[str, int]:
    (line,) = device.ask("hil-mem")
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


def test_stack_watermark_follows_what_the_engine_uses(start: Start) -> None:
    deep = dut.engine(
        invoke="volatile char frame[1500]; for (int i = 0; i < 1500; i++) frame[i] = (char)i;"
        " return frame[1499] - frame[1499];"
    )
    with start(dut.SCALE, dut.M4F) as device:
        device.ask("infer 1 0")
        shallow = memory(device)
    with start(deep, dut.M4F, stack_bytes=2048) as device:
        before = memory(device)
        device.ask("infer 1 0")
        after = memory(device)
    assert shallow["stack_size"] == 4096
    assert 64 <= shallow["stack"] <= 600
    assert after["stack_size"] == 2048
    assert before["stack"] < 600
    assert 1500 <= after["stack"] <= 2000


def test_arena_watermark_is_the_highest_byte_touched(start: Start) -> None:
    with start(dut.SCALE, dut.M4F) as device:
        assert memory(device)["arena"] == 0
        device.load(DATA)
        assert memory(device)["arena"] == 88
        device.ask("infer 1 0")
        assert memory(device)["arena"] == 901


def test_heap_watermark_and_an_exhausted_heap(start: Start) -> None:
    sources = dut.engine(
        outside="static void *volatile block;",
        invoke="block = malloc(1000); if (!block) return 12; memset(block, 1, 1000); free(block);"
        " return 0;",
    )
    with start(sources, dut.M4F, heap_bytes=8192) as device:
        assert memory(device)["heap"] == 0
        assert device.ask("infer 3 0")[-1].startswith("m-results-")
        assert 1000 <= memory(device)["heap"] <= 8192
    with start(sources, dut.M4F, heap_bytes=0) as device:
        assert device.ask("infer 1 0")[-1] == "e-[invoke 12]"
        assert memory(device)["heap"] == 0
