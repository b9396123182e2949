"""Every meter, from its wire format to the energy of an inference, against a known truth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from hil.errors import UsageError
from hil.measure.metered import cut
from hil.records import MeteredRun, Recording
from hil.targets.meters import registry
from hil.targets.meters.interface import Meter, MeterOptions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.meters.joulescope import Instrument
from tests.support.meters.lpm01a import Lpm01aSimulator
from tests.support.meters.ppk2 import Ppk2Simulator
from tests.support.supply import Supply

Recorded = Callable[[Supply, Path], tuple[Meter, Recording]]


def record(meter: Meter, run: Callable[[], None] = lambda: None) -> Recording:
    """What a session does with a meter; ``run`` is what the board does meanwhile."""
    try:
        instrument = meter.open()
        meter.power(True)
        meter.start()
        run()
        recording = meter.stop()
    finally:
        meter.close()
    assert recording.instrument == instrument
    assert recording.rate_hz == meter.rate_hz
    return recording


def by_ppk2(supply: Supply, _: Path) -> tuple[Meter, Recording]:
    simulator = Ppk2Simulator(supply)
    with simulator.running():
        meter = registry.meter("ppk2", MeterOptions(3.3, {"port": simulator.path}))
        recording = record(meter)
    assert simulator.powered
    return meter, recording


def by_lpm01a(supply: Supply, _: Path, **options: str) -> tuple[Meter, Recording]:
    simulator = Lpm01aSimulator(supply)
    with simulator.running():
        meter = registry.meter("lpm01a", MeterOptions(3.3, {"port": simulator.path, **options}))
        recording = record(meter)
    assert simulator.powered
    return meter, recording


def by_lpm01a_binary(supply: Supply, folder: Path) -> tuple[Meter, Recording]:
    return by_lpm01a(supply, folder, trigger="none", output="current")


@contextmanager
def joulescope(instrument: Instrument) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "pyjoulescope_driver", instrument.module)
        yield


def by_joulescope(supply: Supply, _: Path) -> tuple[Meter, Recording]:
    instrument = Instrument(supply)
    with joulescope(instrument):
        meter = registry.meter("joulescope", MeterOptions(None, {}))
        return meter, record(meter, instrument.wait)


def by_file(name: str) -> Recorded:
    def recorded(supply: Supply, folder: Path) -> tuple[Meter, Recording]:
        path = folder / name
        write_recording(path, supply)
        options = {"file": str(path), "accuracy_pct": "1", "rate_hz": "100000"}
        meter = registry.meter("recording", MeterOptions(3.3, options))
        return meter, record(meter)

    return recorded


def write_recording(path: Path, supply: Supply, rate_hz: float = 100_000.0) -> None:
    watts = supply.watts(rate_hz)
    high = ~supply.low((np.arange(len(watts)) + 0.5) / rate_hz)
    times = np.arange(len(watts)) / rate_hz
    if path.suffix == ".npz":
        np.savez(path, power_w=watts, d0=high, rate_hz=rate_hz)
    elif path.suffix == ".csv":
        rows = np.column_stack([times, watts / 3.3, high])
        np.savetxt(path, rows, "%.9g", ",", header="time_s,current_a,d0", comments="")
    else:
        import json
        import zipfile

        frames = np.zeros(len(watts), dtype=[("ua", "<f4"), ("bits", "<u2")])
        frames["ua"] = watts / 3.3 * 1e6
        frames["bits"] = 0b0101010101010101 ^ np.where(high, 0b11, 0)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("session.raw", frames.tobytes())
            meta = {"metadata": {"samplesPerSecond": rate_hz}, "formatVersion": 2}
            archive.writestr("metadata.json", json.dumps(meta))


METERS: dict[str, Recorded] = {
    "ppk2": by_ppk2,
    "lpm01a": by_lpm01a,
    "lpm01a binary": by_lpm01a_binary,
    "joulescope": by_joulescope,
    "csv": by_file("recording.csv"),
    "npz": by_file("recording.npz"),
    "ppk2 file": by_file("recording.ppk2"),
}


def energy(supply: Supply, meter: Meter, recording: Recording):
    run = MeteredRun(
        recording, meter.sign, supply.windows, supply.inferences, supply.latency_s * 1e6
    )
    return cut(run)


@pytest.mark.parametrize("name", METERS)
@settings(
    deadline=None,
    max_examples=6,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    windows=st.integers(2, 5),
    inferences=st.integers(8, 20),
    latency_s=st.floats(0.008, 0.02),
    first_s=st.floats(0.05, 0.06),
    pause_s=st.floats(0.03, 0.06),
    active_w=st.floats(0.02, 0.15),
    noise_pct=st.floats(0.0, 5.0),
    seed=st.integers(0, 1000),
)
def test_energy_is_within_half_a_per_cent_of_the_truth(
    name,
    windows,
    inferences,
    latency_s,
    first_s,
    pause_s,
    active_w,
    noise_pct,
    seed,
    tmp_path_factory,
):
    scale = 4 if name == "lpm01a" else 1  # 5,000 samples a second need longer windows
    supply = Supply(
        windows=windows,
        inferences=inferences * scale,
        latency_s=latency_s,
        idle_w=0.3 * active_w,
        layers=[(0.6, active_w), (0.4, 0.8 * active_w)],
        first_s=first_s,
        pause_s=pause_s,
        noise_w=noise_pct / 100 * active_w,
        seed=seed,
    )
    meter, recording = METERS[name](supply, tmp_path_factory.mktemp("recording"))
    found = energy(supply, meter, recording)
    assert found.energy_uj == pytest.approx(supply.energy_uj, rel=5e-3)
    assert recording.lost == 0


def test_every_meter_is_registered_and_says_what_it_is():
    assert set(registry.names()) >= {"ppk2", "lpm01a", "joulescope", "recording"}
    with pytest.raises(UsageError, match="no meter 'ppk'") as caught:
        registry.meter("ppk", MeterOptions())
    assert "ppk2" in caught.value.hint


NEEDED = {"recording": {"file": "a.csv", "accuracy_pct": "1"}}


@pytest.mark.parametrize("name", ["ppk2", "lpm01a", "joulescope", "recording"])
def test_an_unknown_option_is_refused_with_the_nearest_name(name):
    options = MeterOptions(3.3, {**NEEDED.get(name, {}), "triger": "0"})
    with pytest.raises(UsageError, match="triger") as caught:
        registry.meter(name, options)
    assert "trigger" in caught.value.hint


@pytest.mark.parametrize("name", ["ppk2", "lpm01a", "joulescope"])
def test_without_a_trigger_line_windows_are_found_by_the_load(name):
    made = registry.meter(name, MeterOptions(3.3, {"trigger": "none"}))
    assert made.sign == "none"
    assert registry.meter(name, MeterOptions(3.3)).sign in ("level", "pulses")
    with pytest.raises(UsageError, match="trigger"):
        registry.meter(name, MeterOptions(3.3, {"trigger": "x"}))


@pytest.mark.parametrize("name", ["ppk2", "lpm01a"])
def test_meters_that_supply_the_board_need_a_voltage_in_their_range(name):
    with pytest.raises(UsageError, match="needs to know the supply's voltage"):
        registry.meter(name, MeterOptions())
    with pytest.raises(UsageError, match="not 12 V"):
        registry.meter(name, MeterOptions(12.0))
    assert registry.meter(name, MeterOptions(1.8)).supplies


def test_a_shorter_supply_is_the_same_energy_an_inference(tmp_path):
    supply = Supply()
    found = [
        energy(one, *by_ppk2(one, tmp_path)).energy_uj
        for one in (supply, replace(supply, windows=1))
    ]
    assert found[0] == pytest.approx(found[1], rel=2e-3)


def test_doctor_shows_the_meters_of_boards(tmp_path, monkeypatch):
    from hil.targets.meters.registry import findings

    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    assert findings() == []
    board = '[boards.{0}]\nprofile = "stm32l4"\nport = "/dev/x"\n[boards.{0}.meter]\n{1}\n'
    (tmp_path / "boards.toml").write_text(
        board.format("a", 'name = "ppk2"\nvolts = 3.0')
        + board.format("b", 'name = "ppk2"')
        + board.format("c", 'name = "lpm01a"\nvolts = 3.0')
        + board.format("d", 'name = "joulescope"')
    )

    def version(name: str) -> str:
        if name == "ppk2-api":
            return "0.9.2"
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    a, b, c, d = findings()
    assert (a.state, a.version) == ("ok", "0.9.2")
    assert (b.state, "needs to know the supply's voltage" in b.detail) == ("warn", True)
    assert c.state == "ok"
    assert (d.state, d.install) == ("warn", "pip install 'hil[meters]'")
