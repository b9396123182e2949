"""A model's firmware onto a board, where it stays: nothing is measured or stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.bench.pipeline import Request, build_firmware, fitted, prepare
from hil.records import Firmware, Progress
from hil.targets.interface import Options, Start


@dataclass(frozen=True)
class Deployed:
    """What runs on the board now. ``facts`` are the target's: board, port, build id, flasher."""

    model: str
    profile: str
    engine: str
    firmware: Firmware
    arena_bytes: int
    facts: Mapping[str, Any]


def deploy(request: Request, start: Start, progress: Progress | None = None) -> Deployed:
    """Build the firmware, write it as ``start`` says, and leave it running.

    Raises:
        HilError: as :func:`hil.bench.pipeline.prepare`, ``fitted`` and ``build_firmware``, and as
            the target's ``open``.
    """

    def stage(name: str) -> None:
        if progress is not None:
            progress(name, 0, 0)

    stage("plan")
    job = prepare(request, progress)
    stage("arena")
    job = fitted(job)
    stage("build")
    firmware = build_firmware(job)
    stage("flash")
    options = Options(timeout_s=request.timeout_s, wait_s=request.wait_s, start=start)
    with job.target.open(firmware, job.platform, options) as session:
        facts = dict(session.facts)
    arena = job.sources.plan.arena_bytes
    return Deployed(job.model.name, request.profile.name, job.engine.name, firmware, arena, facts)
