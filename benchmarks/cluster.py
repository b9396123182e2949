"""A sweep on a Dask cluster of two worker processes against the local pool with two processes.

    .venv/bin/python benchmarks/cluster.py [--runs 200] [--repeats 3]

All is on this machine. Both ways are measured alternately, each first in turn, with the same warm
cache and an empty database each time; the times are those of the whole command. Then one of the
workers is killed after a third of the runs: every run must be stored once. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hil import children

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "examples" / "digits" / "digits_int8.tflite"
BIN = Path(sys.executable).parent
LIMIT_S = 3600.0


@contextlib.contextmanager
def cluster(
    folder: Path, env: dict[str, str]
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers of one thread; they end with the block or with this process."""
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard", "--host", "127.0.0.1"]
    commands = [["scheduler", "--port", "0"]]
    commands += [["worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]] * 2
    started: list[subprocess.Popen[bytes]] = []
    try:
        with (folder / "dask.log").open("wb") as log:
            for command in commands:
                words = [str(BIN / "dask"), command[0], *common, *command[1:]]
                started.append(
                    children.start(
                        words, die_with_parent=True, stdout=log, stderr=log, env=env, cwd=folder
                    )
                )
        until = time.monotonic() + 120
        while not (file.exists() and file.read_text().strip().endswith("}")):
            assert time.monotonic() < until, "the scheduler does not start"
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], started[1:]
    finally:
        for child in started:
            children.end(child)


def study(folder: Path, runs: int) -> Path:
    """A study of ``runs`` members: one model under many names, which are different runs."""
    models = folder / "models"
    models.mkdir()
    for number in range(runs):
        shutil.copy(MODEL, models / f"digits{number:04}.tflite")
    path = folder / "study.toml"
    path.write_text(
        'schema = 1\nmodels = ["models/*.tflite"]\nprofiles = ["stm32l4"]\n[inputs]\nsamples = 1\n'
    )
    return path


def command(path: Path, database: Path, *options: str) -> list[str]:
    return [str(BIN / "hil"), "sweep", str(path), "--db", str(database), "--json", *options]


def seconds(words: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{done.stderr}")
    return time.perf_counter() - start


def stored(database: Path) -> tuple[int, int]:
    """How many passed runs the database has, and of how many keys."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT count(*), count(DISTINCT sweep_key) FROM runs WHERE status = 'passed'"
        runs, keys = connection.execute(query).fetchone()
    return int(runs), int(keys)


def throughput(path: Path, folder: Path, env: dict[str, str], args: argparse.Namespace) -> None:
    local: list[float] = []
    shared: list[float] = []
    with cluster(folder, env) as (address, _workers):
        seconds(command(path, folder / "warm.db", "--scheduler", address), env)  # builds
        for number in range(args.repeats):
            there, here = folder / f"cluster{number}.db", folder / f"local{number}.db"
            ways = [
                (shared, command(path, there, "--scheduler", address)),
                (local, command(path, here, "--jobs", "2")),
            ]
            for times, words in ways if number % 2 == 0 else reversed(ways):
                times.append(seconds(words, env))
            assert stored(here) == stored(there) == (args.runs, args.runs)
            print(f"cluster {shared[-1]:.1f} s, local {local[-1]:.1f} s", file=sys.stderr)
    print("| way | s (each repetition) | runs/s (median) |")
    print("|---|---|---|")
    for name, times in (("local pool, --jobs 2", local), ("two workers of a cluster", shared)):
        each = ", ".join(f"{one:.1f}" for one in times)
        print(f"| {name} | {each} | {args.runs / statistics.median(times):.2f} |")
    ratio = statistics.median(one / other for one, other in zip(local, shared, strict=True))
    print(f"\nThroughput of the cluster: {ratio:.2f} of the local pool's (median of the pairs).")


def killed(path: Path, folder: Path, env: dict[str, str], args: argparse.Namespace) -> None:
    database = folder / "killed.db"
    with cluster(folder, env) as (address, workers):
        sweep = children.start(
            command(path, database, "--scheduler", address),
            die_with_parent=True,
            stdout=subprocess.DEVNULL,
            env=env,
        )
        try:
            until = time.monotonic() + LIMIT_S
            while not (database.exists() and _count(database) >= args.runs // 3):
                assert sweep.poll() is None, "the sweep ended before a worker was killed"
                assert time.monotonic() < until
                time.sleep(0.1)
            before = _count(database)
            workers[0].send_signal(signal.SIGKILL)
            code = sweep.wait(LIMIT_S)
        finally:
            children.end(sweep)
    runs, keys = stored(database)
    print(
        f"\nOne worker killed after {before} runs: exit code {code}, {runs} runs stored, "
        f"{keys} different ones, of {args.runs}."
    )
    assert (code, runs, keys) == (0, args.runs, args.runs)


def _count(database: Path) -> int:
    with contextlib.suppress(sqlite3.OperationalError):  # no tables yet
        return stored(database)[0]
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {**os.environ, "HIL_STATE_DIR": str(folder / "state")}
        env["HIL_CACHE_DIR"] = str(folder / "cache")
        path = study(folder, args.runs)
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        throughput(path, folder / "a", env, args)
        killed(path, folder / "b", env, args)


if __name__ == "__main__":
    main()
