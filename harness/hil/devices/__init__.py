"""The device profile: one TOML file a chip or board, validated, unknown keys refused.

A profile describes a *kind* of device: no port names, no serial numbers. Files are in
``device_profiles/``; a path to a file of the user's own works everywhere a name does, and
``NAME@48MHz`` is a profile at another clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from hil import cores
from hil.devices import clock as clocks
from hil.devices import overlays as calibrations
from hil.devices.clock import WaitStates
from hil.devices.power import Power, PowerRow
from hil.errors import ProfileError, did_you_mean
from hil.forms import read_toml, validated
from hil.resources import data_dir, overlay_dir

_NAME_SHOWN = 80


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Chip(_Strict):
    """What the silicon is."""

    part: str
    vendor: str
    core: str
    source: str

    @field_validator("core")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in cores.CORES:
            raise ValueError(f"unknown core '{name}'; known cores: {', '.join(cores.CORES)}")
        return name


class Clock(_Strict):
    """The core clock that latencies refer to."""

    hz: int = Field(gt=0)
    max_hz: int = Field(gt=0)
    source: str


class Flash(_Strict):
    """Program memory. ``wait_states`` at ``clock.hz``; ``line_bytes`` is one flash read.

    ``wait_states_by_clock`` has them for other clocks (``NAME@48MHz``).
    Caches are between core and flash (ART, flash accelerator, L1); sizes are 0 where absent.
    ``cache_line_bytes`` is what one tag covers (None: one flash read). A miss brings one flash
    read, or with ``cache_fill = "line"`` the whole line. ``icache_ways`` and ``dcache_ways`` are
    0 for fully associative. A ``unified`` cache serves both, its size is in both fields.
    ``prefetch_hidden`` is the share of the sequential misses' waits that the prefetcher hides, as
    a calibration found it; None where it is not known.
    ``uncertainty_pct`` widens the band of cycles where the vendor does not document the timing.
    """

    origin: int = Field(ge=0)
    size_bytes: int = Field(gt=0)
    wait_states: int = Field(ge=0, le=32)
    wait_states_by_clock: WaitStates | None = None
    line_bytes: int = Field(gt=0)
    prefetch: bool
    prefetch_hidden: float | None = Field(default=None, ge=0, le=1)
    icache_bytes: int = Field(ge=0)
    dcache_bytes: int = Field(ge=0)
    icache_ways: int = Field(default=0, ge=0)
    dcache_ways: int = Field(default=0, ge=0)
    cache_line_bytes: int | None = Field(default=None, gt=0)
    cache_fill: Literal["read", "line"] = "read"
    replacement: Literal["lru", "fifo", "random"] = "lru"
    unified: bool = False
    uncertainty_pct: float = Field(default=0, ge=0)
    source: str

    @property
    def tag_bytes(self) -> int:
        """Bytes of one cache line."""
        return self.cache_line_bytes or self.line_bytes

    @model_validator(mode="after")
    def _geometry(self) -> Self:
        read, line = self.line_bytes, self.tag_bytes
        if read & (read - 1) or line & (line - 1) or read < 4:
            raise ValueError("line_bytes and cache_line_bytes must be powers of two, at least 4")
        if not read <= line <= 64 * read:
            raise ValueError("cache_line_bytes must be 1 to 64 times line_bytes")
        for name, size, ways in (
            ("icache", self.icache_bytes, self.icache_ways),
            ("dcache", self.dcache_bytes, self.dcache_ways),
        ):
            if size % (line * (ways or 1)) or size // line >= 65535:
                raise ValueError(f"{name}_bytes must be a multiple of cache lines times ways")
        if self.unified and self.icache_bytes != self.dcache_bytes:
            raise ValueError("a unified cache has its size in icache_bytes and in dcache_bytes")
        if self.prefetch_hidden is not None and not self.prefetch:
            raise ValueError("prefetch_hidden needs prefetch = true")
        return self


class Ram(_Strict):
    """A RAM. The one with ``main = true`` holds data, bss (the arena) and the stack."""

    name: str
    origin: int = Field(ge=0)
    size_bytes: int = Field(gt=0)
    main: bool = False
    source: str


class FirmwareConfig(_Strict):
    """How firmware for the board itself is built: the port's folder and the DUT's link.

    ``port`` is absent where no port for the silicon exists yet (emulation only). ``defines`` are
    passed to the port's C code; they choose the board, where a port serves several.
    """

    port: str | None = None
    defines: Mapping[str, str] = Field(default_factory=dict)
    baud: int = 115200
    stack_bytes: int = Field(default=4096, ge=1024)
    heap_bytes: int = Field(default=0, ge=0)


class Profile(_Strict):
    """A validated device profile.

    ``emulation`` has, by the name of a target, its machines that run the chip's code, the most
    faithful first; the target validates them. ``flashing`` has, by the name of a flasher, its
    arguments for the chip, the default flasher first; the flasher validates them. ``notes`` says
    what another clock rests on; it is never in a file.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: SkipJsonSchema[str] = ""
    title: str
    description: str
    chip: Chip
    clock: Clock
    flash: Flash
    ram: tuple[Ram, ...] = Field(min_length=1)
    power: Power
    firmware: FirmwareConfig = FirmwareConfig()
    emulation: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    flashing: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    calibration: SkipJsonSchema[calibrations.Calibration | None] = None
    notes: SkipJsonSchema[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _one_main_ram(self) -> Self:
        if sum(r.main for r in self.ram) != 1:
            raise ValueError("exactly one [[ram]] must have main = true")
        if self.clock.hz > self.clock.max_hz:
            raise ValueError("clock.hz is above clock.max_hz")
        table = self.flash.wait_states_by_clock
        if table is not None and table.at(self.clock.hz) != self.flash.wait_states:
            raise ValueError("flash.wait_states is not what wait_states_by_clock has at clock.hz")
        return self

    @property
    def main_ram(self) -> Ram:
        """The RAM that holds data, bss and stack."""
        return next(r for r in self.ram if r.main)


def names() -> list[str]:
    """Names of the profiles that ship with hil, sorted."""
    return sorted(p.stem for p in data_dir("device_profiles").glob("*.toml"))


def load(name_or_path: str, *, overlays: bool = True) -> Profile:
    """Load a shipped profile by name, or a file by path (anything with a ``/`` or ``.toml``).

    ``@`` and a clock (``nucleo-l452re@48MHz``, ``@48M``, ``@48_000_000``) gives it at that clock,
    with the clock in its name. A calibration in the overlay folder (``HIL_OVERLAY_DIR``, else
    ``overlays`` in the user's configuration folder) is applied, unless ``overlays`` is False; one
    of another clock is not.

    Raises:
        ProfileError: unknown name (with the nearest in the hint), unreadable or invalid file, a
            clock that is none or that the chip does not reach.
    """
    base, clock_hz = clocks.split(name_or_path)
    own = profile = _read(_path_of(base))
    if clock_hz is not None:
        data = clocks.at_clock(own.model_dump(by_alias=True), own.name, clock_hz)
        profile = Profile.model_validate(data)
    calibration = calibrations.find(overlay_dir(), profile.name) if overlays else None
    if calibration is not None:
        return calibrated(profile, calibration)
    if overlays and profile.name != own.name and calibrations.find(overlay_dir(), own.name):
        note = f"the calibration of '{own.name}' is for its own clock and is not applied"
        return profile.model_copy(update={"notes": (*profile.notes, note)})
    return profile


def _path_of(name_or_path: str) -> Path:
    """The file of a shipped profile, or the path that was given."""
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        return Path(name_or_path)
    if name_or_path not in names():
        start = name_or_path[:_NAME_SHOWN]
        shown = start + "…" * (len(name_or_path) > _NAME_SHOWN)
        guess = did_you_mean(start, names(), cutoff=0.4)
        raise ProfileError(
            f"there is no profile '{shown}'",
            hint=guess + "`hil profile list` shows all of them",
        )
    return data_dir("device_profiles") / f"{name_or_path}.toml"


def _read(path: Path) -> Profile:
    """Read and validate one file; no calibration, its own clock."""
    data = read_toml(path, "the profile", failure=ProfileError)
    for key, hint in (
        ("calibration", "`hil calibrate` writes it into a file of its own"),
        ("notes", "hil writes them; use description, or a comment"),
    ):
        if key in data:
            raise ProfileError(
                f"the profile {path} is invalid: {key}: not a key of profiles", hint=hint
            )
    return validated(
        Profile,
        {**data, "name": path.stem},
        f"the profile {path}",
        failure=ProfileError,
        hint="docs/profiles.md describes every key",
    )


def calibrated(profile: Profile, calibration: calibrations.Calibration) -> Profile:
    """Return the profile with what a calibration found.

    Raises:
        ProfileError: the calibration is of another chip or another clock.
    """
    theirs, ours = (calibration.part, calibration.clock_hz), (profile.chip.part, profile.clock.hz)
    if theirs != ours:
        raise ProfileError(
            f"the calibration of '{calibration.profile}' is for {theirs[0]} at "
            f"{theirs[1] / 1e6:g} MHz, the profile is {ours[0]} at {ours[1] / 1e6:g} MHz",
            hint=f"calibrate again, or remove {overlay_dir() / (profile.name + '.toml')}",
        )
    changed: dict[str, Any] = {"calibration": calibration}
    if calibration.flash is not None:
        hidden = {"prefetch_hidden": calibration.flash.prefetch_hidden}
        changed["flash"] = Flash.model_validate({**profile.flash.model_dump(), **hidden})
    if calibration.power is not None:
        changed["power"] = _with_measured_power(profile, calibration, calibration.power)
    return profile.model_copy(update=changed)


def _with_measured_power(
    profile: Profile, calibration: calibrations.Calibration, fit: calibrations.PowerFit
) -> Power:
    row = PowerRow(
        volts=fit.volts,
        regulator=profile.power.regulator,
        clock_hz=calibration.clock_hz,
        activity="nn",
        active_mw=fit.active_mw,
        uncertainty_pct=fit.uncertainty_pct,
        source=f"calibration of {calibration.date}, "
        + (
            f"{fit.n} firmwares on a virtual board: not a measurement"
            if calibration.virtual
            else f"measured on {fit.n} firmwares"
        ),
    )
    regulator = profile.power.regulator
    return Power(volts=fit.volts, regulator=regulator, rows=(row, *profile.power.rows))
