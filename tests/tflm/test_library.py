"""What is read from a library and its headers, and what is refused before any linker sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hil.cores import buildable
from hil.engines.tflm.archive import read_archive
from hil.engines.tflm.headers import read_headers, registrations
from hil.engines.tflm.library import inspect
from hil.errors import UsageError

from tests.tflm import fakes


def look(library: Path, include: Path, core: str = "cortex-m4", **options: object):
    return inspect("tflm-x", library, [include], core, **options)  # type: ignore[arg-type]


@pytest.fixture
def include(tmp_path: Path) -> Path:
    return fakes.headers(tmp_path / "include")


def test_a_library_is_written_down_as_it_is(tmp_path: Path, include: Path) -> None:
    library = fakes.library(tmp_path / "lib", symbols=[*fakes.INTERPRETER, *fakes.REGISTRATIONS])
    entry = look(library, include, defines=["X", "Y=2"])
    assert (entry.core, entry.float_abi, entry.kernels) == ("cortex-m4f", "hard", "reference")
    assert (entry.schema_version, entry.flatbuffers_version) == (3, "25.9.23")
    assert entry.functions == ("Register_CONV_2D", "Register_FULLY_CONNECTED")
    assert entry.compiler.startswith("GCC")
    assert entry.library == library
    assert entry.library_bytes == library.stat().st_size
    assert re.fullmatch("[0-9a-f]{64}", entry.library_sha256)
    assert entry.defines == ("X", "Y=2")


def test_cmsis_nn_is_seen_by_its_symbols(tmp_path: Path, include: Path) -> None:
    symbols = [*fakes.INTERPRETER, "arm_convolve_s8"]
    library = fakes.library(tmp_path, symbols=symbols, calls=["arm_convolve_s8"])
    assert look(library, include).kernels == "CMSIS-NN"


def test_symbols_that_some_member_needs_name_it(tmp_path: Path) -> None:
    library = fakes.library(tmp_path, calls=["memcpy", "elsewhere"])
    archive = read_archive(library)
    assert archive.needed["elsewhere"] == "member_with_a_long_name.o"
    assert set(fakes.INTERPRETER) <= archive.defined


def test_the_flags_are_those_that_firmware_is_built_with() -> None:
    assert {name: core.flags for name, core in buildable().items()} == fakes.FLAGS


@pytest.mark.parametrize("core", fakes.FLAGS)
def test_every_core_takes_what_its_flags_make(core: str, tmp_path: Path, include: Path) -> None:
    library = fakes.library(tmp_path, flags=fakes.FLAGS[core])
    assert look(library, include, core).core == core


@pytest.mark.parametrize(
    ("asked", "flags", "core"),
    [
        ("cortex-m4", "cortex-m4", "cortex-m4"),
        ("cortex-m4+fp", "cortex-m4f", "cortex-m4f"),
        ("Cortex-M33", "cortex-m33f", "cortex-m33f"),
        ("cortex-m0plus", "cortex-m0+", "cortex-m0+"),
    ],
)
def test_compilers_names_of_cores(
    asked: str, flags: str, core: str, tmp_path: Path, include: Path
) -> None:
    assert look(fakes.library(tmp_path, flags=fakes.FLAGS[flags]), include, asked).core == core


@pytest.mark.parametrize(
    ("flags", "asked", "words"),
    [
        ("cortex-m3", "cortex-m4", ("is for v7", "a cortex-m4 is v7E-M", "cortex-m3")),
        ("cortex-m33f", "cortex-m4", ("v8-M.main", "v7E-M")),
        ("cortex-m4f", "cortex-m33", ("v7E-M", "v8-M.main")),
        ("cortex-m4", "cortex-m4f", ("soft float ABI", "hard")),
        ("cortex-m4f", "cortex-m99", ("unknown core 'cortex-m99'",)),
    ],
)
def test_another_core_or_float_abi(
    flags: str, asked: str, words: tuple[str, ...], tmp_path: Path, include: Path
) -> None:
    library = fakes.library(tmp_path, flags=fakes.FLAGS[flags])
    with pytest.raises(UsageError) as caught:
        look(library, include, asked)
    assert caught.value.hint
    for word in words:
        assert word in caught.value.message + caught.value.hint


def test_members_of_two_float_abis(tmp_path: Path, include: Path) -> None:
    text = "float {0}(float x); float {0}(float x) {{ return x + 1; }}"
    mixed = fakes.archive(
        tmp_path / "mixed.a",
        {"hard.o": text.format("a"), "soft.o": text.format("b")},
        flags_of={"soft.o": fakes.FLAGS["cortex-m4"]},
    )
    with pytest.raises(UsageError, match=r"mixes float ABIs: hard\.o .* soft\.o"):
        look(mixed, include)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symbols": ["something"]}, "not a library of TensorFlow Lite Micro.*AllocateTensors"),
        ({"symbols": fakes.INTERPRETER[:3]}, "TF_LITE_STRIP_ERROR_STRINGS"),
        ({"calls": ["arm_convolve_s8", "arm_softmax_s8"]}, "lacks arm_convolve_s8, arm_softmax_s8"),
        ({"flags": (*fakes.M4F, "-flto")}, "-flto"),
        ({"flags": (*fakes.M4F, "-fno-short-enums"), "extra": "enum e {A} e;"}, "short-enums"),
        ({"flags": ("-mcpu=cortex-a9",)}, "profile A"),
        ({"ar": "rcsT"}, "thin archive"),
    ],
)
def test_libraries_that_cannot_work(
    options: dict[str, object], message: str, tmp_path: Path, include: Path
) -> None:
    library = fakes.library(tmp_path, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message) as caught:
        look(library, include)
    assert caught.value.hint


def test_a_library_of_this_computer(tmp_path: Path, include: Path) -> None:
    fakes.need("gcc", "ar")
    library = fakes.library(tmp_path, flags=(), prefix="")
    with pytest.raises(UsageError, match=r"is for (X86_64|AARCH64)"):
        look(library, include)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a static library"),
        (b"\x7fELF and so on", "not a static library"),
        (b"!<arch>\n", "no object files"),
        (b"!<arch>\n" + b"x" * 80, "damaged at byte 8"),
    ],
)
def test_files_that_are_no_library(
    content: bytes, message: str, tmp_path: Path, include: Path
) -> None:
    path = tmp_path / "lib.a"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        look(path, include)


def test_a_library_that_is_cut_off_anywhere_is_refused(tmp_path: Path, include: Path) -> None:
    whole = fakes.library(tmp_path).read_bytes()
    cut = tmp_path / "cut.a"
    for size in range(9, len(whole) - 1, max(1, len(whole) // 60)):
        cut.write_bytes(whole[:size])
        with pytest.raises(UsageError):
            look(cut, include)


def test_a_library_that_is_not_there(tmp_path: Path, include: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        look(tmp_path / "none.a", include)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("tensorflow/lite/micro", "no include folder has TensorFlow Lite Micro"),
        ("flatbuffers", "no include folder has flatbuffers"),
        ("", "does not exist"),
    ],
)
def test_include_folders_without_what_is_needed(
    missing: str, message: str, tmp_path: Path, include: Path
) -> None:
    library = fakes.library(tmp_path / "lib")
    shutil.rmtree(include / missing)
    with pytest.raises(UsageError, match=message) as caught:
        look(library, include)
    assert "include folder" in caught.value.hint


def test_headers_of_another_schema(tmp_path: Path) -> None:
    include = fakes.headers(tmp_path / "include", schema=4)
    with pytest.raises(UsageError, match="version 4 of the model schema, hil reads version 3"):
        look(fakes.library(tmp_path / "lib"), include)


def test_headers_of_another_flatbuffers(tmp_path: Path) -> None:
    include = fakes.headers(tmp_path / "include", flatbuffers=(24, 3, 25))
    with pytest.raises(UsageError, match=r"flatbuffers 25\.9\.23, the include folders have 24"):
        look(fakes.library(tmp_path / "lib"), include)


@pytest.mark.parametrize("name", ["Upper", "", "1st", "with space", "a" * 41, "a,b", "a/b"])
def test_names_that_are_none(name: str, tmp_path: Path, include: Path) -> None:
    with pytest.raises(UsageError, match="invalid engine name"):
        inspect(name, tmp_path / "none.a", [include], "cortex-m4")


def test_names_and_definitions_that_are_refused(tmp_path: Path, include: Path) -> None:
    with pytest.raises(UsageError, match="the name of an installed engine"):
        inspect("aot", tmp_path / "none.a", [include], "cortex-m4", taken=("aot",))
    with pytest.raises(UsageError, match="invalid --define A B"):
        look(tmp_path / "none.a", include, defines=["A B"])


@pytest.mark.parametrize("name", ["a;b", 'a"b', "a$b", "a\\b"])
def test_paths_that_a_build_cannot_carry(name: str, tmp_path: Path, include: Path) -> None:
    library = fakes.library(tmp_path / name)
    with pytest.raises(UsageError, match="has a character"):
        look(library, include)


def test_the_resolver_is_read_op_by_op() -> None:
    found = registrations(fakes.RESOLVER)
    assert {op: (r.method, r.function) for op, r in found.items()} == {
        "CONV_2D": ("AddConv2D", "Register_CONV_2D"),
        "FULLY_CONNECTED": ("AddFullyConnected", "Register_FULLY_CONNECTED"),
        "RELU": ("AddRelu", "Register_RELU"),
        "CUSTOM:SignalWindow": ("AddWindow", "Register_WINDOW"),
    }


def test_the_hash_of_headers_covers_what_the_adapter_sees(tmp_path: Path, include: Path) -> None:
    before = read_headers([include]).sha256
    (include / "tensorflow/lite/micro/tools").mkdir()
    (include / "tensorflow/lite/micro/tools/more.h").write_text("not seen")
    assert read_headers([include]).sha256 == before
    (include / "tensorflow/lite/micro/micro_log.h").write_text("seen")
    assert read_headers([include]).sha256 != before


def test_two_archives_of_the_same_tools_read_alike(tmp_path: Path) -> None:
    """An archive with BSD's index or without any reads like one with GNU's."""
    library = fakes.library(tmp_path)
    without = tmp_path / "without.a"
    subprocess.run(["arm-none-eabi-ar", "rcS", without, *tmp_path.glob("*.o")], check=True)
    assert read_archive(without) == read_archive(library)
