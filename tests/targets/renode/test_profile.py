"""A real Renode counts what a real QEMU counts: every block, branch and flash miss."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.devices import Flash, load
from hil.engines.aot.engine import AotEngine
from hil.firmware.build import build
from hil.records import Array, BlockProfile, EngineSources, Platform
from hil.targets import registry
from hil.targets.interface import Options
from hil.targets.renode.target import RenodeTarget
from hil.tflite.model import Model

from tests.conftest import REPOSITORY
from tests.support.processes import WAIT_S
from tests.support.tools import tool

WINDOWS = 2
FIELDS = (
    *("start", "end", "region", "executed", "taken"),
    *("line_misses", "sequential_misses", "data_misses"),
)
OPS = 511  # more than the model has; what runs between ops gets this number
# The chip's own caches; one for code and data, whose misses depend on the order of both; victims
# that depend on the order of all misses.
CACHES = {
    "none": None,
    "own": {},
    "unified": {"unified": True, "icache_ways": 2, "dcache_bytes": 1024, "replacement": "fifo"},
    "random": {"replacement": "random", "cache_fill": "line"},
}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.read(REPOSITORY / "examples" / "digits" / "digits_int8.tflite")


@pytest.fixture(scope="module")
def sources(model: Model) -> EngineSources:
    return AotEngine().sources(model)


@pytest.fixture
def digits(model: Model) -> list[Array]:
    tensor = model.graph.tensors[model.graph.inputs[0]]
    drawn = np.random.default_rng(10).integers(-128, 128, tensor.shape, dtype=np.int8)
    return [drawn]


def flash(changes: dict[str, Any] | None) -> Flash | None:
    """The STM32L4's flash with other caches."""
    if changes is None:
        return None
    return Flash.model_validate(load("stm32l4").flash.model_dump() | changes)


def profiles(
    name: str,
    platform: Platform,
    sources: EngineSources,
    inputs: Sequence[Array],
    caches: Flash | None,
    cache: Path,
) -> tuple[str, Sequence[BlockProfile]]:
    """The firmware's hash, and its profiles on a target."""
    options: dict[str, Any] = {"stack_bytes": 4096, "heap_bytes": 0, "baud": 115200}
    firmware = build(sources, platform, **options, cache=cache)
    settings = Options(timeout_s=WAIT_S, profile_windows=WINDOWS, flash=caches)
    with registry.target(name).open(firmware, platform, settings) as session:
        session.client.load(inputs, session.memory)
        session.client.infer(WINDOWS)
        return firmware.sha256, session.profiles(OPS)


def assert_equal(ours: Sequence[BlockProfile], theirs: Sequence[BlockProfile]) -> None:
    """Whether all windows have the same rows."""
    for one, other in zip(ours, theirs, strict=True):
        assert one.instructions == other.instructions > 200_000
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field), field)


@pytest.mark.parametrize("caches", CACHES)
def test_every_count_is_that_of_qemu(
    renode: Path,
    sources: EngineSources,
    digits: Sequence[Array],
    session_cache: Path,
    caches: str,
) -> None:
    tool("qemu-system-arm")
    results = {}
    for name in ("qemu", "renode"):
        platform = registry.target(name).platform(load("stm32l4"))
        results[name] = profiles(
            name, platform, sources, digits, flash(CACHES[caches]), session_cache / "firmware"
        )
    assert results["qemu"][0] == results["renode"][0]
    assert_equal(results["renode"][1], results["qemu"][1])


def test_a_machine_that_is_paused_counts_the_same(
    renode: Path, sources: EngineSources, digits: Sequence[Array], session_cache: Path
) -> None:
    target, windows = RenodeTarget(), 10
    platform = target.platform(load("stm32l4"))
    options: dict[str, Any] = {"stack_bytes": 4096, "heap_bytes": 0, "baud": 115200}
    firmware = build(sources, platform, **options, cache=session_cache / "firmware")
    settings = Options(timeout_s=WAIT_S, profile_windows=windows, flash=flash({}))

    def profiles_of(is_paused: bool) -> Sequence[BlockProfile]:
        with target.open(firmware, platform, settings) as session, ThreadPoolExecutor() as pool:
            session.client.load(digits, session.memory)
            inference = pool.submit(session.client.infer, windows)
            while is_paused and not inference.done():
                session.process.ask("pause")
                session.process.ask("start")
            inference.result()
            return session.profiles(OPS)

    assert_equal(profiles_of(is_paused=True), profiles_of(is_paused=False))
