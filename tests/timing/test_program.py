"""Programs that are none for a Cortex-M, and names that are none of their functions."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hil.errors import UsageError
from hil.firmware.program import open_program

from tests.support.tools import tool
from tests.timing.building import M0, M3, M4, M33, Board, build


def host_elf(folder: Path) -> Path:
    return Path(shutil.which("true") or "/bin/true")


def no_elf(folder: Path) -> Path:
    path = folder / "text.elf"
    path.write_text("int main(void) { return 0; }\n")
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.elf"
    path.touch()
    return path


def missing(folder: Path) -> Path:
    return folder / "missing.elf"


def object_file(folder: Path) -> Path:
    path = folder / "part.o"
    command = [tool("arm-none-eabi-as"), "-mcpu=cortex-m4", "-o", str(path), "-"]
    subprocess.run(command, input="nop\n", text=True, check=True)
    return path


def application_core(folder: Path) -> Path:
    path = folder / "a9.elf"
    command = [tool("arm-none-eabi-gcc"), "-mcpu=cortex-a9", "-nostdlib", "-Wl,-e0", "-x"]
    source = "void f(void) {}\n"
    subprocess.run([*command, "c", "-o", str(path), "-"], input=source, text=True, check=True)
    return path


def changed(folder: Path, offset: int, data: bytes) -> Path:
    elf = build(folder)
    image = bytearray(elf.read_bytes())
    image[offset : offset + len(data)] = data
    elf.write_bytes(image)
    return elf


def other_architecture(folder: Path) -> Path:
    return changed(folder, 18, struct.pack("<H", 243))  # e_machine: RISC-V


def sixty_four_bits(folder: Path) -> Path:
    """An AArch64 header, as far as anything reads it."""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    path = folder / "wide.elf"
    path.write_bytes(
        ident + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0, 0, 0, 0, 64, 0, 0, 64, 0, 0)
    )
    return path


def cut_short(folder: Path) -> Path:
    elf = build(folder)
    elf.write_bytes(elf.read_bytes()[:3000])
    return elf


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (host_elf, "is for .*, not Arm"),
        (no_elf, "not a usable ELF"),
        (empty, "not a usable ELF"),
        (missing, "No such file"),
        (Path, "cannot read"),
        (object_file, "an object file, not a linked program"),
        (application_core, "of profile A"),
        (other_architecture, "is for RISCV, not Arm"),
        (sixty_four_bits, "64-bit Arm"),
        (cut_short, "not a usable ELF"),
    ],
)
def test_what_is_no_program_is_refused(tmp_path: Path, make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        open_program(make(tmp_path))  # type: ignore[operator]
    assert caught.value.hint


@pytest.mark.parametrize(
    ("board", "architecture"), [(M0, "v6S-M"), (M3, "v7"), (M4, "v7E-M"), (M33, "v8-M.main")]
)
def test_the_architecture_is_read(tmp_path: Path, board: Board, architecture: str) -> None:
    assert open_program(build(tmp_path, board)).cpu_arch == architecture


def test_an_unknown_function_has_a_nearest_one(work: Path) -> None:
    with pytest.raises(UsageError, match="no function 'region_begn'") as caught:
        open_program(work).address("region_begn")
    assert "did you mean 'region_begin'" in caught.value.hint


def test_a_variable_is_no_marker(work: Path) -> None:
    with pytest.raises(UsageError, match="no function 'total'"):
        open_program(work).address("total")


def test_an_address_without_code(work: Path) -> None:
    with pytest.raises(UsageError, match="no code at 0x20000000"):
        open_program(work).address("0x20000000")


def test_a_stripped_program_takes_addresses(tmp_path: Path) -> None:
    elf = build(tmp_path)
    address = open_program(elf).address("count_down")
    subprocess.run([tool("arm-none-eabi-strip"), str(elf)], check=True)
    program = open_program(elf)
    with pytest.raises(UsageError, match="stripped") as caught:
        program.address("count_down")
    assert "--begin 0x" in caught.value.hint
    assert program.address(hex(address | 1)) == address  # the Thumb bit does no harm
    assert program.symbolize(address) == hex(address).replace("0x", "0x" + "0" * 5)


def test_code_without_section_headers_is_found(tmp_path: Path) -> None:
    elf = build(tmp_path)
    program = open_program(elf)
    address = program.address("count_down")
    code = program.read(address, address + 6)
    image = bytearray(elf.read_bytes())
    struct.pack_into("<I", image, 32, 0)  # e_shoff
    struct.pack_into("<HH", image, 48, 0, 0)  # e_shnum, e_shstrndx
    elf.write_bytes(image)
    assert open_program(elf).read(address, address + 6) == code


def test_two_functions_of_one_name(tmp_path: Path) -> None:
    source = tmp_path / "twin.s"
    source.write_text(
        ".syntax unified\n.thumb\n.section .text.twin\n.thumb_func\n.type sort, %function\n"
        "sort: bx lr\n"
    )
    elf = build(tmp_path, M4, flags=(str(source),))
    with pytest.raises(UsageError, match="2 functions named 'sort'") as caught:
        open_program(elf).address("sort")
    assert caught.value.hint.count("0x") == 2


def test_functions_have_their_bounds(work: Path) -> None:
    program = open_program(work)
    start = program.address("sort")
    function = program.function_at(start + 4)
    assert function is not None
    assert (function.name, function.address) == ("sort", start)
    assert program.function_at(0x4) is None  # the vector table
    assert program.symbolize(start + 4) == "sort+0x4"


BRANCHES = """
near: nop
 beq near
 b near
 bne.w near
 b.w near
 cbz r0, after
after: bl near
 bx lr
 b.w far
 .balign 4
 .space 0x4000
far: beq.w near
 dsb
"""


def test_direct_branches_and_nothing_else(tmp_path: Path) -> None:
    """Offsets as the assembler encodes them, against the addresses that it was given."""
    source = tmp_path / "branches.s"
    source.write_text(f".syntax unified\n.thumb\n.text\n.type near,%function\n{BRANCHES}")
    program = open_program(build(tmp_path, M4, flags=(str(source),)))
    near = program.address("near")
    ends = {4: 0, 6: 0, 10: 0, 14: 0, 16: None, 20: None, 22: None, 26: 0x401C}
    for end, target in ends.items():
        expected = None if target is None else near + target
        assert program.direct_branch(near, near + end) == expected, end
    assert program.direct_branch(near + 0x401C, near + 0x4020) == near
    assert program.direct_branch(near + 0x401C, near + 0x4024) is None
