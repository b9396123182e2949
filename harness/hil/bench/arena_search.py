"""The smallest arena of an engine whose arena is known only once the model ran: found by running.

A firmware made for it is put on the core's emulated machine with the most RAM, so that what a
small chip lacks can be reported in bytes. It prepares the model in arenas of any size; the one
below the smallest fails. What was found is kept by the hash of that firmware, which depends on
model, library, core and compiler.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, Self

from hil import files
from hil.engines.interface import SizedByRunning
from hil.errors import DoesNotFit, RunFailed, UnsupportedModel
from hil.firmware.build import build
from hil.firmware.toolchain import cache_error
from hil.records import ArenaUse, Firmware, Platform
from hil.targets.dut.answers import ArenaReport, HardwareFault
from hil.targets.interface import Options, Target
from hil.tflite.model import Model

STEP_BYTES = 16
"""Arenas grow in steps of TFLM's alignment (``MicroArenaBufferAlignment``)."""

_RESERVE_BYTES = 64 * 1024  # static data of the firmware that searches, generously
_FAILURES_BELOW = 4  # sizes below the smallest that are tried, as alignment may skip some
_STACK_FACTOR = 2  # looking on takes a little stack of its own
_FAULT = -1  # the status of a try that ended in a fault


class Prober(Protocol):
    """What can try an arena: the client of a device."""

    def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
        """Try so many bytes."""


class Restarting:
    """A device that is started anew after a fault: a library with its assertions left in may end
    in one where an arena is too small. A fault in the first arena that is tried is raised.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Prober]]) -> None:
        self._start = start
        self._running = ExitStack()
        self._client: Prober | None = None
        self._has_worked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._running.close()

    def arena(self, arena_bytes: int, *, invoke: bool = False) -> ArenaReport:
        """Try so many bytes; a fault is a failed try."""
        if self._client is None:
            self._client = self._running.enter_context(self._start())
        try:
            report = self._client.arena(arena_bytes, invoke=invoke)
        except HardwareFault as fault:
            if not self._has_worked:
                raise
            self._client = None
            self._running.close()
            return ArenaReport(_FAULT, True, 0, 0, 0, 0, (), (), (fault.message,))
        self._has_worked = True
        return report


def find_arena(
    engine: SizedByRunning,
    model: Model,
    target: Target,
    platform: Platform,
    *,
    stack_bytes: int,
    heap_bytes: int,
    baud: int,
    optimize: str,
    cache: Path,
    timeout_s: float,
    wait_s: float = 0.0,
) -> ArenaUse:
    """Find the smallest arena for a model on the core of ``platform``, or take it from ``cache``.

    Raises:
        DoesNotFit: it fits into no machine of this core.
        UnsupportedModel: the engine refuses the model; the message has its reason.
        RunFailed: the model allocates but does not run; or as building and talking to a device.
    """
    roomy = target.roomiest(platform)
    stack = _STACK_FACTOR * stack_bytes
    limit = roomy.ram.size - stack - heap_bytes - _RESERVE_BYTES
    firmware = build(
        engine.searching(model, max(limit, 0) // STEP_BYTES * STEP_BYTES),
        roomy,
        stack_bytes=stack,
        heap_bytes=heap_bytes,
        baud=baud,
        optimize=optimize,
        cache=cache,
    )
    kept = cache / "arena" / f"{firmware.sha256}.json"
    if (known := _load(kept)) is not None:
        return known
    options = Options(timeout_s=timeout_s, load="protocol", wait_s=wait_s)
    with Restarting(lambda: _talking(target, firmware, roomy, options)) as client:
        found = smallest(client, limit // STEP_BYTES * STEP_BYTES)
    _store(kept, found)
    return found


@contextlib.contextmanager
def _talking(
    target: Target, firmware: Firmware, platform: Platform, options: Options
) -> Iterator[Prober]:
    with target.open(firmware, platform, options) as session:
        yield session.client


def smallest(client: Prober, limit_bytes: int) -> ArenaUse:
    """Find the smallest arena of at most ``limit_bytes`` that allocates and runs.

    What a model uses is asked with the largest arena first; from there the search goes up, as
    allocating takes more than what is kept, and down, until several sizes in a row fail.

    Raises:
        DoesNotFit, UnsupportedModel, RunFailed: as :func:`find_arena`.
    """
    whole = client.arena(limit_bytes)
    if whole.status != 0:
        raise _refused(whole, limit_bytes)
    size = _lowest(client, _first_fit(client, _up(whole.used_bytes), limit_bytes))
    while (report := client.arena(size, invoke=True)).status != 0:
        if size >= limit_bytes:
            raise RunFailed(
                f"the model allocates but does not run: {_reason(report)}",
                hint="the engine's message is above; check whether it supports the model's types",
            )
        size = min(size + STEP_BYTES, limit_bytes)
        if size - whole.used_bytes > _RESERVE_BYTES:
            size = limit_bytes
    return _use(size, report)


def _first_fit(client: Prober, size: int, limit: int) -> int:
    """A size that allocates with one step less that does not, or the first one tried."""
    low, step = size - STEP_BYTES, STEP_BYTES
    while size < limit and client.arena(size).status != 0:
        low, size, step = size, min(size + step, limit), step * 2
    while size - low > STEP_BYTES:
        middle = low + (size - low) // 2 // STEP_BYTES * STEP_BYTES
        if client.arena(middle).status == 0:
            size = middle
        else:
            low = middle
    return size


def _lowest(client: Prober, size: int) -> int:
    """Go down from a size that allocates until several in a row do not."""
    lowest, failures = size, 0
    while failures < _FAILURES_BELOW and size > STEP_BYTES:
        size -= STEP_BYTES
        if client.arena(size).status == 0:
            lowest, failures = size, 0
        else:
            failures += 1
    return lowest


def _up(size: int) -> int:
    return -(-size // STEP_BYTES) * STEP_BYTES


def _use(size: int, report: ArenaReport) -> ArenaUse:
    if -1 in (*report.input_offsets, *report.output_offsets):
        raise UnsupportedModel(
            "an input or output of the model is a constant, which is outside the arena",
            hint="take such outputs out of the model",
        )
    return ArenaUse(
        arena_bytes=size,
        used_bytes=report.used_bytes,
        persistent_bytes=report.persistent_bytes,
        nonpersistent_bytes=report.nonpersistent_bytes,
        scratch_bytes=report.scratch_bytes,
        input_offsets=report.input_offsets,
        output_offsets=report.output_offsets,
    )


def _refused(report: ArenaReport, limit: int) -> DoesNotFit | UnsupportedModel:
    if report.out_of_memory:
        return DoesNotFit(
            f"the model's arena is larger than {limit:,} B, the largest that can be tried here: "
            f"{_reason(report)}",
            hint="take a smaller or a quantized model",
        )
    return UnsupportedModel(
        f"the engine's library refuses the model: {_reason(report)}",
        hint="its kernels do not support an op's types or options; take another model or engine",
    )


def _reason(report: ArenaReport) -> str:
    return "; ".join(report.log) or f"it gave no reason (code {report.status})"


def _load(path: Path) -> ArenaUse | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        for key in ("input_offsets", "output_offsets"):
            stored[key] = tuple(stored[key])
        return ArenaUse(**stored)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _store(path: Path, found: ArenaUse) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, asdict(found))
    except OSError as error:
        raise cache_error(path.parent, error) from error
