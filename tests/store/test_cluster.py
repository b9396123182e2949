"""The server that the tests share ends with the last process that uses it, however that ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import Cluster
from tests.support.postgres_server import Server
from tests.support.processes import Processes, is_living, wait_until

ROOT = Path(__file__).resolve().parents[2]
CLIENT = """
import dataclasses, json, sys
from pathlib import Path
from tests.support.postgres import cluster
with cluster(Path(sys.argv[1])) as running:
    print(json.dumps(dataclasses.asdict(running.server)), flush=True)
    sys.stdin.readline()
"""


class Client:
    """A process that uses the cluster of a folder; ``server`` is what it was given."""

    def __init__(self, processes: Processes, shared: Path) -> None:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = processes.start(
            *(sys.executable, "-c", CLIENT, shared), cwd=ROOT, env=os.environ, **pipes
        )
        assert self.process.stdout is not None
        self.server: dict[str, Any] = json.loads(self.process.stdout.readline())

    @property
    def supervisor(self) -> int:
        """The parent of PostgreSQL."""
        stat = Path(f"/proc/{self.server['pid']}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])


@pytest.fixture
def client(postgresql: Cluster, processes: Processes, tmp_path: Path) -> Client:
    """``postgresql`` skips the test where there is no server to start."""
    assert postgresql.server.pid
    return Client(processes, tmp_path)


def test_it_ends_after_the_last_of_its_users_was_killed(
    client: Client, processes: Processes, tmp_path: Path
) -> None:
    supervisor = client.supervisor
    second = Client(processes, tmp_path)
    assert second.server == client.server
    client.process.send_signal(signal.SIGKILL)
    client.process.wait()
    Cluster(Server(**second.server)).execute("SELECT 1")
    second.process.send_signal(signal.SIGKILL)
    gone = (client.server["pid"], supervisor)
    wait_until(lambda: not any(is_living(pid) for pid in gone))
    assert not Path(client.server["folder"]).exists()


def test_it_ends_with_the_process_that_started_it(client: Client) -> None:
    os.kill(client.supervisor, signal.SIGKILL)
    wait_until(lambda: not is_living(client.server["pid"]))
    shutil.rmtree(client.server["folder"])
