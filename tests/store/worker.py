"""A process beside the test: ``python -m tests.store.worker TASK DATABASE …``."""

from __future__ import annotations

import dataclasses
import json
import resource
import signal
import sys

from hil.errors import StoreError, UsageError
from hil.store import Store

from tests.store.samples import rich_evaluation, rich_record


def write(database: str, name: str, count: str) -> None:
    """Begin and finish ``count`` runs, each with a store of its own, as ``hil run`` does."""
    for number in range(int(count)):
        record = dataclasses.replace(rich_record(), run_id=f"{name}-{number:03d}")
        with Store.open(database) as store:
            store.begin(dataclasses.replace(record, status="running", finished_at=None, ops=()))
            store.finish(record)


def hang(database: str) -> None:
    """Begin a run, say so, and never finish it."""
    with Store.open(database) as store:
        store.begin(dataclasses.replace(rich_record(), run_id="hanging", status="running"))
        print("begun", flush=True)
        signal.pause()


def put(database: str, times: str) -> None:
    """Put the same run into the baseline ``main``, several times."""
    with Store.open(database) as store:
        for _ in range(int(times)):
            store.baselines.put("main", [rich_record()])


def claim(database: str, name: str) -> None:
    """Claim an evaluation, say whether it worked, and keep it until a line is read."""
    begun = dataclasses.replace(
        rich_evaluation(), evaluation_id=name, status="running", done=0, accuracy=None
    )
    with Store.open(database) as store:
        try:
            store.evaluations.claim(begun)
            print(json.dumps("claimed"), flush=True)
        except UsageError:
            print(json.dumps("busy"), flush=True)
        sys.stdin.readline()


def loaded(database: str) -> None:
    """Open an existing database and print which heavy modules that took."""
    with Store.open(database) as store:
        store.find()
    print(sorted({"alembic", "mako"} & set(sys.modules)))


def limited(database: str, limit_bytes: str) -> None:
    """Save ever more runs while no file may grow beyond the limit; print the error."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes), int(limit_bytes)))
    fill(database)


def fill(database: str) -> None:
    """Save ever larger runs until the store refuses; print its error and what it had kept."""
    kept = 0
    try:
        for number in range(200):
            record = dataclasses.replace(rich_record(), run_id=f"run-{number:03d}")
            record = dataclasses.replace(record, notes=("x" * 20_000,))
            with Store.open(database) as store:
                store.finish(record)
            kept += 1
    except StoreError as error:
        print(f"{kept}\n{error.message}\n{error.hint}")
        return
    print("never refused")


if __name__ == "__main__":
    {f.__name__: f for f in (write, hang, put, claim, loaded, limited, fill)}[sys.argv[1]](
        *sys.argv[2:]
    )
