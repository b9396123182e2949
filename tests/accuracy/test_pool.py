"""Several devices on one list of samples: order of work, failures, and the way out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hil.errors import DeviceFault, MissingTool
from hil.evaluation.pool import Pool
from hil.records import SampleResult

from tests.support.processes import WAIT_S


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
    both = threading.Barrier(2, timeout=WAIT_S)

    def work(device: Device, sample: int) -> SampleResult:
        if device not in users.values():
            both.wait()  # neither does all the work
        users[sample] = device
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
    both = threading.Barrier(2, timeout=WAIT_S)
    done: list[SampleResult | None] = []

    def fails(device: Device, sample: int) -> SampleResult:
        both.wait()
        raise DeviceFault("no", hint="no")

    def slow(device: Device, sample: int) -> SampleResult:
        both.wait()
        assert started._stop.wait(WAIT_S)  # the failure is known
        return result(sample)

    started = pool(Bench(), list(range(50)), [fails, slow])
    with started, pytest.raises(DeviceFault):
        done.extend(started.results())
    assert len([one for one in done if one is not None]) == 1


def test_leaving_ends_devices_that_wait_and_keeps_finished_results() -> None:
    bench = Bench()
    waits = threading.Event()
    killed: list[bool] = []

    def work(device: Device, sample: int) -> SampleResult:
        if sample == 3:
            waits.set()
            killed.append(device.killed.wait(WAIT_S))
            raise DeviceFault("killed", hint="")
        return result(sample)

    with pool(bench, list(range(50)), [work]) as started:
        assert waits.wait(WAIT_S)
    assert killed == [True]
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
    passed = threading.Event()

    def work(device: Device, sample: int) -> SampleResult:
        assert passed.wait(WAIT_S)
        return result(sample)

    found = []
    with pool(Bench(), [0], [work]) as started:
        for one in started.results():
            found.append(one)
            if one is None:
                passed.set()
    assert None in found[:-1]
    assert found[-1] == result(0)
