"""The wheel, installed into an environment of its own and used from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.hil import DIGITS, REPOSITORY

INT8 = DIGITS / "digits_int8.tflite"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (found,) = folder.glob("hil-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that has the wheel, and no pip."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python)]
    command += ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return python


class Elsewhere:
    """Runs programs of the new environment in an empty folder."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python, self.folder = python, folder

    def __call__(self, *arguments: object) -> str:
        """Run a program and return its output; the dependencies are this environment's."""
        done = subprocess.run(
            [str(self.python.with_name(str(arguments[0]))), *map(str, arguments[1:])],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path) -> Elsewhere:
    return Elsewhere(installed, tmp_path)


def test_a_wheel_holds_the_package_its_types_and_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"hil"}
    assert {"hil/py.typed", "hil/__main__.py", "hil/_data/device_profiles/stm32l4.toml"} <= {*names}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_package_is_the_installed_one(elsewhere: Elsewhere) -> None:
    where = elsewhere("python", "-c", "import hil; print(hil.__file__)")
    assert str(elsewhere.python.parents[1]) in where
    code = "import importlib.util as u; print(u.find_spec('harness'))"
    assert elsewhere("python", "-c", code) == "None\n"


def test_the_command_runs_reports_and_gates(elsewhere: Elsewhere) -> None:
    run = ("-p", "stm32l4", "--db", "hil.db", INT8)
    assert "outputs: bit-equal" in elsewhere("hil", "run", "--report", "report.html", *run)
    assert "outputs: bit-equal" in elsewhere("python", "-m", "hil", "run", *run)
    report = elsewhere("hil", "report", "latest", "--db", "hil.db", "-o", "other.html")
    assert "other.html" in report
    for name in ("report.html", "other.html"):
        assert (elsewhere.folder / name).read_text().startswith("<!")
    elsewhere("hil", "baseline", "set", "first", "latest~1", "--db", "hil.db")
    elsewhere("hil", "gate", "--baseline", "first", "--db", "hil.db")


def test_a_study_runs_and_is_resumed(elsewhere: Elsewhere) -> None:
    (elsewhere.folder / "study.toml").write_text(
        f'schema = 1\nmodels = ["{INT8}"]\nprofiles = ["stm32l4"]\nschemes = ["given"]\n'
    )
    for resumed in (False, True):
        found = json.loads(elsewhere("hil", "sweep", "study.toml", "--db", "hil.db", "--json"))
        assert [run["resumed"] for run in found["data"]["runs"]] == [resumed]


def test_the_functions_run(elsewhere: Elsewhere) -> None:
    code = f"import hil; run = hil.run({str(INT8)!r}, 'stm32l4'); print(run.status, run.ram_bytes)"
    assert elsewhere("python", "-c", code) == "passed 3692\n"
