"""Jetperch's Joulescope JS110 and JS220, through the package pyjoulescope-driver."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from pydantic import Field

from hil.errors import MeterFailed, MissingTool
from hil.records import Recording, WindowSign
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.joulescope_streams import Stream, edges, whole
from hil.targets.meters.ports import OptionForm, library, parsed

_RULES = (
    "copy 72-joulescope.rules of joulescope_driver to /etc/udev/rules.d and plug the instrument in "
    "again; end what else uses it, such as the Joulescope UI"
)
_UNPLUGGED = "was it unplugged, or did its USB connection reset?"
_DELAY_S = 0.1
"""Blocks come later than their samples; so much more is recorded than was asked for."""
_LAST_S = 3.0
_MODELS = ("js110", "js220")


class _Options(OptionForm):
    serial: str | None = None
    trigger: Literal["0", "1", "2", "3", "none"] = "0"
    rate: Literal["1000000", "500000", "200000", "100000", "50000", "20000", "10000"] = "100000"
    accuracy_pct: float = Field(default=1.0, gt=0, le=100)


class Joulescope:
    """The meter ``joulescope``; see :class:`hil.targets.meters.interface.Meter`.

    The instrument measures voltage and current between its input and its output, so the board's
    supply is what is connected to the input; it can disconnect the output.
    """

    name = "joulescope"
    title = "Joulescope"
    supplies = True
    package = "pyjoulescope-driver"

    def __init__(self, options: MeterOptions) -> None:
        self._options = parsed(_Options, options, self.name)
        self.rate_hz = float(self._options.rate)
        self.sign: WindowSign = "none" if self._options.trigger == "none" else "level"
        self._driver: Any = None
        self._device = ""
        self._power: Stream | None = None
        self._line: Stream | None = None
        self._instrument = ""

    def open(self) -> str:
        """Find the instrument, open it and set its sample rate."""
        module = library("pyjoulescope_driver", "the Joulescope")
        try:
            self._driver = module.Driver()
            self._device = self._found(self._driver.device_paths())
            self._instrument = self._opened()
        except (RuntimeError, TimeoutError) as error:
            self.close()
            raise MissingTool(
                f"cannot open the Joulescope {self._device}: {error}", hint=_RULES
            ) from error
        except BaseException:
            self.close()
            raise
        return self._instrument

    def _found(self, paths: list[str]) -> str:
        known = [path for path in paths if path.split("/")[1:2] and path.split("/")[1] in _MODELS]
        asked = self._options.serial
        if asked is not None:
            known = [path for path in known if path.rsplit("/", 1)[-1] == asked]
        if len(known) == 1:
            return known[0]
        if not known:
            which = f" with the serial number {asked}" if asked else ""
            raise MissingTool(
                f"no Joulescope JS110 or JS220{which} is attached, or this user may not use it",
                hint=_RULES,
            )
        raise MissingTool(
            f"{len(known)} Joulescopes are attached",
            hint=f"choose one by its serial number with the option `serial`: {', '.join(known)}",
        )

    def _opened(self) -> str:
        self._driver.open(self._device, "restore")
        self._publish("h/fs", int(self.rate_hz))
        if self._model == "js110":  # the line's bits come in the lowest bit of currents
            self._publish("s/extio/voltage", "3.3V")
        _, model, number = self._device.split("/")
        return f"Joulescope {model.upper()} {number}"

    @property
    def _model(self) -> str:
        return self._device.split("/")[1]

    def power(self, on: bool) -> None:
        """Connect or disconnect the output."""
        topic = "s/i/range/select" if self._model == "js110" else "s/i/range/mode"
        self._publish(topic, "auto" if on else "off")

    def start(self) -> None:
        """Begin to record power and, where it is wired, the input."""
        trigger = self._options.trigger
        self._power = self._streamed("s/p")
        self._line = None if trigger == "none" else self._streamed(f"s/gpi/{trigger}")

    def stop(self) -> Recording:
        """End the recording."""
        if self._power is None:
            raise MeterFailed("the Joulescope was not started")
        streams = [self._power, *([self._line] if self._line is not None else [])]
        last = self._power.last_id()
        until = (last or 0) + int(_DELAY_S * self._power.rate_hz())
        complete = last is not None and all(one.reached(until, _LAST_S) for one in streams)
        self._end()
        if not complete:
            raise MeterFailed("the Joulescope does not send samples", hint=_UNPLUGGED)
        power = whole(self._power)
        return Recording(
            instrument=self._instrument,
            rate_hz=power.rate_hz,
            quantity="W",
            values=power.values,
            volts=None,
            edges=() if self._line is None else edges(self._line, power),
            lost=power.lost,
            accuracy_pct=self._options.accuracy_pct,
        )

    def close(self) -> None:
        """End the streams and let go of the driver."""
        if self._driver is None:
            return
        with contextlib.suppress(RuntimeError, TimeoutError, MeterFailed):  # gone already
            self._end()
        with contextlib.suppress(RuntimeError, TimeoutError):
            if self._device:
                self._driver.close(self._device)
        self._driver.finalize()
        self._driver = None

    def _streamed(self, topic: str) -> Stream:
        stream = Stream(f"{self._device}/{topic}")
        try:
            self._driver.subscribe(f"{stream.topic}/!data", "pub", stream.take)
        except (RuntimeError, TimeoutError) as error:
            raise MeterFailed(
                f"the Joulescope refuses {topic}: {error}", hint=_UNPLUGGED
            ) from error
        self._publish(f"{topic}/ctrl", 1)
        return stream

    def _end(self) -> None:
        for stream in (self._power, self._line):
            if stream is not None and not stream.ended:
                stream.ended = True
                self._driver.unsubscribe(f"{stream.topic}/!data", stream.take)
                self._publish(f"{stream.topic.removeprefix(self._device + '/')}/ctrl", 0)

    def _publish(self, topic: str, value: int | str) -> None:
        try:
            self._driver.publish(f"{self._device}/{topic}", value)
        except (RuntimeError, TimeoutError) as error:
            raise MeterFailed(
                f"the Joulescope refuses {topic} = {value}: {error}", hint=_UNPLUGGED
            ) from error
