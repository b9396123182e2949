"""The real library, where this machine has one: what HIL_TFLM_INCLUDE and HIL_TFLM_LIB name.

``HIL_TFLM_CMSIS_LIB`` (with ``HIL_TFLM_CMSIS_INCLUDE``) may name a second one, with CMSIS-NN's
kernels. Both are for a Cortex-M4 with FPU.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.hil import hil

KINDS = {"tflm-ref": "HIL_TFLM", "tflm-cmsis": "HIL_TFLM_CMSIS"}


def real(prefix: str) -> tuple[Path, list[Path]]:
    """Library and include folders; skips where the environment names none."""
    library = os.environ.get(f"{prefix}_LIB")
    folders = os.environ.get(f"{prefix}_INCLUDE") or os.environ.get("HIL_TFLM_INCLUDE")
    if not library or not folders:
        pytest.skip(
            f"{prefix}_LIB and {prefix}_INCLUDE are unset: TensorFlow Lite Micro's library for "
            "cortex-m4 and its include folders (docs/tflm.md)"
        )
    return Path(library), [Path(folder) for folder in folders.split(os.pathsep)]


@pytest.fixture(params=list(KINDS))
def tflm(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an engine with a real library; every test has a state folder of its own."""
    name = str(request.param)
    library, folders = real(KINDS[name])
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))
    includes = [part for folder in folders for part in ("--include", folder)]
    added = hil(
        *("engine", "add", "tflm", "--name", name, "--core", "cortex-m4", "--lib", library),
        *includes,
    )
    assert added.code == 0, added
    return name
