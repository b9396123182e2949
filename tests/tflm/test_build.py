"""Firmware with a prebuilt library at the link, and with C++: sizes by owner, explained faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hil.engines.tflm.library import file_sha256
from hil.errors import BuildFailed, MissingTool
from hil.firmware.build import build
from hil.firmware.elf import symbols
from hil.records import EngineSources, ExternalCode, Firmware, Platform
from hil.targets.qemu.machines import roomiest

from tests.firmware import dut
from tests.support.tiny_engine import tiny_sources
from tests.tflm import fakes

#: What the engine's initialization calls: C++ with a constructor, a virtual function and a library.
CXX = """{header}extern "C" int hil_outside(int);
namespace inner {{
struct Base {{ virtual int value(int x) = 0; }};
struct Made : Base {{ int value(int x) override; }};
__attribute__((noinline)) int Made::value(int x) {{ return hil_outside(x) + 1; }}
}}
static inner::Made made;
static inner::Base *volatile base = &made;
extern "C" int hil_extra(void) {{ return base->value(3) == -12345; }}
"""
LIBRARY = "int table[64] = {1}; int hil_outside(int x) { return x * table[x & 63] + %d; }"


def external(library: Path, *include: Path) -> ExternalCode:
    return ExternalCode(library, include, file_sha256(library), "cortex-m4f")


def sources(library: ExternalCode, header: str = "") -> EngineSources:
    tiny = tiny_sources()
    (name, text), *_ = tiny.files.items()
    before = "int hil_model_init(void) { return 0; }"
    assert before in text
    after = "int hil_extra(void);\nint hil_model_init(void) { return hil_extra(); }"
    files = {name: text.replace(before, after), "caller.cc": CXX.format(header=header)}
    return replace(tiny, files=files, external=library)


def made(sources: EngineSources, cache: Path, platform: Platform = dut.M4F) -> Firmware:
    fakes.need("arm-none-eabi-g++", "cmake", "ninja")
    return build(sources, platform, stack_bytes=4096, heap_bytes=0, baud=115200, cache=cache)


def test_a_librarys_code_is_the_engines_and_its_data_is_static(tmp_path: Path) -> None:
    library = fakes.archive(tmp_path / "libx.a", {"x.o": LIBRARY % 1})
    without = build(
        tiny_sources(), dut.M4F, stack_bytes=4096, heap_bytes=0, baud=115200, cache=tmp_path / "c"
    )
    found = made(sources(external(library)), tmp_path / "c")
    assert found.flash_by_owner["code"] > without.flash_by_owner["code"]
    assert found.ram_by_owner["static"] >= without.ram_by_owner["static"] + 256
    owners = {symbol.name: symbol.section for symbol in symbols(found.elf)}
    assert owners["hil_outside"] == ".hil_engine"
    assert owners["inner::Made::value"] == ".hil_engine"


def test_a_changed_library_is_linked_anew(tmp_path: Path) -> None:
    library = tmp_path / "libx.a"
    first = made(sources(external(fakes.archive(library, {"x.o": LIBRARY % 1}))), tmp_path / "c")
    assert made(sources(external(library)), tmp_path / "c").cached
    library.unlink()
    second = made(sources(external(fakes.archive(library, {"x.o": LIBRARY % 2}))), tmp_path / "c")
    assert not second.cached
    assert first.sha256 != second.sha256


def test_folders_with_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "a folder (of mine)"
    folder.mkdir()
    library = fakes.archive(folder / "my library.a", {"x.o": LIBRARY % 1})
    (folder / "mine.h").write_text("/* there */\n")
    found = sources(external(library, folder), header='#include "mine.h"\n')
    assert made(found, tmp_path / "c").elf.is_file()


@pytest.mark.parametrize(
    ("library", "header", "message", "hint"),
    [
        ("int other(int x) { return x; }", "", r"libx\.a lacks .*hil_outside", "add"),
        (
            "int far(void); int hil_outside(int x) { return x + far(); }",
            "",
            r"libx\.a lacks .*: far$",
            "add",
        ),
        (
            LIBRARY % 1,
            "#include <not/here.h>\n",
            "no include folder .* has 'not/here.h'",
            "include",
        ),
        (
            LIBRARY % 1,
            'static_assert(sizeof(int) == 5, "Non-compatible version included");\n',
            "do not fit each other: Non-compatible version included",
            "include",
        ),
    ],
)
def test_what_the_linker_and_the_compiler_say_is_explained(
    library: str, header: str, message: str, hint: str, tmp_path: Path
) -> None:
    archive = fakes.archive(tmp_path / "libx.a", {"x.o": library})
    with pytest.raises(BuildFailed, match=message) as caught:
        made(sources(external(archive), header), tmp_path / "c")
    assert hint in caught.value.hint


def test_a_library_of_another_float_abi_at_the_link(tmp_path: Path) -> None:
    """Refused when it is added; the linker's words are understood all the same."""
    text = "float y; int hil_outside(int x) { y = (float)x * y; return x; }"
    archive = fakes.archive(tmp_path / "libx.a", {"x.o": text}, flags=fakes.FLAGS["cortex-m4"])
    with pytest.raises(BuildFailed, match="another core or float ABI"):
        made(sources(external(archive)), tmp_path / "c")


def test_a_compiler_without_cxx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.need("arm-none-eabi-gcc", "cmake", "ninja")
    library = fakes.archive(tmp_path / "libx.a", {"x.o": LIBRARY % 1})
    tools = tmp_path / "tools"
    tools.mkdir()
    script = tools / "arm-none-eabi-g++"
    script.write_text("#!/bin/sh\necho libstdc++.a\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    with pytest.raises(MissingTool, match="has no C") as caught:
        made(sources(external(library)), tmp_path / "c")
    assert "libstdc++-arm-none-eabi-newlib" in caught.value.hint


def test_the_roomiest_machine_of_a_core() -> None:
    machines = ["b-l475e-iot01a", "mps2-an386", "mps2-an500"]
    roomy = roomiest(dut.L4, machines)
    assert (roomy.machine, roomy.core, roomy.port) == ("mps2-an386", "cortex-m4f", "mps2")
    assert (roomy.ram.size, roomy.exact) == (4 * dut.MIB, False)
    assert roomiest(dut.L4, ["b-l475e-iot01a"]) is dut.L4
