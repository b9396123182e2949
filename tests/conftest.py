"""What every test builds on: an environment without the user's settings, and its own processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from hil.store import Store
from hil.tflite.interpreter import end_workers

from tests.support.postgres import Cluster, cluster
from tests.support.processes import MARK, Processes, command_of, marked, wait_until

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = REPOSITORY.parent / "shared" / "models"

_KEPT = (
    *("HIL_EMULATOR", "HIL_QEMU_ALT", "HIL_RENODE", "HIL_CC_PREFIX", "HIL_TEST_CACHE_DIR"),
    *("HIL_MLPERF_RUNNER", "HIL_MLPERF_PYTHON"),
)
_OWN = "multiprocessing.resource_tracker"  # Python ends it with the process that needed it
_TERMINAL = (
    *("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"),
    *("TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"),
)
# The same examples in every session, and no limit on the time that one takes.
hypothesis.settings.register_profile(
    "hil",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("hil")
# Typer reads these when it is imported: no colours, and lines of one width.
os.environ.update(_TYPER_FORCE_DISABLE_TERMINAL="1", TERMINAL_WIDTH="100")


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Caches are shared by all tests of a session, also between processes; state is not.

    ``HIL_TEST_CACHE_DIR`` keeps compiled kernels between sessions while one works on the tests.
    """
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent  # the folder that all workers share
    shared = os.environ.get("HIL_TEST_CACHE_DIR") or str(root / "hil-cache")
    for name in list(os.environ):
        ours = name.startswith("HIL_") and not name.startswith("HIL_TFLM_")
        if (ours and name not in _KEPT) or name in _TERMINAL:
            del os.environ[name]
    os.environ["HIL_CACHE_DIR"] = shared
    os.environ["HIL_STATE_DIR"] = str(tmp_path_factory.mktemp("state"))
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session", autouse=True)
def _session_mark() -> Iterator[str]:
    """The mark of all processes that this session starts; none of them may outlive it."""
    mark = os.environ[MARK] = uuid.uuid4().hex
    yield mark
    end_workers()
    with contextlib.suppress(AssertionError):  # what was killed may still be on its way out
        wait_until(lambda: all(_OWN in command_of(pid) for pid in marked(mark)), 5)
    left = {pid: command for pid in marked(mark) if _OWN not in (command := command_of(pid))}
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, left


@pytest.fixture
def processes(_session_mark: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Starts processes and finds all that descend from this test; they end with it."""
    mark = f"{_session_mark}-{uuid.uuid4().hex}"
    monkeypatch.setenv(MARK, mark)
    own = Processes(mark)
    yield own
    own.end()


@pytest.fixture(scope="session")
def session_cache() -> Path:
    """The folder of rebuildable files that all tests and all workers share."""
    return Path(os.environ["HIL_CACHE_DIR"])


@pytest.fixture(scope="session")
def other_qemu() -> Path:
    """A second QEMU of another version, named by HIL_QEMU_ALT."""
    path = os.environ.get("HIL_QEMU_ALT", "")
    if not path or not os.access(path, os.X_OK):
        pytest.skip("HIL_QEMU_ALT names no second QEMU")
    return Path(path)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL server, which all workers of the session share."""
    root = tmp_path_factory.getbasetemp()
    with cluster(root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """``--db`` of a database of the test's own: a file that is not there yet, or PostgreSQL's."""
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("database") / "runs.db")
        return
    running: Cluster = request.getfixturevalue("postgresql")
    with running.database() as name:
        yield running.url(name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open database of the test's own; the tests of store, gate and report use ``db_url``."""
    with Store.open(str(tmp_path / "hil.db")) as opened:
        yield opened


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a tmpfs with options, where this user may."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("mounting a small disk needs root")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"this container may not mount: {done.stderr.strip()}")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)
