"""What the sessions of all targets share: tensors in and out, and from all of it a trace."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hil.errors import LinkError
from hil.records import Array, Firmware, Inference, MeteredRun, Platform, Trace
from hil.targets.interface import Metered, Options, Session, Target

OutputSpec = tuple[tuple[int, ...], str]
"""Shape and dtype of one output tensor."""

Progress = Callable[[int, int], None]


def run(
    target: Target,
    firmware: Firmware,
    platform: Platform,
    inputs: Sequence[Sequence[Array]],
    outputs: Sequence[OutputSpec],
    options: Options,
    *,
    n_ops: int,
    repeat: int = 1,
    warmup: int = 0,
    progress: Progress | None = None,
) -> Trace:
    """Load, infer and read the outputs for every input, ``repeat`` times each in a row.

    ``n_ops`` is the model's, for execution profiles. ``warmup`` inferences of the first input come
    before all others and are in no result. ``progress`` is called with inferences done and in all.
    Errors as for :meth:`Target.open`.
    """
    started = time.monotonic()
    rows = [one for one in inputs for _ in range(repeat)]
    windows = min(options.profile_windows, len(rows))
    recorded = windows + warmup if windows else 0
    with target.open(firmware, platform, replace(options, profile_windows=recorded)) as session:
        if warmup and rows:
            session.client.load(rows[0], session.memory)
            for _ in range(warmup):
                session.client.infer()
        inferences = []
        for done, row in enumerate(rows, start=1):
            inferences.append(_inference(session, row, outputs))
            if progress is not None:
                progress(done, len(rows))
        memory = session.client.memory()
        metered = _metered(session, inferences) if options.energy else None
        for at, profile in enumerate(session.profiles(n_ops)[warmup:]):
            inferences[at] = replace(inferences[at], profile=profile)
    return Trace(
        platform=platform,
        transcript=session.client.link.transcript.text(),
        inferences=tuple(inferences),
        memory=memory,
        tool=session.tool,
        command=session.command,
        load_path="protocol" if session.memory is None else "direct",
        load_retries=session.client.retries,
        wall_s=time.monotonic() - started,
        facts=session.facts,
        metered=metered,
    )


def _metered(session: Session, inferences: Sequence[Inference]) -> MeteredRun | None:
    """What the machine's meter records of windows of inferences, after those that count."""
    if not isinstance(session, Metered):
        return None
    known = [one.cycles for one in inferences if one.cycles]
    return session.metered(round(statistics.median(known)) if known else None)


def infer(
    session: Session, inputs: Sequence[Array], outputs: Sequence[OutputSpec]
) -> tuple[Array, ...]:
    """Run one inference by the fastest way there is and return its outputs.

    Errors as for :meth:`Target.open`.
    """
    if session.memory is not None:
        _require_sizes([tensor.nbytes for tensor in session.client.info().outputs], outputs)
        return _tensors(session.client.infer_direct(inputs, session.memory), outputs)
    return _inference(session, inputs, outputs).outputs


def symbolizer(elf: Path) -> Callable[[int], str | None]:
    """Return a function that names the function at an address of ``elf``.

    The reader of ELF files is imported when something is to be named.
    """

    def name_of(address: int) -> str | None:
        from hil.firmware.elf import symbolize

        return symbolize(elf, address)

    return name_of


def _inference(
    session: Session, inputs: Sequence[Array], outputs: Sequence[OutputSpec]
) -> Inference:
    """Run one inference step by step; where the device counts cycles, with its counters.

    State is reset before it, so that each is one that the reference makes too.
    """
    client = session.client
    _require_sizes([tensor.nbytes for tensor in client.info().outputs], outputs)
    client.load(inputs, session.memory)
    client.reset()
    client.infer()
    counted = client.marks() if client.info().counter else (None, None)
    return Inference(_tensors(client.outputs(), outputs), cycles=counted[0], op_cycles=counted[1])


def _tensors(raw: Sequence[bytes], specs: Sequence[OutputSpec]) -> tuple[Array, ...]:
    """Give the device's bytes their shapes."""
    _require_sizes([len(data) for data in raw], specs)
    return tuple(
        np.frombuffer(data, dtype).reshape(shape)
        for data, (shape, dtype) in zip(raw, specs, strict=True)
    )


def _require_sizes(found: Sequence[int], specs: Sequence[OutputSpec]) -> None:
    """Refuse outputs of other sizes: they are of another model's firmware."""
    sizes = [int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in specs]
    if list(found) != sizes:
        raise LinkError(
            f"the firmware's outputs have {list(found)} bytes, the model's {sizes}",
            hint="the firmware was built for another model; build it again",
        )
