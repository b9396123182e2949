"""ST's X-NUCLEO-LPM01A ("PowerShield"), by its serial protocol at 3,686,400 baud.

Commands and answers are those of UM2269 Rev 6, section 4; ``eventsrc``, which that revision does
not list, is used as MLPerf Tiny's runner does (mlcommons/tiny, benchmark/runner/power_manager). It
supplies the board with 1.8 to 3.3 V. In decimal format the stream has the falling edges of input D7
in it; the binary one is for windows by the load.
"""

from __future__ import annotations

import contextlib
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from hil.errors import MeterFailed
from hil.records import Recording, WindowSign
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.lpm01a_shell import Shell
from hil.targets.meters.lpm01a_stream import converted, has_ended
from hil.targets.meters.ports import (
    BackgroundReader,
    OptionForm,
    found_port,
    needed_volts,
    not_opened,
    parsed,
)

BAUD = 3_686_400
ACCURACY_PCT = 2.3
"""Current within 2 % (UM2243 Rev 2, section 9), voltage within 1 % (UM2269 Rev 6, section 4.4)."""
_USB_ID = (0x0483, 0x5740)
_Rate = Literal["100k", "50k", "20k", "10k", "5k", "2k", "1k", "500", "200", "100"]
_RATES = {name: float(name.replace("k", "000")) for name in get_args(_Rate)}
_FASTEST_ASCII_HZ = _RATES["5k"]  # above, a recording in decimal format ends by itself (`help`)
_FASTEST_ENERGY_HZ = _RATES["10k"]
_CALIBRATION_S = 15.0  # `volt` calibrates the instrument
_END_S = 5.0


class _Options(OptionForm):
    port: str | None = None
    trigger: Literal["d7", "none"] = "d7"
    rate: _Rate | None = None
    mode: Literal["dyn", "stat"] = "dyn"
    output: Literal["energy", "current"] = "energy"
    accuracy_pct: float = Field(default=ACCURACY_PCT, gt=0, le=100)

    @property
    def rate_name(self) -> _Rate:
        """The sample rate: as given, else the fastest that there is."""
        if self.rate is not None:
            return self.rate
        if self.trigger == "d7":
            return "5k"
        return "10k" if self.output == "energy" else "100k"

    @model_validator(mode="after")
    def _rate_fits(self) -> _Options:
        rate_hz = _RATES[self.rate_name]
        if self.trigger == "d7" and rate_hz > _FASTEST_ASCII_HZ:
            raise ValueError("with trigger = d7 the rate is 5k at most")
        if self.output == "energy" and rate_hz > _FASTEST_ENERGY_HZ:
            raise ValueError("with output = energy the rate is 10k at most")
        return self


class Lpm01a:
    """The meter ``lpm01a``; see :class:`hil.targets.meters.interface.Meter`."""

    name = "lpm01a"
    title = "X-NUCLEO-LPM01A"
    supplies = True
    package = None

    def __init__(self, options: MeterOptions) -> None:
        self._options = parsed(_Options, options, self.name)
        self._volts = needed_volts(options, "an X-NUCLEO-LPM01A", 1.8, 3.3)
        self.rate_hz = _RATES[self._options.rate_name]
        self._binary = self._options.trigger == "none"
        self.sign: WindowSign = "none" if self._binary else "pulses"
        self._shell: Shell | None = None
        self._reader: BackgroundReader | None = None
        self._instrument = ""

    def open(self) -> str:
        """Connect, take control and configure."""
        import serial

        path = found_port(self._options.port, _is_powershield, self.title)
        try:
            port = serial.Serial(path, BAUD, timeout=0.05, write_timeout=1.0, exclusive=True)
        except OSError as error:
            raise not_opened(path, self.title, error) from error
        self._shell = Shell(port)
        try:
            self._instrument = self._configured(self._shell)
        except BaseException:
            self.close()
            raise
        return self._instrument

    def _configured(self, shell: Shell) -> str:
        shell.take_control()
        firmware = shell.ask("version")
        number = shell.ask("powershield")
        for command in (
            f"acqmode {self._options.mode}",
            f"output {self._options.output}",
            f"format {'bin_hexa' if self._binary else 'ascii_dec'}",
            f"freq {self._options.rate_name}",
            "acqtime inf",
            "trigsrc sw",
            *([] if self._binary else ["eventsrc d7 fal"]),
            "pwrend on",
        ):
            shell.ask(command)
        shell.ask(f"volt {round(self._volts * 1000)}m", _CALIBRATION_S)
        return f"X-NUCLEO-LPM01A {number}, firmware {firmware}, {self._volts:g} V"

    def power(self, on: bool) -> None:
        """Connect or disconnect the board."""
        self._opened().ask(f"pwr {'on' if on else 'off'} nostatus")

    def start(self) -> None:
        """Begin to record."""
        shell = self._opened()
        shell.ask("start")
        self._reader = BackgroundReader(shell.read, self.title)

    def stop(self) -> Recording:
        """End the recording and convert it."""
        reader = self._reader
        if reader is None:
            raise MeterFailed("the X-NUCLEO-LPM01A was not started")
        if has_ended(reader.tail(), self._binary):
            raise MeterFailed(
                "the X-NUCLEO-LPM01A ended the recording by itself",
                hint="its buffer overflows where the host is too busy to read: use a lower rate",
            )
        self._opened().write("stop")
        data = reader.stop(lambda tail: has_ended(tail, self._binary), _END_S, 4 * _END_S)
        self._reader = None
        found = converted(data, self.rate_hz, binary=self._binary)
        return Recording(
            instrument=self._instrument,
            rate_hz=self.rate_hz,
            quantity="J" if self._options.output == "energy" else "A",
            values=found.values,
            volts=self._volts,
            edges=found.edges,
            lost=found.lost,
            accuracy_pct=self._options.accuracy_pct,
            step=found.step,
        )

    def close(self) -> None:
        """Give the control back and let go of the port."""
        if self._reader is not None:
            self._reader.abandon()
            self._reader = None
        if self._shell is not None:
            with contextlib.suppress(MeterFailed):  # gone already
                self._shell.write("stop")
                self._shell.write("hrc")
            self._shell.port.close()
            self._shell = None

    def _opened(self) -> Shell:
        if self._shell is None:
            raise MeterFailed("the X-NUCLEO-LPM01A is not open")
        return self._shell


def _is_powershield(port: Any) -> bool:
    return (port.vid, port.pid) == _USB_ID and "PowerShield" in (port.product or "PowerShield")
