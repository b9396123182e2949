"""What the host's reference expects of a run, computed while the firmware is built and runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from hil.records import Array
from hil.tflite.host_reference import reference_for
from hil.tflite.interpreter import Lease
from hil.tflite.model import Model

Expected = tuple[str, list[tuple[Array, ...]]]
"""The version of a reference, and its outputs for each of the inputs."""


@contextlib.contextmanager
def reference_outputs(
    model: Model, inputs: Sequence[tuple[Array, ...]]
) -> Iterator[Future[Expected]]:
    """Compute the outputs beside the block; leaving it early ends the computation.

    The future raises as :func:`hil.tflite.host_reference.reference_for` and its ``run``.
    """
    lease = Lease()

    def compute() -> Expected:
        reference = reference_for(model, lease=lease)
        return reference.version, [reference.run(one) for one in inputs]

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reference") as pool:
        expected = pool.submit(compute)
        try:
            yield expected
        finally:
            if not expected.done():
                lease.end()
