"""`hil engine`: what users type and see, with a library of our own in TFLM's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hil import DIGITS, hil
from tests.tflm import fakes

INT8 = DIGITS / "digits_int8.tflite"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """(library, include folder), and a state folder of the test's own."""
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))
    return fakes.library(tmp_path / "lib"), fakes.headers(tmp_path / "include")


def add(files: tuple[Path, Path], *more: str, name: str = "tflm-x", core: str = "cortex-m4"):
    library, include = files
    return hil(
        *("engine", "add", "tflm", "--name", name, "--lib", library),
        *("--include", include, "--core", core, *more),
    )


def test_add_list_show_remove(files: tuple[Path, Path]) -> None:
    added = add(files, "--define", "X=1", "--json")
    assert added.code == 0, added
    assert added.envelope["schema"] == "hil.engine.add/1"
    data = added.envelope["data"]
    assert (data["name"], data["core"], data["float_abi"]) == ("tflm-x", "cortex-m4f", "hard")
    assert (data["defines"], data["functions"], data["replaced"]) == (["X=1"], 2, False)
    assert add(files, "--json").envelope["data"]["replaced"] is True
    listed = hil("engine", "list", "--json").envelope["data"]
    assert listed["own"] == ["aot"]
    assert [engine["name"] for engine in listed["added"]] == ["tflm-x"]
    table = hil("engine", "list").stdout
    assert "aot" in table
    assert str(files[0]) in table
    shown = hil("engine", "show", "tflm-x", "--json").envelope["data"]
    assert shown["library_sha256"] == data["library_sha256"]
    assert "reference, 2 registration functions" in hil("engine", "show", "tflm-x").stdout
    assert hil("engine", "remove", "tflm-x").stdout == "removed engine tflm-x\n"
    hil("engine", "remove", "tflm-x").refuses(2, "no engine 'tflm-x' was added")
    hil("engine", "show", "tflm-x").refuses(2, "no engine 'tflm-x' was added")
    hil("engine", "check", "tflm-x").refuses(2, "no engine 'tflm-x' was added")


def test_relative_paths_are_kept_as_absolute_ones(files: tuple[Path, Path], tmp_path: Path) -> None:
    result = hil(
        *("engine", "add", "tflm", "--name", "rel", "--lib", "lib/" + files[0].name),
        *("--include", "include", "--core", "cortex-m4", "--json"),
        cwd=tmp_path,
    )
    assert result.envelope["data"]["library"] == str(files[0])
    assert result.envelope["data"]["include_dirs"] == [str(files[1])]


def test_wrong_core(files: tuple[Path, Path]) -> None:
    add(files, core="cortex-m33").refuses(2, "is for v7E-M, a cortex-m33f is v8-M.main")
    failed = add(files, "--json", core="cortex-m33")
    assert (failed.code, failed.envelope["status"]) == (2, "error")


def test_include_folder_without_tflm(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = add((files[0], tmp_path / "empty"))
    result.refuses(2, "no include folder has TensorFlow Lite Micro", "tensorflow/lite/micro")


def test_other_kinds_and_own_names(files: tuple[Path, Path]) -> None:
    add(files, name="aot").refuses(2, "the name of an installed engine")
    result = hil(
        *("engine", "add", "onnx", "--name", "x", "--lib", files[0]),
        *("--include", files[1], "--core", "cortex-m4"),
    )
    result.refuses(2, "'onnx' is not one of 'tflm'")


def test_a_library_that_lacks_what_the_headers_promise_fails_at_the_link_in_words(
    files: tuple[Path, Path],
) -> None:
    """These headers hold nothing to compile with: the build's words must be understood."""
    assert add(files).code == 0
    checked = hil("engine", "check", "tflm-x")
    checked.refuses(3, "no include folder of the library", "micro_op_resolver.h")
    assert "undefined reference" not in checked.stderr


def test_a_check_on_a_board(files: tuple[Path, Path], tmp_path: Path) -> None:
    assert add(files).code == 0
    boards = tmp_path / "boards.toml"
    boards.write_text('[boards.desk]\nprofile = "nucleo-l452re"\nport = "/dev/null"\n')
    env = {"HIL_BOARDS": str(boards)}

    checked = hil("engine", "check", "tflm-x", "--board", "desk", "--json", env=env)

    assert checked.code == 3  # these headers hold nothing to compile with
    run = checked.envelope["data"]
    assert (run["profile"], run["machine"]["name"]) == ("nucleo-l452re", "desk")
    words = ("engine", "check", "tflm-x", "--board", "nobody")
    hil(*words, env=env).refuses(2, "there is no board 'nobody'")


def test_a_run_on_another_core(files: tuple[Path, Path], tmp_path: Path) -> None:
    library = fakes.library(
        tmp_path / "m33",
        symbols=[*fakes.INTERPRETER, *fakes.REGISTRATIONS, *(REST % n for n in LENGTHS)],
        flags=fakes.FLAGS["cortex-m33f"],
    )
    include = fakes.headers(tmp_path / "all", resolver=fakes.RESOLVER + MORE)
    assert add((library, include), core="cortex-m33").code == 0
    result = hil("run", "--engine", "tflm-x", "--profile", "stm32l4", "--db", tmp_path / "d", INT8)
    result.refuses(2, "is for a cortex-m33f, 'stm32l4' has a cortex-m4f")
    assert "no runs match" in hil("history", "--db", tmp_path / "d").stderr


def test_an_engine_that_nobody_added() -> None:
    result = hil("run", "--engine", "tflm-cmsis", "--profile", "stm32l4", INT8)
    result.refuses(2, "there is no engine 'tflm-cmsis'", "hil engine add")


#: What the digits model needs beside the two ops of the fakes.
NAMES = ("AVERAGE_POOL_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESHAPE", "SOFTMAX", "MEAN")
LENGTHS = tuple((len(f"Register_{name}"), f"Register_{name}") for name in NAMES)
REST = "_ZN6tflite%d%sEv"
MORE = "".join(
    f"  TfLiteStatus Add{name.title().replace('_', '')}(const TFLMRegistration& r = "
    f"Register_{name}()) {{\n    return AddBuiltin(BuiltinOperator_{name}, r, Parse);\n  }}\n"
    for name in NAMES
)


def test_doctor_tells_of_added_engines(files: tuple[Path, Path]) -> None:
    assert add(files).code == 0

    def finding() -> dict[str, str]:
        rows = hil("doctor", "--json").envelope["data"]["checks"]
        return next(row for row in rows if row["name"] == "engine tflm-x")

    assert finding()["state"] == "ok"
    files[0].write_bytes(files[0].read_bytes() + b"\n")
    assert finding()["state"] == "warn"
    assert "changed since it was added" in finding()["detail"]
