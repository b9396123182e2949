"""An X-NUCLEO-LPM01A on a pty: its command line, both formats, damage."""

from __future__ import annotations

import numpy as np
import pytest
from hil.errors import MeterFailed, MissingTool, UsageError
from hil.measure.metered import cut
from hil.records import MeteredRun, Recording
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.lpm01a import Lpm01a
from hil.targets.meters.lpm01a_stream import converted

from tests.support.meters.lpm01a import Lpm01aSimulator, Mischief
from tests.support.supply import Supply

SHORT = Supply(windows=1, inferences=40)
BINARY = {"trigger": "none", "output": "current", "rate": "50k"}


def recorded(mischief: Mischief | None = None, supply: Supply = SHORT, **options: str) -> Recording:
    simulator = Lpm01aSimulator(supply, mischief=mischief or Mischief())
    with simulator.running():
        meter = Lpm01a(MeterOptions(3.3, {"port": simulator.path, **options}))
        try:
            meter.open()
            meter.start()
            return meter.stop()
        finally:
            meter.close()


def test_it_is_configured_by_its_manuals_commands():
    simulator = Lpm01aSimulator(SHORT, mischief=Mischief(leftover=True))
    with simulator.running():
        meter = Lpm01a(MeterOptions(1.8, {"port": simulator.path, "rate": "1k"}))
        found = meter.open()
        meter.power(True)
        assert simulator.powered
        meter.power(False)
        meter.close()
        meter.close()
    assert found == "X-NUCLEO-LPM01A 540619864-1110659081, firmware 1.0.6, 1.8 V"
    assert not simulator.powered
    expected = (
        "htc, version, powershield, acqmode dyn, output energy, format ascii_dec, freq 1k, "
        "acqtime inf, trigsrc sw, eventsrc d7 fal, pwrend on, volt 1800m, pwr on nostatus, "
        "pwr off nostatus"
    )
    for command in expected.split(", "):
        assert command in simulator.commands


def test_the_manuals_examples_are_read():
    decimal = b"\r\n6409-07\r\n\r\nend\r\n"
    assert converted(decimal, 1e3, binary=False).values == pytest.approx([640.9e-6])
    binary = b"\xf0\xf3\0\0\0\0\x02\xff\xff\x52\xa0\x31\x45\xf0\xf4\xff\xff"
    assert converted(binary, 1e3, binary=True).values == pytest.approx(
        [0x2A0 / 16**5, 0x145 / 16**3]
    )


@pytest.mark.parametrize(
    "options",
    [{"rate": "10k"}, {"rate": "20k", "trigger": "none"}, {"rate": "3k"}, {"output": "power"}],
)
def test_rates_that_the_format_cannot_carry_are_refused(options):
    with pytest.raises(UsageError, match=r"rate|output"):
        Lpm01a(MeterOptions(3.3, options))


def test_steps_are_the_last_digit():
    decimal = recorded()
    middle = len(decimal.values) // 2
    assert 1e-4 <= decimal.step[middle] / decimal.values[middle] <= 1e-3
    binary = recorded(**BINARY)
    middle = len(binary.values) // 2
    assert 1 / 4096 <= binary.step[middle] / binary.values[middle] <= 1 / 256


def test_lost_samples_are_found_by_the_time_stamps():
    whole = recorded()
    some = recorded(Mischief(lose=((1_200, 50),)))
    assert (whole.lost, some.lost) == (0, 50)
    with pytest.raises(MeterFailed, match="are missing"):
        cut(MeteredRun(some, "pulses", 1, SHORT.inferences, None))


def test_lost_samples_of_the_binary_format_spoil_their_block():
    some = recorded(Mischief(lose=((1_500, 200),)), **BINARY)
    assert some.lost == 200
    assert np.isnan(some.values[1_000:2_000]).all()
    assert np.isfinite(some.values[2_000:3_000]).all()


@pytest.mark.parametrize("options", [{}, BINARY], ids=["decimal", "binary"])
def test_a_sample_that_lost_a_digit_or_byte_is_lost(options):
    found = recorded(Mischief(garble=1_500), **options)
    assert found.lost > 0
    assert np.isnan(found.values[1_500])


@pytest.mark.parametrize("options", [{}, BINARY], ids=["decimal", "binary"])
def test_errors_in_the_stream_are_reported_in_its_words(options):
    with pytest.raises(MeterFailed, match="reports: voltage drop"):
        recorded(Mischief(error_at=700), **options)


def test_overcurrent_is_beyond_the_range():
    found = recorded(Mischief(overcurrent_at=5_000), **BINARY)
    assert np.isinf(found.values).sum() == 1


def test_a_recording_that_ended_by_itself_is_refused():
    simulator = Lpm01aSimulator(SHORT, mischief=Mischief(ends_early=True))
    with simulator.running():
        meter = Lpm01a(MeterOptions(3.3, {"port": simulator.path}))
        meter.open()
        meter.start()
        reader = meter._reader
        assert reader is not None
        while b"Acquisition completed" not in reader.tail():
            pass
        with pytest.raises(MeterFailed, match="ended the recording by itself") as caught:
            meter.stop()
        assert "lower rate" in caught.value.hint
        meter.close()


def test_a_recording_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr("hil.targets.meters.lpm01a._END_S", 0.5)
    with pytest.raises(MeterFailed, match="did not end its recording"):
        recorded(Mischief(no_end=True))


def test_a_command_that_is_refused_is_named():
    with pytest.raises(MeterFailed, match="refuses `freq 5k`"):
        recorded(Mischief(refuse="freq"))


def test_old_firmware_without_events_is_named():
    with pytest.raises(MeterFailed, match="refuses `eventsrc d7 fal`") as caught:
        recorded(Mischief(refuse="eventsrc"))
    assert "firmware" in caught.value.hint


def test_what_does_not_answer_is_no_lpm01a(monkeypatch):
    monkeypatch.setattr("hil.targets.meters.lpm01a_shell._ANSWER_S", 0.1)
    monkeypatch.setattr("hil.targets.meters.lpm01a_shell.Shell.ask.__defaults__", (0.1,))
    with pytest.raises(MeterFailed, match="does not answer as an X-NUCLEO-LPM01A does"):
        recorded(Mischief(silent=True))


def test_an_unplugged_one_is_reported():
    simulator = Lpm01aSimulator(SHORT)
    with simulator.running():
        meter = Lpm01a(MeterOptions(3.3, {"port": simulator.path}))
        meter.open()
        meter.start()
        simulator.unplug()
        with pytest.raises(MeterFailed, match="the X-NUCLEO-LPM01A is gone"):
            meter.stop()
        meter.close()


def test_one_in_use_is_reported():
    simulator = Lpm01aSimulator(SHORT)
    with simulator.running():
        options = MeterOptions(3.3, {"port": simulator.path})
        first = Lpm01a(options)
        first.open()
        with pytest.raises(MissingTool, match="in use by another program"):
            Lpm01a(options).open()
        first.close()
