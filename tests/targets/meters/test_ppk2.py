"""A PPK2 on a pty through the real ppk2-api: commands, calibration, damage."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time

import numpy as np
import pytest
from hil.errors import MeterFailed, MissingTool
from hil.measure.metered import cut
from hil.records import MeteredRun, Recording
from hil.targets.meters import ports
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.ppk2 import Ppk2
from hil.targets.meters.ppk2_samples import converted
from ppk2_api.ppk2_api import PPK2_API

from tests.support.meters.ppk2 import Mischief, Ppk2Simulator, metadata
from tests.support.supply import Supply

SHORT = Supply(windows=1)


def recorded(supply: Supply = SHORT, mischief: Mischief | None = None, **options: str) -> Recording:
    simulator = Ppk2Simulator(supply, mischief=mischief or Mischief())
    with simulator.running():
        meter = Ppk2(MeterOptions(3.3, {"port": simulator.path, **options}))
        try:
            meter.open()
            meter.power(True)
            meter.start()
            return meter.stop()
        finally:
            meter.close()


def api(path: str) -> PPK2_API:
    """The package's own converter, with the simulator's calibration."""
    simulator = PPK2_API.__new__(PPK2_API)
    simulator.ser = None
    PPK2_API.__init__(simulator, path)
    simulator._parse_metadata(metadata().decode())
    simulator.current_vdd = 3300
    return simulator


@pytest.mark.parametrize("idle_w", [0.02, 0.004, 0.0001])
def test_currents_are_those_of_the_package_also_where_it_filters(idle_w):
    """At 4 mW and less the instrument changes its range at every edge."""
    simulator = Ppk2Simulator(Supply(windows=2, inferences=2, idle_w=idle_w))
    with simulator.running():
        package = api(simulator.path)
        data = simulator.stream()
        expected, _ = package.get_samples(data)
        ours = converted(data, package, 0).amperes
        package.ser.close()
    np.testing.assert_allclose(ours * 1e6, expected, rtol=1e-6, atol=1e-6)


def test_the_package_is_told_mode_voltage_and_power():
    simulator = Ppk2Simulator(SHORT)
    with simulator.running():
        meter = Ppk2(MeterOptions(1.8, {"port": simulator.path, "mode": "ampere"}))
        assert meter.open() == "PPK2 (hardware 9173), ampere meter at 1.8 V"
        meter.power(True)
        meter.power(False)
        meter.close()
        meter.close()
        deadline = time.monotonic() + 20
        while simulator.commands[-1:] != [(0x07,)] and time.monotonic() < deadline:
            time.sleep(0.001)
    sent = simulator.commands
    assert sent[:3] == [(0x07,), (0x19,), (0x11, 1)]
    assert sent[3] == (0x0D, 3 + (1000 + 32) // 256, (1000 + 32) % 256)
    assert sent[4:] == [(0x0C, 1), (0x0C, 0), (0x07,)]


def test_another_logic_line_can_be_the_trigger():
    simulator = Ppk2Simulator(SHORT, line=5)
    with simulator.running():
        meter = Ppk2(MeterOptions(3.3, {"port": simulator.path, "trigger": "5"}))
        meter.open()
        meter.start()
        recording = meter.stop()
        meter.close()
    assert [edge.rising for edge in recording.edges] == [False, True]


def test_lost_samples_are_found_by_the_counter_and_keep_the_time():
    whole = recorded()
    some = recorded(mischief=Mischief(lose=((100, 3), (7_000, 40))))
    assert whole.lost == 0
    assert some.lost == 43
    assert len(some.values) == len(whole.values)
    assert np.isnan(some.values[100:103]).all()
    assert [e.at_s for e in some.edges] == [e.at_s for e in whole.edges]
    with pytest.raises(MeterFailed, match="40 samples in window 1"):
        cut(MeteredRun(some, "level", 1, SHORT.inferences, None))


def test_an_edge_among_lost_samples_is_known_less_well():
    at = round(SHORT.spans[0][0] * 1e5)
    found = recorded(mischief=Mischief(lose=((at - 5, 20),)))
    assert found.edges[0].uncertainty_s == pytest.approx(21e-5)
    with pytest.raises(MeterFailed, match="are missing"):
        cut(MeteredRun(found, "level", 1, SHORT.inferences, None))


def test_saturated_samples_are_refused():
    found = recorded(mischief=Mischief(saturate=8_000))
    assert np.isinf(found.values[8_000])
    with pytest.raises(MeterFailed, match="exceeds the meter's range"):
        cut(MeteredRun(found, "level", 1, SHORT.inferences, None))


def test_bytes_that_are_no_samples_are_refused():
    with pytest.raises(MeterFailed, match="not a stream of samples"):
        recorded(mischief=Mischief(shift=1))


@pytest.mark.parametrize(
    "mischief",
    [Mischief(silent=True), Mischief(metadata=b"hello END"), Mischief(metadata=b"\xff\xfe END")],
    ids=["silent", "other words", "not text"],
)
def test_what_is_no_ppk2_is_refused(mischief):
    with pytest.raises(MeterFailed, match="does not answer as a PPK2 does") as caught:
        recorded(mischief=mischief)
    assert "firmware" in caught.value.hint


def test_a_ppk2_that_does_not_stop_is_refused(monkeypatch):
    monkeypatch.setattr("hil.targets.meters.ppk2._DRAIN_S", 0.2)
    with pytest.raises(MeterFailed, match="goes on sending"):
        recorded(mischief=Mischief(endless=True))


def test_an_unplugged_ppk2_is_reported():
    simulator = Ppk2Simulator(SHORT)
    with simulator.running():
        meter = Ppk2(MeterOptions(3.3, {"port": simulator.path}))
        meter.open()
        meter.start()
        simulator.unplug()
        with pytest.raises(MeterFailed, match="the PPK2 is gone") as caught:
            meter.stop()
        assert "unplugged" in caught.value.hint
        meter.close()


def test_a_ppk2_in_use_is_reported():
    simulator = Ppk2Simulator(SHORT)
    with simulator.running():
        options = MeterOptions(3.3, {"port": simulator.path})
        first = Ppk2(options)
        first.open()
        with pytest.raises(MissingTool, match="in use by another program"):
            Ppk2(options).open()
        first.close()
        second = Ppk2(options)
        assert second.open().startswith("PPK2")
        second.close()


def test_a_port_that_is_not_there_or_none_at_all(monkeypatch):
    with pytest.raises(MissingTool, match="no serial port /dev/ttyABSENT0 of the PPK2"):
        Ppk2(MeterOptions(3.3, {"port": "/dev/ttyABSENT0"})).open()
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [])
    with pytest.raises(MissingTool, match="no PPK2 is attached"):
        Ppk2(MeterOptions(3.3)).open()


def test_two_instruments_must_be_told_apart(monkeypatch):
    class Port:
        product = "PPK2"

        def __init__(self, device: str) -> None:
            self.device = device

    monkeypatch.setattr(
        "serial.tools.list_ports.comports", lambda: [Port("/dev/b"), Port("/dev/a")]
    )
    with pytest.raises(MissingTool, match="2 instruments PPK2") as caught:
        Ppk2(MeterOptions(3.3)).open()
    assert "/dev/a, /dev/b" in caught.value.hint


def test_no_permission_names_the_group_and_the_udev_rule():
    found = ports.not_opened("/dev/ttyACM0", "PPK2", PermissionError(13, "Permission denied"))
    assert isinstance(found, MissingTool)
    assert "may not be opened by this user" in found.message
    assert "dialout" in found.hint
    assert "uaccess" in found.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open any port")
def test_a_forbidden_port_is_refused(tmp_path):
    port = tmp_path / "tty"
    port.touch()
    port.chmod(stat.S_IWOTH)
    with pytest.raises(MissingTool, match="may not be opened"):
        Ppk2(MeterOptions(3.3, {"port": str(port)})).open()


@pytest.mark.parametrize(
    ("meter", "module"), [("ppk2", "ppk2_api"), ("joulescope", "pyjoulescope_driver")]
)
def test_a_missing_library_names_the_extra(meter: str, module: str):
    program = (
        f"import sys; sys.modules['{module}'] = None\n"
        "from hil.errors import MissingTool\n"
        "from hil.targets.meters.interface import MeterOptions\n"
        "from hil.targets.meters.registry import meter\n"
        f"made = meter('{meter}', MeterOptions(3.3))\n"
        "try: made.open()\n"
        "except MissingTool as error: print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert module.replace("_", "-") in done.stdout
    assert "pip install 'hil[meters]'" in done.stdout
