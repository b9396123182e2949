"""Many processes that each store many runs in one database at once; none may be lost.

    .venv/bin/python benchmarks/database_writers.py [--processes 16] [--runs 25] [--db URL]

Every process begins and finishes its runs one after the other, each with a store of its own, as
`hil run` does. Prints how many are stored, and the time. Ends with 1 where one is missing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hil.store import Store, upkeep

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--db", help="an empty database (default: a new SQLite file)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(measure(args.db or f"{folder}/runs.db", args.processes, args.runs))


def measure(url: str, processes: int, runs: int) -> int:
    """Let the processes write; print what is stored and return the exit code."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "tests.store.worker", "write", url]
    writers = [
        subprocess.Popen([*command, f"w{number:03d}", str(runs)], cwd=ROOT)
        for number in range(processes)
    ]
    failed = sum(writer.wait() != 0 for writer in writers)
    elapsed = time.perf_counter() - begin
    with Store.open(url) as store:
        stored = sum(run.status != "running" for run in store.find())
        problems = upkeep.check(store)
    print(f"{stored} of {processes * runs} runs stored in {elapsed:.1f} s")
    print(f"{failed} processes failed, {len(problems)} problems in the database")
    return int(stored != processes * runs or bool(failed or problems))


if __name__ == "__main__":
    main()
