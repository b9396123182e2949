"""An installed wheel must find its data folders, as an editable install does."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.hil import DIGITS, REPOSITORY


def test_a_wheel_runs_without_the_repository(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("hil-*.whl"))) as wheel:
        wheel.extractall(site)
    script = "import hil; print(hil.__file__); from hil.cli.main import main; main()"
    done = subprocess.run(
        [
            *(sys.executable, "-c", script, "run", "-p", "stm32l4", "--db", "hil.db"),
            *("--report", "report.html", str(DIGITS / "digits_int8.tflite")),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert done.stdout.startswith(str(site)), done.stdout
    assert "outputs: bit-equal" in done.stdout
    assert (tmp_path / "report.html").is_file()
