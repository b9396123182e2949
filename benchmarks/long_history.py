"""The time of commands over one run in a database with a long history, SQLite or PostgreSQL.

    .venv/bin/python benchmarks/long_history.py --db FILE|URL [--runs 100000] [--times 5]

Fills the database with runs of 100 kinds (a multiple of 100), unless it has some already, and
prints the shortest and the longest time of each command, and the CPU time of its process without
the server's. A database of `--runs 600` shows what the commands take without a history.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hil.settings import without_password
from hil.store import Store

ROOT = Path(__file__).resolve().parent.parent
KINDS = 100  # of tests.support.histories: one run of each in a night
HIL = Path(sys.executable).with_name("hil")


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
    """The commands over one run; the baseline ``earlier`` holds the last night but one."""
    with Store.open(db, read_only=True) as store:
        newest = store.find(limit=2 * KINDS)
    run, older = newest[0], newest[-1]
    earlier = [one.run_id for one in newest[KINDS:]] or [run.run_id]
    command = (str(HIL), "baseline", "set", "earlier", *earlier, "--db", db)
    subprocess.run(command, check=True, capture_output=True)
    return [
        ("history",),
        ("history", "--profile", run.profile_name, "--engine", run.engine),
        ("history", "--model", "none"),
        ("history", "--status", "error"),
        ("report", run.run_id, "-o", "report.html"),
        ("report", "latest~50", "-o", "report.html"),
        ("compare", run.run_id, older.run_id, "--html", "compare.html"),
        ("gate", "--baseline", "earlier", run.run_id),
        ("gate", "--baseline", "earlier", "--last", "1"),
        ("gate", "--baseline", "earlier"),
    ]


def history(db: str, times: int) -> None:
    """Print how long each command takes: wall clock, and this machine's CPU in its process."""
    print("   wall clock, s   CPU, s")
    with tempfile.TemporaryDirectory() as folder:
        for command in commands(db):
            wall, cpu = [], []
            for _ in range(times):
                before, begun = _cpu_s(), time.monotonic()
                done = subprocess.run(
                    [HIL, *command, "--db", db], cwd=folder, capture_output=True, text=True
                )
                wall.append(time.monotonic() - begun)
                cpu.append(_cpu_s() - before)
            print(
                f"{min(wall):6.2f} to {max(wall):5.2f}   {min(cpu):6.2f}   hil {' '.join(command)}"
                f"  (exit code {done.returncode})",
                flush=True,
            )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--db", required=True)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    print(without_password(given.db))
    fill(given.db, given.runs)
    history(given.db, given.times)


if __name__ == "__main__":
    main()
