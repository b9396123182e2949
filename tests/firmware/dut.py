"""A raw conversation with the DUT program under QEMU, and small engines written by hand.

Deliberately apart from harness/hil/targets: here the firmware is under test, not the host side.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.records import EngineSources, MemoryPlan, MemoryRegion, Placement, Platform

MIB = 1024 * 1024
TIMEOUT_S = 120.0


CHIPS = {"b-l475e-iot01a": (MIB, 96 * 1024), "olimex-stm32-h405": (MIB, 128 * 1024)}
"""Machines that are a chip: flash and RAM in bytes."""


def platform(machine: str, port: str, core: str, flash: int, ram: int, **defines: str) -> Platform:
    sizes = CHIPS.get(machine, (4 * MIB, 4 * MIB))
    return Platform(
        target="qemu",
        machine=machine,
        port=port,
        core=core,
        flash=MemoryRegion(flash, sizes[0]),
        ram=MemoryRegion(ram, sizes[1]),
        clock_hz=80_000_000,
        exact=machine in CHIPS,
        defines=defines,
    )


L4 = platform("b-l475e-iot01a", "stm32l4", "cortex-m4f", 0x0800_0000, 0x2000_0000)
M4F = platform("mps2-an386", "mps2", "cortex-m4f", 0, 0x2000_0000)
PLATFORMS = {
    "l4": L4,
    # QEMU's PLL of an STM32F405 is never ready: the port stays at the clock after reset
    "f4": platform(
        "olimex-stm32-h405",
        "stm32f4",
        "cortex-m4f",
        0x0800_0000,
        0x2000_0000,
        HIL_BOARD_OLIMEX_H405="1",
    ),
    "m0+": platform("mps2-an385", "mps2", "cortex-m0+", 0, 0x2000_0000),
    "m3": platform("mps2-an385", "mps2", "cortex-m3", 0, 0x2000_0000),
    "m4": platform("mps2-an386", "mps2", "cortex-m4", 0, 0x2000_0000),
    "m4f": M4F,
    "m7f": platform("mps2-an500", "mps2", "cortex-m7f", 0, 0x2000_0000),
    "m33f": platform(
        "mps2-an505", "mps2", "cortex-m33f", 0x1000_0000, 0x3800_0000, HIL_MPS2_UART0="0x50200000"
    ),
}


def engine(
    *,
    init: str = "return 0;",
    invoke: str = "return 0;",
    outside: str = "",
    inputs: str = "{arena, 40, HIL_INT8, 0.5f, 0}, {arena + 64, 24, HIL_INT8, 0.5f, 0}",
    outputs: str = "{arena + 128, 64, HIL_INT8, 0.25f, -3}",
    arena_bytes: int = 1024,
    ops: int = 2,
) -> EngineSources:
    """An engine of one file: two inputs of 40 and 24 bytes with a gap, one output."""
    text = f"""
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "hil_model.h"
static uint8_t arena[{arena_bytes}] __attribute__((section(".bss.hil_arena"), aligned(16)));
/* weak: the compiler must not put the values into the code, as GCC 14 does */
#define CONST(name) const int8_t __attribute__((weak, section(name), aligned(16)))
CONST(".hil_weights") weights[64] = {{1, 2, 3}};
CONST(".hil_tables") tables[16] = {{7}};
uint8_t *const hil_arena = arena;
const uint32_t hil_arena_bytes = sizeof arena;
const char hil_engine_name[] = "tiny";
const char hil_model_id[] = "0123456789abcdef";
const uint16_t hil_op_count = {ops};
const uint8_t hil_input_count = {inputs.count("{")};
const uint8_t hil_output_count = {outputs.count("{")};
const hil_io hil_inputs[] = {{{inputs}}};
const hil_io hil_outputs[] = {{{outputs}}};
{outside}
int hil_model_init(void) {{ {init} }}
int hil_model_invoke(void) {{ {invoke} }}
"""
    plan = MemoryPlan(arena_bytes, (Placement("out", 0, 128, 64, 0, ops),), 0)
    return EngineSources("aot", "1", {"model.c": text}, (), ("dut",), plan, 0, 0)


# out[i] = in[i] + weights[i] in wrapping bytes; the arena's byte 900 is touched as scratch.
SCALE = engine(
    invoke="""
    hil_op_begin(0);
    for (int i = 0; i < 64; i++)
        arena[128 + i] = (uint8_t)(arena[i < 40 ? i : i + 24] + weights[i]);
    hil_op_end(0);
    hil_op_begin(1);
    arena[900] = (uint8_t)(tables[arena[128] & 15] + (int)expf((float)arena[128] * 0.01f));
    hil_op_end(1);
    return 0;"""
)


def expected_outputs(data: bytes) -> bytes:
    """What SCALE makes of 64 bytes of input."""
    return bytes((byte + add) % 256 for byte, add in zip(data, [1, 2, 3] + [0] * 61, strict=True))


def emulators() -> list[Path]:
    """Every QEMU to test with: the one on PATH, and another version if HIL_QEMU_ALT names it."""
    found = [shutil.which("qemu-system-arm"), os.environ.get("HIL_QEMU_ALT")]
    return list(dict.fromkeys(Path(name) for name in found if name and Path(name).is_file()))


@functools.cache
def has_machine(qemu: Path, machine: str) -> bool:
    """Whether this QEMU has the machine, its UART included (b-l475e-iot01a got it in 9.1)."""
    listed = subprocess.run([qemu, "-M", "help"], capture_output=True, text=True, check=True).stdout
    if not any(line.split()[0] == machine for line in listed.splitlines() if line.strip()):
        return False
    if machine != "b-l475e-iot01a":
        return True
    devices = subprocess.run(
        [qemu, "-M", machine, "-S", "-display", "none", "-monitor", "stdio", "-serial", "none"],
        input="info qom-tree\nquit\n",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    ).stdout
    return "usart" in devices


class Dut:
    """The two ends of a conversation: commands out, lines back."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""
        self.boot: list[str] = []

    def read_until(self, end: bytes) -> list[str]:
        while end not in self._received:
            data = self._connection.recv(4096)
            if not data:
                raise AssertionError(f"QEMU ended; so far: {self._received!r}")
            self._received += data
        head, _, self._received = self._received.partition(end)
        return (head + end).decode("ascii").split("\r\n")[:-1]

    def send(self, raw: bytes) -> None:
        self._connection.sendall(raw)

    def ask(self, command: str) -> list[str]:
        """Send a command; return the lines of the answer without the final m-ready."""
        self.send(command.encode("ascii") + b"%")
        return self.read_until(b"m-ready\r\n")[:-1]

    def load(self, data: bytes) -> list[str]:
        """Load inputs as the protocol says, 31 bytes a command; return the last answer."""
        answer = self.ask(f"db load {len(data)}")
        for at in range(0, len(data), 31):
            assert answer == []
            answer = self.ask(f"db {data[at : at + 31].hex()}")
        return answer


@contextmanager
def running(elf: Path, machine: str, qemu: Path) -> Iterator[Dut]:
    """Start QEMU with the ELF; it connects to us before it starts the CPU, so no byte is lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        port = server.getsockname()[1]
        process = subprocess.Popen(
            [
                *(qemu, "-M", machine, "-display", "none", "-monitor", "none"),
                *("-serial", f"tcp:127.0.0.1:{port}", "-kernel", elf),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(TIMEOUT_S)
                yield Dut(connection)
        finally:
            process.kill()
            process.wait()
