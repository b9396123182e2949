"""Every register and field that a port uses is in its table, with the same number and a source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.firmware import registers
from tests.firmware.registers import PORTS, macros, table, without_comments

# In sources other than registers.h: an address, a register of one's own, a bit by its number.
ADDRESS = re.compile(r"\b0[xX][0-9A-Fa-f]{8}[uUlL]*\b")
OWN_REGISTER = re.compile(r"\bREG\(|\bvolatile uint32_t \*\)")
NUMBERED_BIT = re.compile(r"\b(?:0[xX][0-9A-Fa-f]+|\d+)[uU]?\s*<<\s*\d")


def sources(name: str) -> list[Path]:
    """The port's C files other than registers.h."""
    files = sorted((PORTS / name).glob("*.[ch]"))
    return [file for file in files if file.name != "registers.h"]


def differences(defined: dict[str, int], read: registers.Table) -> list[str]:
    """What is missing or different in the table or the header, a line each."""
    rows = {row.macro: row for row in read.rows}
    found = [f"{name} is not in registers.md" for name in defined if name not in rows]
    found += [f"{name} is not in registers.h" for name in rows if name not in defined]
    return found + [
        f"{name} is 0x{value:08X} in registers.h, 0x{rows[name].number:08X} in registers.md"
        for name, value in defined.items()
        if name in rows and rows[name].number != value
    ]


@pytest.mark.parametrize("name", registers.ports())
def test_the_table_has_what_the_header_has(name: str) -> None:
    folder = PORTS / name
    assert differences(macros(folder / "registers.h"), table(folder / "registers.md")) == []


@pytest.mark.parametrize("name", registers.ports())
def test_every_row_is_whole_and_has_a_source(name: str) -> None:
    read = table(PORTS / name / "registers.md")
    assert len({row.macro for row in read.rows}) == len(read.rows)
    addresses = {row.register: row.address for row in read.rows if not row.field}
    for row in read.rows:
        assert bool(row.field) == bool(row.value), row
        assert row.address == addresses[row.register], row
        assert row.source, row
        assert set(row.vendor) <= set(read.files), row


@pytest.mark.parametrize("name", registers.ports())
def test_other_sources_use_names_only(name: str) -> None:
    for file in sources(name):
        text = without_comments(file)
        for pattern in (ADDRESS, OWN_REGISTER, NUMBERED_BIT):
            assert pattern.findall(text) == [], file


@pytest.mark.parametrize("name", registers.ports())
def test_the_header_defines_nothing_that_is_not_used(name: str) -> None:
    using = [name] if sources(name)[0].suffix == ".c" else registers.ports()
    text = "".join(without_comments(file) for port in using for file in sources(port))
    used = set(re.findall(r"\w+", text))
    defined = macros(PORTS / name / "registers.h")
    registers_of_used = {name for name in defined if any(one.startswith(name) for one in used)}
    assert set(defined) - registers_of_used == set()


@pytest.mark.parametrize("name", registers.ports())
def test_the_header_has_one_value_for_a_name(name: str) -> None:
    text = without_comments(PORTS / name / "registers.h")
    assert re.findall(r"^#(\w+)", text, re.MULTILINE).count("ifndef") == 1
    assert not re.search(r"^#\s*(if|ifdef|elif|else|undef)\b", text, re.MULTILINE)
    names = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    assert len(set(names)) == len(names)


def test_a_difference_is_found(tmp_path: Path) -> None:
    header = tmp_path / "registers.h"
    header.write_text(
        "#define RCC_CR REG(0x40021000u) /* a comment */\n"
        "#define RCC_CR_PLLON (1u << 24)\n#define RCC_CR_EXTRA 1u\n"
        "#define USART_BRR(usart) REG((usart) + 0x0Cu)\n"
    )
    file = tmp_path / "registers.md"
    rows = [
        "| register | address | field | value | source |",
        "|---|---|---|---|---|",
        "| `RCC_CR` | `0x40021000` | | | `RCC->CR` in A, B; `CLOCK->CR` in C |",
        "| `RCC_CR` | `0x40021000` | `PLLON` | `0x02000000` | a manual |",
        "| `RCC_CR` | `0x40021000` | `GONE` | `0x00000001` | a manual |",
        "| `USART_BRR` | `+0x0C` | | | a manual |",
    ]
    file.write_text("\n".join(rows))
    assert differences(macros(header), table(file)) == [
        "RCC_CR_EXTRA is not in registers.md",
        "RCC_CR_GONE is not in registers.h",
        "RCC_CR_PLLON is 0x01000000 in registers.h, 0x02000000 in registers.md",
    ]
    assert table(file).rows[0].vendor == {"A": "RCC->CR", "B": "RCC->CR", "C": "CLOCK->CR"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (ADDRESS, "x = 0x40021000u;"),
        (OWN_REGISTER, "(*(volatile uint32_t *)(base + 4u)) = 1u;"),
        (OWN_REGISTER, "#define MINE REG(BASE)"),
        (NUMBERED_BIT, "RCC_CR |= 1u << 24;"),
    ],
)
def test_numbers_in_the_code_are_found(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)
