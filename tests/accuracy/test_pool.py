"""Several devices on one list of samples: order of work, failures, and the way out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hil.errors import DeviceFault, MissingTool
from hil.evaluation.pool import Pool
from hil.records import SampleResult


class Device:
    """Waits until it is killed where it is told to; knows whether it was let go."""

    def __init__(self) -> None:
        self.killed = threading.Event()
        self.left = False

    def kill(self) -> None:
        self.killed.set()


class Bench:
    """Makes devices and remembers them."""

    def __init__(self) -> None:
        self.devices: list[Device] = []

    @contextmanager
    def open(self) -> Iterator[Device]:
        device = Device()
        self.devices.append(device)
        try:
            yield device
        finally:
            device.left = True


def result(sample: int) -> SampleResult:
    return SampleResult(sample, 0, True, 0.0)


def pool(bench: Bench, samples: list[int], works: list[object]) -> Pool:
    return Pool(samples, bench.open, works, lambda at: f"sample {at + 100}")  # type: ignore[arg-type]


def test_every_sample_is_done_once_by_whoever_is_free() -> None:
    bench = Bench()
    users: dict[int, Device] = {}

    def work(device: Device, sample: int) -> SampleResult:
        users[sample] = device
        time.sleep(0.005)
        return result(sample)

    with pool(bench, list(range(40)), [work, work]) as started:
        found = [one.sample for one in started.results() if one is not None]
    assert sorted(found) == list(range(40))
    assert len(set(users.values())) == len(bench.devices) == 2
    assert all(device.left for device in bench.devices)


def test_a_failure_names_the_sample_and_keeps_what_was_done() -> None:
    bench = Bench()

    def work(device: Device, sample: int) -> SampleResult:
        if sample == 7:
            raise DeviceFault("HardFault on the device", hint="look")
        return result(sample)

    found: list[int] = []
    with (
        pool(bench, list(range(1000)), [work]) as started,
        pytest.raises(DeviceFault, match="sample 107: HardFault on the device") as caught,
    ):
        found.extend(one.sample for one in started.results() if one is not None)
    assert found == list(range(7))
    assert caught.value.message == "sample 107: HardFault on the device"
    assert caught.value.hint == "look"
    assert all(device.left for device in bench.devices)


def test_the_others_finish_the_sample_they_are_at() -> None:
    both = threading.Barrier(2, timeout=10)
    done: list[SampleResult | None] = []

    def fails(device: Device, sample: int) -> SampleResult:
        both.wait()
        raise DeviceFault("no", hint="no")

    def slow(device: Device, sample: int) -> SampleResult:
        both.wait()
        time.sleep(0.3)
        return result(sample)

    with (
        pool(Bench(), list(range(50)), [fails, slow]) as started,
        pytest.raises(DeviceFault),
    ):
        done.extend(started.results())
    assert len([one for one in done if one is not None]) == 1


def test_leaving_ends_devices_that_wait_and_keeps_finished_results() -> None:
    bench = Bench()
    waits = threading.Event()

    def work(device: Device, sample: int) -> SampleResult:
        if sample == 3:
            waits.set()
            assert device.killed.wait(10)
            raise DeviceFault("killed", hint="")
        return result(sample)

    with pool(bench, list(range(50)), [work]) as started:
        waits.wait(10)
        begin = time.monotonic()
    assert time.monotonic() - begin < 5
    assert sorted(one.sample for one in started.leftovers()) == [0, 1, 2]
    assert [device.left for device in bench.devices] == [True]


def test_a_device_that_cannot_be_had() -> None:
    @contextmanager
    def none() -> Iterator[Device]:
        raise MissingTool("no emulator", hint="install it")
        yield

    started = Pool([0, 1], none, [lambda device, at: result(at)], str)  # type: ignore[arg-type]
    with started, pytest.raises(MissingTool, match=r"^no emulator$"):
        list(started.results())


def test_time_passes_between_slow_results() -> None:
    def work(device: Device, sample: int) -> SampleResult:
        time.sleep(0.5)
        return result(sample)

    with pool(Bench(), [0], [work]) as started:
        found = list(started.results())
    assert found[-1] == result(0)
    assert None in found[:-1]
