"""Five layers of configuration, the nearest wins, and every mistake names its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hil import settings
from hil.errors import UsageError

from tests.cli.conftest import Finished


@pytest.fixture
def resolve(tmp_path: Path) -> Callable[..., settings.Settings]:
    (tmp_path / "project" / "deep").mkdir(parents=True)

    def run(flags: dict[str, Any] | None = None, **environ: str) -> settings.Settings:
        return settings.resolve(
            flags,
            environ=environ,
            folder=tmp_path / "project" / "deep",
            user_file=tmp_path / "config.toml",
        )

    return run


Resolve = Callable[..., settings.Settings]


def test_the_nearest_layer_wins(resolve: Resolve, tmp_path: Path) -> None:
    def state() -> tuple[object, str]:
        found = resolve(flags, **environ)
        return found.samples, str(found.origin("samples"))

    flags: dict[str, Any] = {"samples": None}
    environ: dict[str, str] = {}
    project = tmp_path / "project" / "hil.toml"
    assert state() == (3, "built-in")
    (tmp_path / "config.toml").write_text("samples = 4")
    assert state() == (4, f"user {tmp_path / 'config.toml'}")
    project.write_text("samples = 5")
    assert state() == (5, f"project {project}")
    environ["HIL_SAMPLES"] = "6"
    assert state() == (6, "environment HIL_SAMPLES")
    flags["samples"] = 7
    assert state() == (7, "flag --samples")


def test_the_nearest_project_file_is_the_only_one(resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "project" / "hil.toml").write_text("samples = 5\nengine = 'outer'")
    (tmp_path / "project" / "deep" / "hil.toml").write_text("samples = 6")
    found = resolve()
    assert (found.samples, found.engine) == (6, "aot")


def test_an_empty_variable_and_foreign_ones_count_for_nothing(resolve: Resolve) -> None:
    assert resolve(HIL_SAMPLES="", HIL_DEBUG="1", HIL_NOVELTY="x") == resolve()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("sample = 3", "unknown key 'sample'", "did you mean 'samples'"),
        ("[run]\nsamples = 3", "unknown key 'run'", "the keys are db, profile"),
        ("samples = 0", "invalid value '0' for samples", "config show"),
        ("samples = 'many'", "invalid value 'many' for samples", "hil.toml"),
        ("optimize = '-O9'", "invalid value '-O9' for optimize", "hil.toml"),
        ("timeout_s = -1", "greater than 0", "hil.toml"),
        ("samples =", "not valid TOML", "fix the file"),
    ],
)
def test_a_mistake_in_a_file_names_it(
    resolve: Resolve, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = tmp_path / "project" / "hil.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        resolve()
    assert str(file) in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_mistake_in_a_variable_names_it(resolve: Resolve) -> None:
    with pytest.raises(UsageError, match="HIL_TIMEOUT_S: invalid value 'soon'"):
        resolve(HIL_TIMEOUT_S="soon")


def test_paths_in_a_file_are_relative_to_it(resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "project" / "hil.toml").write_text(
        "db = 'runs.db'\ncache_dir = './cache'\nemulator = 'qemu-system-arm'\nprofile = 'stm32l4'"
    )
    found = resolve()
    folder = tmp_path / "project"
    assert found.db == str(folder / "runs.db")
    assert found.cache_dir == str(folder / "cache")
    assert (found.emulator, found.profile) == ("qemu-system-arm", "stm32l4")
    (folder / "hil.toml").write_text("db = 'postgresql://host/db'")
    assert resolve().db == "postgresql://host/db"


def test_load_hands_down_what_is_looked_up_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("HIL_CACHE_DIR", "HIL_EMULATOR", "HIL_CC_PREFIX"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with monkeypatch.context() as inner:
        inner.setattr(os, "environ", dict(os.environ))
        settings.load(cache_dir="here", emulator=None)
        assert os.environ["HIL_CACHE_DIR"] == "here"
        assert "HIL_EMULATOR" not in os.environ


def test_config_show_tells_value_and_origin(hil: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "hil.toml").write_text("samples = 9")
    rows = {row["key"]: row for row in hil("config", "show", "--json").json["data"]["settings"]}
    assert (rows["samples"]["value"], rows["samples"]["origin"]) == (9, "project")
    assert rows["cache_dir"]["where"] == "HIL_CACHE_DIR"
    assert set(rows) == set(settings.Settings.model_fields)
    text = hil("config", "show", "--origin")
    assert str(tmp_path / "hil.toml") in text.out
    assert "hil.toml" not in hil("config", "show").out


def test_a_wrong_setting_stops_a_command(hil: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "hil.toml").write_text("engin = 'x'")
    result = hil("history", "--json")
    assert result.code == 2
    assert "did you mean 'engine'" in result.json["errors"][0]["hint"]
