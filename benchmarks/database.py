"""The store under many writers, and with a long history, in SQLite or PostgreSQL.

    .venv/bin/python benchmarks/database.py writers --db FILE|URL [--processes 16] [--runs 25]
    .venv/bin/python benchmarks/database.py history --db FILE|URL [--runs 100000] [--times 5]

``writers`` starts processes that each begin and finish so many runs, opening the store for each as
`hil run` does, on a database that need not have tables yet. It prints how many of the runs are in
the database, and ends with 1 where one is missing.

``history`` fills the database with runs of 100 kinds, unless it has some already, and prints the
shortest and the longest time of each command over one run or the latest of one kind, as separate
processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hil.settings import without_password
from hil.store import Store

ROOT = Path(__file__).resolve().parent.parent
HIL = Path(sys.executable).with_name("hil")


def writers(db: str, processes: int, runs: int) -> bool:
    """Write from many processes at once; whether all runs are there."""
    begun = time.monotonic()
    command = (sys.executable, "-m", "tests.store.worker", "write", db)
    started = [
        subprocess.Popen([*command, f"writer{number:02}", str(runs)], cwd=ROOT)
        for number in range(processes)
    ]
    failed = sum(process.wait() != 0 for process in started)
    seconds = time.monotonic() - begun
    with Store.open(db, read_only=True) as store:
        found = len([run for run in store.find() if run.run_id.startswith("writer")])
    wanted = processes * runs
    print(f"{found} of {wanted} runs stored in {seconds:.1f} s; {failed} processes failed")
    return found == wanted and not failed


def fill(db: str, runs: int) -> None:
    """Make the history in a file; import it where the database is another one."""
    with Store.open(db) as store:
        if store.find(limit=1):
            return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.db"
        make = (sys.executable, "-m", "tests.support.histories", str(file), "--runs", str(runs))
        subprocess.run(make, cwd=ROOT, check=True)
        begun = time.monotonic()
        subprocess.run([HIL, "db", "import", str(file), "--db", db], check=True)
        print(f"imported in {time.monotonic() - begun:.0f} s")


def commands(db: str) -> list[tuple[str, ...]]:
    with Store.open(db, read_only=True) as store:
        run = store.get("latest")
        older = store.find(profile=run.profile_name, engine=run.engine, limit=200)[-1]
    if not Path("baseline").exists():
        subprocess.run([HIL, "baseline", "set", "all", "--db", db], check=True, capture_output=True)
    return [
        ("history",),
        ("history", "--profile", run.profile_name, "--engine", run.engine),
        ("history", "--model", "none"),
        ("history", "--status", "failed"),
        ("report", run.run_id, "-o", "report.html"),
        ("report", run.run_id[:8] + run.run_id[8:], "--format", "json", "-o", "report.json"),
        ("report", "latest~50000", "-o", "report.html"),
        ("compare", run.run_id, older.run_id, "-o", "compare.html"),
        ("gate", "--baseline", "all", run.run_id),
        ("gate", "--baseline", "all", "--profile", run.profile_name, "--last", "1"),
    ]


def history(db: str, times: int) -> None:
    """Print how long each command takes."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for command in commands(db):
            taken = []
            for _ in range(times):
                begun = time.monotonic()
                done = subprocess.run([HIL, *command, "--db", db], capture_output=True, text=True)
                taken.append(time.monotonic() - begun)
            print(
                f"{min(taken):5.2f} to {max(taken):5.2f} s, exit code {done.returncode}: "
                f"hil {' '.join(command)}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["writers", "history"])
    parser.add_argument("--db", required=True)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    print(without_password(given.db))
    if given.what == "writers":
        sys.exit(not writers(given.db, given.processes, given.runs or 25))
    fill(given.db, given.runs or 100_000)
    history(given.db, given.times)


if __name__ == "__main__":
    main()
