"""The study file: its keys, the matrix that it makes, and what is refused before anything runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hil import forms
from hil.errors import HilError, UsageError
from hil.sweep import load, members
from hil.sweep.study import Study

from tests.support.hil import DIGITS, REPOSITORY

MICROAI = REPOSITORY / "examples" / "microai" / "study.toml"
PLAIN = """
schema = 1
models = ["digits_float32.tflite"]
profiles = ["stm32l4"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("digits_float32.tflite", "digits_int8.tflite", "digits_samples.npz"):
        shutil.copy(DIGITS / name, tmp_path / name)
    return tmp_path


def labels(folder: Path, text: str, only: str | None = None) -> list[str]:
    return [member.label for member in members(load(written(folder, text)), only)]


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_the_microai_study_is_56_runs() -> None:
    found = members(load(MICROAI))
    assert len(found) == len({member.label for member in found}) == 56
    assert found[0].label == "resnetv1-6_f16/float32/aot/nucleo-l452re@48MHz/-O3"
    assert [member.request.model.graph.parameters for member in found[:28:4]] == [
        13 * f**2 + 39 * f + 6 for f in (16, 24, 32, 40, 48, 64, 80)
    ]
    assert {member.request.profile.clock.hz for member in found} == {48_000_000}


def test_a_plain_study_runs_models_as_they_are(folder: Path) -> None:
    study = load(written(folder, PLAIN))
    (member,) = members(study)
    assert member.label == "digits_float32/given/aot/stm32l4/-O3"
    assert member.request.variant is None
    assert study.title == "study"


def test_the_matrix_and_its_order(folder: Path) -> None:
    text = """
schema = 1
models = ["digits_f*.tflite", "digits_float32.tflite"]
profiles = ["stm32l4", "sparkfun-edge@48MHz", "sparkfun-edge"]
schemes = ["float32", {name = "small", scheme = "q8", q_format = "Q3.5"}]
optimize = ["-O2", "-Os"]
"""
    assert labels(folder, text) == [
        f"digits_float32/{scheme}/aot/{profile}/{optimize}"
        for profile in ("stm32l4", "sparkfun-edge")
        for optimize in ("-O2", "-Os")
        for scheme in ("float32", "small")
    ]


def test_excludes_take_out_what_all_their_globs_match(folder: Path) -> None:
    text = (
        'schema = 1\nmodels = ["*.tflite"]\nprofiles = ["stm32l4", "sparkfun-edge"]\n'
        '[[exclude]]\nmodel = "*int8"\nprofile = "sparkfun*"\n'
    )
    assert labels(folder, text) == [
        "digits_float32/given/aot/stm32l4/-O3",
        "digits_int8/given/aot/stm32l4/-O3",
        "digits_float32/given/aot/sparkfun-edge/-O3",
    ]


@pytest.mark.parametrize(
    ("only", "count"), [("int8", 2), ("*/stm32l4/*", 2), ("digits_int8/*/sparkfun-edge/*", 1)]
)
def test_only_chooses_by_glob_or_by_part(folder: Path, only: str, count: int) -> None:
    text = 'schema = 1\nmodels = ["*.tflite"]\nprofiles = ["stm32l4", "sparkfun-edge"]\n'
    assert len(labels(folder, text, only)) == count


def test_a_scheme_has_its_own_calibration_or_the_studys(folder: Path) -> None:
    text = PLAIN + (
        'schemes = ["int8", {name = "robust", scheme = "int8", calibration = '
        '{samples = "normal:3", count = 20, method = "percentile:99.9"}}]\n'
        '[calibration]\nsamples = "digits_samples.npz"\n'
    )
    plain, robust = (m.request.variant for m in members(load(written(folder, text))))
    assert plain is not None
    assert robust is not None
    assert (plain.calibration, plain.method) == (str(folder / "digits_samples.npz"), "minmax")
    assert (robust.calibration, robust.calibration_samples) == ("normal:3", 20)
    assert robust.method == "percentile:99.9"


def test_the_command_repeats_a_member(folder: Path) -> None:
    text = PLAIN + 'schemes = ["q8"]\n[inputs]\nspec = "zeros"\nsamples = 1\n'
    (member,) = members(load(written(folder, text)))
    assert member.request.command == (
        *("hil", "run", "--profile", "stm32l4", "--engine", "aot", "--optimize=-O3"),
        *("--inputs", "zeros", "--samples", "1", "--quantize", "q8", "--calibration", "normal:0"),
        str(folder / "digits_float32.tflite"),
    )


def test_a_profile_of_ones_own_is_beside_the_study(folder: Path) -> None:
    shutil.copy(REPOSITORY / "device_profiles" / "stm32l4.toml", folder / "mine.toml")
    text = PLAIN.replace('"stm32l4"', '"mine.toml@48MHz"')
    assert labels(folder, text) == ["digits_float32/given/aot/mine@48MHz/-O3"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("models", "model", ["unknown key 'model'", "did you mean 'models'"]),
        ("schema = 1", "schema = 2", ["schema"]),
        ("schema = 1", "schema = 1\npath = 'x'", ["path"]),
        ("schema = 1", "schema 1", ["not valid TOML"]),
        ('["stm32l4"]', "[]", ["profiles"]),
        ('["stm32l4"]', '["stm32l5"]', ["no profile 'stm32l5'", "did you mean 'stm32l4'"]),
        ('["stm32l4"]', '["stm32l4@99MHz"]', ["cannot run at 99 MHz"]),
        ('["stm32l4"]', '["stm32l4"]\nengines = ["aott"]', ["no engine 'aott'"]),
        ('["stm32l4"]', '["stm32l4"]\nschemes = ["int9"]', ["no scheme 'int9'", "did you mean"]),
        ('["stm32l4"]', '["stm32l4"]\nschemes = []', ["schemes is empty"]),
        ('["stm32l4"]', '["stm32l4"]\nschemes = ["q8", "q8"]', ["the same name"]),
        ('["stm32l4"]', '["stm32l4"]\nbaseline = "q8"', ["baseline 'q8'"]),
        ('["stm32l4"]', '["stm32l4"]\noptimize = ["-O9"]', ["optimize"]),
        (
            '["stm32l4"]',
            '["stm32l4"]\nschemes = [{scheme = "float32", q_format = "Q3.4"}]',
            ["no settings apply"],
        ),
        (
            '["stm32l4"]',
            '["stm32l4"]\nschemes = [{scheme = "q8", q_format = "Q7.9"}]',
            ["Q7.9"],
        ),
        (
            '["stm32l4"]',
            '["stm32l4"]\nschemes = ["q8"]\n[calibration]\nmethod = "best"',
            ["best"],
        ),
        ("digits_float32", "none*", ["names 'none*.tflite'", "no file"]),
        (
            '["stm32l4"]',
            '["stm32l4"]\nschemes = ["q8"]\n[calibration]\nsamples = "none.npy"',
            ["none.npy", "no file"],
        ),
        ('["stm32l4"]', '["stm32l4"]\n[inputs]\nspec = "none.npz"', ["none.npz", "no file"]),
        ('["stm32l4"]', '["stm32l4"]\n[[exclude]]\nmodel = "*"', ["left by its excludes"]),
    ],
)
def test_what_is_wrong_is_refused_with_help(
    folder: Path, old: str, new: str, words: list[str]
) -> None:
    assert old in PLAIN
    with pytest.raises(UsageError) as caught:
        members(load(written(folder, PLAIN.replace(old, new, 1))))
    text = f"{caught.value.message} {caught.value.hint}"
    assert [word for word in words if word not in text] == []
    assert caught.value.hint


def test_a_quantized_model_is_not_quantized_again(folder: Path) -> None:
    text = PLAIN.replace("float32", "int8")
    for scheme in ("q8", "float32"):
        with pytest.raises(UsageError, match="needs a float32 model"):
            labels(folder, text + f'schemes = ["{scheme}"]\n')


def test_two_models_of_one_name(folder: Path) -> None:
    (folder / "other").mkdir()
    shutil.copy(folder / "digits_float32.tflite", folder / "other")
    with pytest.raises(HilError, match="two models called 'digits_float32'"):
        labels(folder, PLAIN.replace('["digits_float32.tflite"]', '["**/*float32.tflite"]'))


def test_two_profiles_of_one_name(folder: Path) -> None:
    text = (REPOSITORY / "device_profiles" / "stm32l4.toml").read_text()
    (folder / "stm32l4.toml").write_text(text)
    both = PLAIN.replace('["stm32l4"]', '["stm32l4", "stm32l4@80MHz", "./stm32l4.toml"]')
    assert labels(folder, both) == ["digits_float32/given/aot/stm32l4/-O3"]
    (folder / "stm32l4.toml").write_text(text.replace("active_mw = 40.6", "active_mw = 41.6"))
    with pytest.raises(UsageError, match="two different profiles called 'stm32l4'"):
        labels(folder, both)


def test_only_that_matches_nothing_names_a_label(folder: Path) -> None:
    with pytest.raises(UsageError, match="matches --only 'f99'") as caught:
        labels(folder, PLAIN, "f99")
    assert "digits_float32/given/aot/stm32l4/-O3" in caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the study"):
        load(tmp_path / "none.toml")


def test_docs_describe_every_key() -> None:
    text = (REPOSITORY / "docs" / "sweep.md").read_text(encoding="utf-8")
    assert [key for key in forms.keys(Study) if f"`{key}`" not in text] == []


def test_what_runs_need_of_a_clusters_worker(folder: Path) -> None:
    text = (
        'schema = 1\nmodels = ["digits_*.tflite"]\nprofiles = ["stm32l4", "sparkfun-edge"]\n'
        '[[require]]\nprofile = "stm*"\nresources = { "board:a" = 1, memory = 2.5 }\n'
        '[[require]]\nmodel = "*int8"\nresources = { memory = 3 }\n'
    )
    found = {
        member.label.split("/given/aot/")[0] + member.axes["profile"]: member.needs
        for member in members(load(written(folder, text)))
    }
    assert found == {
        "digits_float32stm32l4": {"board:a": 1, "memory": 2.5},
        "digits_int8stm32l4": {"board:a": 1, "memory": 3},
        "digits_float32sparkfun-edge": {},
        "digits_int8sparkfun-edge": {"memory": 3},
    }
    study = load(written(folder, PLAIN)).model_copy(update={"target": "renode"})
    assert [member.needs for member in members(study)] == [{"renode": 1}]
    with pytest.raises(UsageError, match="greater than 0"):
        load(written(folder, text.replace("memory = 3", "memory = 0")))
