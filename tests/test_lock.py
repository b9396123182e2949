"""The lock files that scripts/setup installs from fit pyproject.toml on every supported Python."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
INSTALLED_EXTRAS = {"run": {"postgres", "quantize"}, "test": {"dev", "tflm-host"}}
PYTHONS = ["3.11", "3.12", "3.13"]


def declared(extras: set[str]) -> Iterator[Requirement]:
    """What pyproject.toml asks for; an extra of our own stands for what it holds."""
    project = PYPROJECT["project"]
    yield from map(Requirement, project["dependencies"])
    yield from map(Requirement, PYPROJECT["dependency-groups"]["setup"])
    for extra in extras:
        for text in project["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if requirement.name == project["name"]:
                yield from declared(requirement.extras)
            else:
                yield requirement


def locked(name: str) -> Iterator[Requirement]:
    """The pinned requirements of a lock file; fails on one without a hash."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    for line in lines:
        if not line.startswith("#"):
            pin, *hashes = re.split(r"\s+--hash=", line)
            assert hashes, f"{name}: {pin} has no hash"
            yield Requirement(pin)


def applies(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(dict(environment))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", sorted(INSTALLED_EXTRAS))
def test_the_lock_holds_one_fitting_version_of_everything_declared(lock: str, python: str) -> None:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.4",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
    }
    versions: dict[str, list[Version]] = {}
    for pin in locked(lock):
        if applies(pin, environment):
            (specifier,) = pin.specifier
            assert specifier.operator == "=="
            name = canonicalize_name(pin.name)
            versions.setdefault(name, []).append(Version(specifier.version))

    assert [name for name, found in versions.items() if len(found) != 1] == []
    for requirement in declared(INSTALLED_EXTRAS[lock]):
        if applies(requirement, environment):
            (version,) = versions.get(canonicalize_name(requirement.name), [None])
            assert version is not None, f"{requirement.name} is not locked: run scripts/lock"
            fits = requirement.specifier.contains(version, prereleases=True)
            assert fits, f"{requirement} is locked at {version}: run scripts/lock"


def test_both_locks_agree() -> None:
    tested = {str(pin) for pin in locked("test")}
    assert [pin for pin in map(str, locked("run")) if pin not in tested] == []


@pytest.mark.parametrize("lock", sorted(INSTALLED_EXTRAS))
def test_the_lock_names_no_index_and_no_tensorflow_or_torch(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text
    names = {canonicalize_name(pin.name) for pin in locked(lock)}
    assert names.isdisjoint({"torch", "tensorflow", "jax"})


def test_labgrid_is_locked_in_its_own_environment() -> None:
    text = (ROOT / "requirements" / "labgrid.in").read_text(encoding="utf-8")
    wanted = Requirement(text.strip())
    versions = {canonicalize_name(pin.name): pin.specifier for pin in locked("labgrid")}
    assert wanted.specifier.contains(str(versions["labgrid"]).removeprefix("=="))
    assert "pyserial-labgrid" in versions  # which replaces pyserial: never in the other locks
    for lock in INSTALLED_EXTRAS:
        assert "pyserial-labgrid" not in {canonicalize_name(pin.name) for pin in locked(lock)}
