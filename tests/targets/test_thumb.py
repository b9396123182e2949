"""What the plugin takes for a load or for an end of a block, against a disassembler."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from hil.resources import data_dir

from tests.support.tools import tool

ASK = """
#include <stdio.h>
#include "hil_thumb.h"
int main(void)
{
    unsigned first, second;
    while (scanf("%x %x", &first, &second) == 2)
        printf("%d%d\\n", may_leave((uint16_t)first, (uint16_t)second), may_load((uint16_t)first));
}
"""
LEAVES = {"b", "bl", "blx", "bx", "cbz", "cbnz", "tbb", "tbh"}
LOADS = ("ldr", "ldm", "pop", "tbb", "tbh", "vldr", "vldm", "vpop")
# They end a block of QEMU's in every version; taking them for an end costs nothing.
ENDS_TOO = {"udf", "trap", "bkpt", "svc", "hvc", "smc", "msr", "mrs", "cpsie", "cpsid", "hint"}
ENDS_TOO |= {"yield", "wfe", "wfi", "sev", "pld", "pldw", "pli", "dsb", "dmb", "isb", "clrex"}
ENDS_TOO |= {"ldrexb", "ldrexh", "ldaex", "ldaexb", "ldaexh", "lda", "ldab", "ldah", "bxns"}
ENDS_TOO |= {"blxns", "ssbb", "pssbb", "sb", "csdb", "esb", "tsb", "dbg"}
CONDITIONS = ("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thumb")
    program = folder / "ask"
    headers = data_dir("firmware_stubs") / "emulation"
    subprocess.run(
        [tool("cc"), "-Wall", "-Werror", f"-I{headers}", "-x", "c", "-o", str(program), "-"],
        input=ASK,
        text=True,
        check=True,
    )
    return program


def encodings() -> list[tuple[int, int]]:
    chance = random.Random(4)
    wide = [(chance.randrange(0xE800, 0x10000), chance.randrange(0x10000)) for _ in range(40_000)]
    return [(first, 0) for first in range(0xE800)] + wide


def goes_elsewhere(name: str, operands: str) -> bool:
    """Whether the architecture lets the instruction change the PC (UNPREDICTABLE ones aside)."""
    condition = name[:-2] in ("b", "bl", "bx", "blx") and name[-2:] in CONDITIONS
    if name in LEAVES or condition:
        return True
    if name.startswith(("ldm", "pop")):
        return "pc" in operands.split("{")[1]
    return name in ("ldr", "mov", "add") and operands.startswith("pc,")


def test_ends_and_loads_are_those_of_the_disassembler(ask: Path) -> None:
    import capstone

    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
    engine = capstone.Cs(capstone.CS_ARCH_ARM, mode)  # type: ignore[no-untyped-call]
    cases = encodings()
    text = "\n".join(f"{first:x} {second:x}" for first, second in cases)
    answers = subprocess.run([str(ask)], input=text, capture_output=True, text=True, check=True)
    seen = 0
    for (first, second), answer in zip(cases, answers.stdout.split(), strict=True):
        code = first.to_bytes(2, "little") + second.to_bytes(2, "little")
        wide = first >= 0xE800
        found = next(engine.disasm_lite(code, 0x1000), None)  # type: ignore[no-untyped-call]
        if found is None or found[1] != (4 if wide else 2):
            continue
        name, operands = found[2].split(".")[0], found[3]
        what = f"{first:04x} {second:04x} {name} {operands}"
        # 32-bit arithmetic into the PC and loads of bytes into it are UNPREDICTABLE.
        expected = goes_elsewhere(name, operands) and not (wide and name in ("add", "mov"))
        unclear = name.removesuffix("eq") in ENDS_TOO or operands.startswith("pc,")
        if expected or not unclear:
            assert (answer[0] == "1") == expected, what
        if name.startswith(LOADS):
            assert answer[1] == "1", what
        elif not wide:
            assert answer[1] == "0", what
        seen += 1
    assert seen > 70_000
