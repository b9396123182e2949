"""A Dask scheduler and workers as real processes, which end with this one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from hil import children

from tests.support.processes import wait_until

DASK = Path(sys.executable).with_name("dask")


class DaskCluster:
    """A scheduler on a free port of the loopback interface; ``worker`` adds a worker."""

    def __init__(
        self, folder: Path, stack: contextlib.ExitStack, env: Mapping[str, str] | None
    ) -> None:
        self._folder = folder
        self._stack = stack
        self._file = folder / "scheduler.json"
        self._count = 0
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-show", env=env
        )
        wait_until(self._has_address)

    @property
    def address(self) -> str:
        return str(json.loads(self._file.read_text())["address"])

    def worker(
        self,
        *,
        resources: str = "",
        env: Mapping[str, str] | None = None,
        nanny: bool = False,
        threads: int = 1,
    ) -> subprocess.Popen[bytes]:
        """Start a worker with a cache of its own; it is not waited for."""
        self._count += 1
        own = self._folder / f"worker-{self._count}"
        options = ["--nthreads", str(threads), "--host", "127.0.0.1", "--name", own.name]
        options += ["--local-directory", str(own)]
        options += ["--nanny" if nanny else "--no-nanny"]
        options += ["--resources", resources] if resources else []
        return self._start("worker", *options, env=env)

    def _start(
        self, what: str, *options: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{what}-{self._count}.log").open("wb"))
        child = children.start(
            [DASK, what, "--scheduler-file", self._file, "--no-dashboard", *options],
            die_with_parent=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**os.environ, **(env or {})},
        )
        self._stack.callback(children.end, child)
        return child

    def _has_address(self) -> bool:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return bool(self.address)
        return False


@contextlib.contextmanager
def dask_cluster(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[DaskCluster]:
    """A scheduler without workers; all its processes end with the block."""
    with contextlib.ExitStack() as stack:
        yield DaskCluster(folder, stack, env)
