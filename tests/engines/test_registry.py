"""Engines by entry point: those of packages that are installed beside hil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hil.engines import registry
from hil.engines.aot.engine import AotEngine
from hil.errors import MissingTool, UsageError

from tests.support import packages
from tests.support.tiny_engine import TinyEngine

TINY = f"tiny = {TinyEngine.__module__}:TinyEngine"


@pytest.fixture(autouse=True)
def no_added_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda name, *entries: packages.install(
        monkeypatch, tmp_path / name, "hil.engines", *entries
    )


def test_hils_own_engines() -> None:
    assert registry.installed_names() == registry.names() == ["aot"]
    own = registry.engine("aot")
    assert (own.name, own.title, own.role) == ("aot", "aot", "candidate")
    assert len(list(registry.families())) == 1


def test_an_engine_of_another_package(install: Callable[..., None]) -> None:
    install("tinypackage", TINY)
    assert registry.names() == ["aot", "tiny"]
    assert isinstance(registry.engine("tiny"), TinyEngine)
    assert isinstance(registry.engine("aot"), AotEngine)


def test_an_unknown_engine_is_refused_with_the_nearest(install: Callable[..., None]) -> None:
    install("tinypackage", TINY)
    with pytest.raises(UsageError, match="no engine 'tinny'") as refused:
        registry.engine("tinny")
    assert "did you mean 'tiny'? engines: aot, tiny" in refused.value.hint


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("bad = nowhere.at_all:Engine", "cannot be loaded from nowhere.at_all:Engine"),
        ("bad = hil.errors:Engine", "cannot be loaded from hil.errors:Engine"),
        ("bad = hil.engines.registry:KIND", "is not a class"),
    ],
)
def test_a_package_that_is_damaged_is_reported_when_it_is_used(
    install: Callable[..., None], entry: str, message: str
) -> None:
    install("badpackage", entry)
    assert registry.engine("aot").name == "aot"
    assert registry.names() == ["aot", "bad"]
    with pytest.raises(MissingTool, match=message) as refused:
        registry.engine("bad")
    assert refused.value.hint


def test_two_packages_with_one_name_are_refused(install: Callable[..., None]) -> None:
    install("first", TINY)
    install("second", "tiny = elsewhere:Engine")
    with pytest.raises(UsageError, match="two packages provide the engine 'tiny'"):
        registry.names()


def test_the_same_entry_twice_is_one_engine(install: Callable[..., None]) -> None:
    install("first", TINY)
    install("second", TINY)
    assert registry.names() == ["aot", "tiny"]


def test_without_entry_points_hil_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingTool, match="no engine is installed"):
        registry.names()
