"""Engines by entry point: those of packages that are installed beside hil."""

from __future__ import annotations

from pathlib import Path

import pytest
from hil.engines import registry
from hil.engines.aot.engine import AotEngine
from hil.errors import MissingTool, UsageError

from tests.support.tiny_engine import TinyEngine

TINY = f"tiny = {TinyEngine.__module__}:TinyEngine"


@pytest.fixture(autouse=True)
def no_added_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Give a function that installs a package with entry points, as pip would leave it."""

    def install(name: str, *entries: str) -> None:
        info = tmp_path / name / f"{name}-1.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        text = "\n".join([f"[{registry.GROUP}]", *entries])
        (info / "entry_points.txt").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path / name)

    return install


def test_hils_own_engines() -> None:
    assert registry.installed_names() == registry.names() == ["aot"]
    own = registry.engine("aot")
    assert (own.name, own.title, own.role) == ("aot", "aot", "candidate")
    assert len(list(registry.families())) == 1


def test_an_engine_of_another_package(install) -> None:
    install("tinypackage", TINY)
    assert registry.names() == ["aot", "tiny"]
    assert isinstance(registry.engine("tiny"), TinyEngine)
    assert isinstance(registry.engine("aot"), AotEngine)


def test_an_unknown_engine_is_refused_with_the_nearest(install) -> None:
    install("tinypackage", TINY)
    with pytest.raises(UsageError, match="no engine 'tinny'") as refused:
        registry.engine("tinny")
    assert "did you mean 'tiny'? engines: aot, tiny" in refused.value.hint


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("bad = nowhere.at_all:Engine", "cannot be loaded from nowhere.at_all:Engine"),
        ("bad = hil.errors:Engine", "cannot be loaded from hil.errors:Engine"),
        ("bad = hil.engines.registry:GROUP", "is not a class"),
    ],
)
def test_a_package_that_is_damaged_is_reported_when_it_is_used(
    install, entry: str, message: str
) -> None:
    install("badpackage", entry)
    assert registry.engine("aot").name == "aot"
    assert registry.names() == ["aot", "bad"]
    with pytest.raises(MissingTool, match=message) as refused:
        registry.engine("bad")
    assert refused.value.hint


def test_two_packages_with_one_name_are_refused(install) -> None:
    install("first", TINY)
    install("second", "tiny = elsewhere:Engine")
    with pytest.raises(UsageError, match="two packages have an engine 'tiny'"):
        registry.names()


def test_the_same_entry_twice_is_one_engine(install) -> None:
    install("first", TINY)
    install("second", TINY)
    assert registry.names() == ["aot", "tiny"]


def test_without_entry_points_hil_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingTool, match="no engine is installed"):
        registry.names()
