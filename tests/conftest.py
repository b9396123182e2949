"""What every test stands on: no configuration of the person who runs them leaks in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.store import Store

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = REPOSITORY.parent / "shared" / "models"


@pytest.fixture(scope="session", autouse=True)
def _own_environment(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Caches are shared by all tests of a session, also between processes; state is not.

    ``HIL_TEST_CACHE_DIR`` keeps compiled kernels between sessions while one works on the tests.
    """
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent  # the folder that all workers share
    shared = os.environ.get("HIL_TEST_CACHE_DIR") or str(root / "hil-cache")
    for name in [key for key in os.environ if key.startswith("HIL_")]:
        kept = ("HIL_QEMU", "HIL_QEMU_ALT", "HIL_CC_PREFIX", "HIL_TEST_CACHE_DIR")
        if name not in kept and not name.startswith("HIL_TFLM_"):
            del os.environ[name]
    os.environ["HIL_CACHE_DIR"] = shared
    os.environ["HIL_STATE_DIR"] = str(tmp_path_factory.mktemp("state"))
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open database of the test's own."""
    with Store.open(str(tmp_path / "hil.db")) as opened:
        yield opened
