"""Nordic Semiconductor's Power Profiler Kit II, through the package ppk2-api.

100,000 samples of current a second with eight logic lines, no voltage. As source meter it supplies
the board; as ampere meter it switches and measures an external supply of known voltage. ppk2-api
0.9 speaks to its serial port (commands, calibration) and converts samples one by one;
:mod:`hil.targets.meters.ppk2_samples` does the same for whole recordings.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import Field

from hil.errors import MeterFailed
from hil.records import Recording, WindowSign
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.ports import (
    BackgroundReader,
    OptionForm,
    found_port,
    library,
    needed_volts,
    not_opened,
    parsed,
)
from hil.targets.meters.ppk2_samples import RATE_HZ, converted

_QUIET_S = 0.2
_DRAIN_S = 3.0


class _Options(OptionForm):
    port: str | None = None
    mode: Literal["source", "ampere"] = "source"
    trigger: Literal["0", "1", "2", "3", "4", "5", "6", "7", "none"] = "0"
    accuracy_pct: float = Field(default=20.0, gt=0, le=100)


class Ppk2:
    """The meter ``ppk2``; see :class:`hil.targets.meters.interface.Meter`."""

    name = "ppk2"
    title = "PPK2"
    supplies = True
    package = "ppk2-api"
    rate_hz = RATE_HZ

    def __init__(self, options: MeterOptions) -> None:
        self._options = parsed(_Options, options, self.name)
        self._volts = needed_volts(options, "a PPK2", 0.8, 5.0)
        self.sign: WindowSign = "none" if self._options.trigger == "none" else "level"
        self._api: Any = None
        self._reader: BackgroundReader | None = None
        self._instrument = ""

    def open(self) -> str:
        """Connect and read the calibration."""
        module = library("ppk2_api.ppk2_api", "the PPK2")
        path = found_port(self._options.port, _is_ppk2, self.title)
        try:
            self._api = module.PPK2_API(path, timeout=0.05, write_timeout=1.0, exclusive=True)
        except OSError as error:
            raise not_opened(path, self.title, error) from error
        try:
            self._instrument = self._configured(path)
        except BaseException:
            self.close()
            raise
        return self._instrument

    def _configured(self, path: str) -> str:
        try:
            self._api.stop_measuring()  # one that was left measuring goes on sending
            self._drain()
            known = self._api.get_modifiers()
        except (OSError, UnicodeDecodeError) as error:
            raise _no_answer(path, error) from error
        if not known or self._api.modifiers["HW"] is None:
            raise _no_answer(path)
        if self._options.mode == "source":
            self._api.use_source_meter()
        else:
            self._api.use_ampere_meter()
        self._api.set_source_voltage(round(self._volts * 1000))
        hardware = str(self._api.modifiers["HW"]).strip()
        return f"PPK2 (hardware {hardware}), {self._options.mode} meter at {self._volts:g} V"

    def _drain(self) -> None:
        """Read until nothing has come for a while."""
        last = begun = time.monotonic()
        while time.monotonic() - last < _QUIET_S:
            if self._api.ser.read(65536):
                last = time.monotonic()
            if last - begun > _DRAIN_S:
                raise MeterFailed(
                    "the PPK2 does not stop sending", hint="unplug it, and plug it in again"
                )

    def power(self, on: bool) -> None:
        """Connect or disconnect the board."""
        self._api.toggle_DUT_power("ON" if on else "OFF")

    def start(self) -> None:
        """Begin to record."""
        self._reader = BackgroundReader(self._api.get_data, self.title)
        self._api.start_measuring()

    def stop(self) -> Recording:
        """End the recording and convert it."""
        assert self._reader is not None
        self._api.stop_measuring()
        data = self._reader.stop(lambda _: False, _QUIET_S, _DRAIN_S)
        self._reader = None
        trigger = self._options.trigger
        found = converted(data, self._api, None if trigger == "none" else int(trigger))
        return Recording(
            instrument=self._instrument,
            rate_hz=RATE_HZ,
            quantity="A",
            values=found.amperes,
            volts=self._volts,
            edges=found.edges,
            lost=found.lost,
            accuracy_pct=self._options.accuracy_pct,
            step=found.step,
        )

    def close(self) -> None:
        """Stop and let go of the port."""
        if self._reader is not None:
            self._reader.abandon()
            self._reader = None
        if self._api is not None:
            self._api.stop_measuring()
            self._api.ser.close()
            self._api = None


def _is_ppk2(port: Any) -> bool:
    return getattr(port, "product", None) == "PPK2"


def _no_answer(path: str, error: Exception | None = None) -> MeterFailed:
    reason = f": {error}" if error else ""
    return MeterFailed(
        f"what is at {path} does not answer as a PPK2 does{reason}",
        hint="check the port; update the PPK2's firmware with nRF Connect's Power Profiler",
    )
