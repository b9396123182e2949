"""The option ``--scheduler`` of commands that run on a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.execution.cluster import Cluster
    from hil.settings import Settings

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="tcp://HOST:8786",
        help="Run on the workers of this Dask scheduler, see docs/scale.md (also: HIL_SCHEDULER); "
        "'' runs on this machine.",
    ),
]


@contextlib.contextmanager
def connected(settings: Settings, jobs: int | None) -> Iterator[Cluster | None]:
    """Connect to the scheduler of the settings; None where there is none.

    Raises:
        UsageError: ``jobs`` is given beside a scheduler.
        MissingTool: Dask is not installed, or no scheduler answers.
    """
    if not settings.scheduler:
        yield None
        return
    if jobs is not None:
        raise UsageError(
            "--jobs has no effect with a scheduler",
            hint="its workers decide it: dask worker SCHEDULER --nthreads N",
        )
    from hil.execution.cluster import Cluster

    with Cluster(settings.scheduler, settings.scheduler_wait_s, output.note) as cluster:
        yield cluster
