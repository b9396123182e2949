"""A Joulescope at its driver's Python interface, and the real driver without an instrument."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hil.errors import MeterFailed, MissingTool
from hil.measure.metered import cut
from hil.records import MeteredRun, Recording
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.joulescope import Joulescope

from tests.support.meters.joulescope import Driver, Instrument, Mischief
from tests.support.supply import Supply

SHORT = Supply(windows=1)


@contextmanager
def attached(instrument: Instrument) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyjoulescope_driver", instrument.module)
        yield


def recorded(instrument: Instrument, **options: str) -> Recording:
    with attached(instrument):
        meter = Joulescope(MeterOptions(None, options))
        try:
            meter.open()
            meter.power(True)
            meter.start()
            instrument.wait(1 if options.get("trigger") == "none" else 2)
            return meter.stop()
        finally:
            meter.close()


def test_the_real_driver_finds_no_instrument_here():
    pytest.importorskip("pyjoulescope_driver")
    with pytest.raises(MissingTool, match="no Joulescope JS110 or JS220 is attached") as caught:
        Joulescope(MeterOptions(None, {})).open()
    assert "udev" in caught.value.hint


def test_the_stand_in_has_the_real_drivers_members():
    real = pytest.importorskip("pyjoulescope_driver").Driver
    for name in (
        "open",
        "close",
        "publish",
        "subscribe",
        "unsubscribe",
        "device_paths",
        "finalize",
    ):
        ours = list(inspect.signature(getattr(Driver, name)).parameters)
        documented = getattr(real, name).__doc__ or ""
        assert callable(getattr(real, name))
        for parameter in ours[1:]:
            if f":param {parameter}:" not in documented:
                assert parameter in documented, (name, parameter)


@pytest.mark.parametrize(
    ("model", "topic"), [("js220", "s/i/range/mode"), ("js110", "s/i/range/select")]
)
def test_power_is_switched_by_the_models_own_topic(model, topic):
    instrument = Instrument(SHORT, path=f"u/{model}/000042")
    recording = recorded(instrument)
    assert recording.instrument == f"Joulescope {model.upper()} 000042"
    assert (topic, "auto") in instrument.published
    assert instrument.published[-2:] == [("s/p/ctrl", 0), ("s/gpi/0/ctrl", 0)]


@pytest.mark.parametrize("rate", ["10000", "100000", "1000000"])
def test_edges_are_known_to_the_full_rate_whatever_the_rate_of_power(rate):
    recording = recorded(Instrument(SHORT), rate=rate)
    assert recording.rate_hz == float(rate)
    assert [edge.rising for edge in recording.edges] == [False, True]
    begin, end = SHORT.spans[0]
    assert recording.edges[0].at_s == pytest.approx(begin, abs=1e-6)
    assert recording.edges[1].at_s == pytest.approx(end, abs=1e-6)
    assert recording.edges[0].uncertainty_s == pytest.approx(0.5e-6)


def test_skipped_blocks_are_lost_samples():
    recording = recorded(Instrument(SHORT, mischief=Mischief(skip=((0.08, 0.11),))))
    assert recording.lost > 0
    assert np.isnan(recording.values).sum() == recording.lost
    with pytest.raises(MeterFailed, match="are missing"):
        cut(MeteredRun(recording, "level", 1, SHORT.inferences, None))


def test_samples_that_the_instrument_missed_are_lost():
    recording = recorded(Instrument(SHORT, mischief=Mischief(nan=((0.1, 0.1005),))))
    with pytest.raises(MeterFailed, match="in window 1"):
        cut(MeteredRun(recording, "level", 1, SHORT.inferences, None))


def test_blocks_out_of_order_are_refused():
    with pytest.raises(MeterFailed, match="out of order"):
        recorded(Instrument(SHORT, mischief=Mischief(disorder=True)))


def test_one_that_is_unplugged_is_reported(monkeypatch):
    monkeypatch.setattr("hil.targets.meters.joulescope._LAST_S", 0.2)
    with pytest.raises(MeterFailed, match="does not send samples") as caught:
        recorded(Instrument(SHORT, mischief=Mischief(unplugged_at=0.1)))
    assert "unplugged" in caught.value.hint


def test_one_in_use_is_reported():
    with pytest.raises(MissingTool, match="IN_USE") as caught:
        recorded(Instrument(SHORT, mischief=Mischief(in_use=True)))
    assert "Joulescope UI" in caught.value.hint


def test_a_topic_that_is_refused_is_named():
    with pytest.raises(MeterFailed, match="refuses h/fs = 100000"):
        recorded(Instrument(SHORT, mischief=Mischief(refuse="h/fs")))


def test_the_driver_is_ended_on_every_way_out():
    instrument = Instrument(SHORT, mischief=Mischief(refuse="h/fs"))
    made: list[Driver] = []
    module = instrument.module
    original = module.Driver
    module.Driver = lambda: made.append(original()) or made[-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyjoulescope_driver", module)
        with pytest.raises(MeterFailed):
            Joulescope(MeterOptions()).open()
    assert made[0].finalized
