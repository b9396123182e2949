"""Options that several commands share, alone and in groups.

A group is a frozen dataclass; ``grouped`` lets a command take it as one parameter. Options that are
settings default to None and go to ``hil.settings.load``, which knows the precedence.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.devices import Profile
    from hil.records import RunStatus, VariantRequest
    from hil.settings import Settings
    from hil.store.latest import Filter
    from hil.tflite.model import Model


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Show typer the options of each group that ``command`` has as a parameter."""
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if dataclasses.is_dataclass(kind):
            groups[parameter.name] = kind
            parameters += _options(kind)
        else:
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=kind))

    @functools.wraps(command)
    def call(**values: Any) -> None:
        for name, kind in groups.items():
            fields = dataclasses.fields(kind)
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields})
        command(**values)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _options(group: Any) -> list[inspect.Parameter]:
    """The fields of a group as parameters of a command."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]


def parse_since(text: str) -> datetime:
    """Return the time that ``--since`` means; without a zone it is local time.

    Raises:
        UsageError: it is not a date, a time or an age such as 12h.
    """
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        if age := re.fullmatch(r"(\d+)\s*([mhdw])", text.strip()):
            return datetime.now(UTC) - timedelta(**{units[age[2]]: int(age[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"invalid --since '{text}'",
            hint="write a date (2026-01-31), a time (2026-01-31T12:00) or an age (12h, 7d)",
        ) from error


DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL|FILE",
        help="Results database: a file or an SQLAlchemy URL (also: HIL_DB).",
    ),
]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout instead of text.")
]

ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        metavar="NAME|FILE",
        help="Device profile, NAME@48MHz at another clock. `hil profile list` shows them.",
    ),
]

MemoryModelOption = Annotated[
    Literal["ideal", "cache"] | None,
    typer.Option(
        "--memory-model",
        help="Flash without wait states, or with wait states and simulated caches (the default "
        "where the profile has wait states).",
    ),
]

LabelOption = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="TEXT",
        help="Name of the revision that is measured, for reports and sites (also: HIL_LABEL; "
        "default: the git commit of the model's repository).",
    ),
]

ReproducibleOption = Annotated[
    bool,
    typer.Option(
        "--reproducible",
        help="Leave out when it was made: the same database gives the same bytes. "
        "(SOURCE_DATE_EPOCH is shown as that time otherwise.)",
    ),
]

LatestRunsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Runs to compare: ids, beginnings of ids, 'latest' or 'latest~N' (default: the "
        "latest run of each model, profile, target and engine).",
    ),
]

SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        parser=parse_since,
        help="Only runs since then: 2026-01-31, 2026-01-31T12:00, or 30m, 12h, 7d, 2w ago.",
    ),
]

BaselineOption = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        "-b",
        metavar="NAME",
        help="The baseline (also: baseline in [gate] of hil.toml).",
    ),
]

Scheme = Literal["int8", "int8-per-tensor", "int16x8", "dynamic", "q8", "q16"]

QuantizeOption = Annotated[
    Scheme | None,
    typer.Option("--quantize", help="Quantize the float MODEL first, and run the variant."),
]


@dataclass(frozen=True)
class ToolOptions:
    """Folders and tools of this host; the fields are settings."""

    cache_dir: Annotated[
        str | None,
        typer.Option(
            "--cache-dir", metavar="DIR", help="Folder for rebuildable files (also: HIL_CACHE_DIR)."
        ),
    ] = None
    emulator: Annotated[
        str | None,
        typer.Option(
            "--emulator", metavar="FILE", help="The emulator's executable (also: HIL_EMULATOR)."
        ),
    ] = None


@dataclass(frozen=True)
class TargetOptions(ToolOptions):
    """Where the firmware runs; the fields are settings."""

    target: Annotated[
        str | None,
        typer.Option(
            "--target", metavar="NAME", help="Where the firmware runs (also: HIL_TARGET)."
        ),
    ] = None


@dataclass(frozen=True)
class DeviceOptions:
    """How a model runs on the device."""

    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="NAME", help="Inference engine, such as 'aot'."),
    ] = None
    emulator_machine: Annotated[
        str | None,
        typer.Option(
            "--emulator-machine",
            metavar="NAME",
            help="The target's machine, instead of the most faithful one.",
        ),
    ] = None
    optimize: Annotated[
        Literal["-O2", "-O3", "-Os"] | None,
        typer.Option("--optimize", help="Optimization of the kernels."),
    ] = None
    load: Annotated[
        Literal["auto", "direct", "protocol"],
        typer.Option(
            "--load", help="How inputs reach the device: by debug access or over the serial line."
        ),
    ] = "auto"
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds that one answer of the device may take."),
    ] = None

    @property
    def settings(self) -> dict[str, Any]:
        """The options that are settings."""
        return {"engine": self.engine, "optimize": self.optimize, "timeout_s": self.timeout}

    def request(
        self,
        settings: Settings,
        model: Model,
        profile: Profile,
        board: str | None = None,
        **more: Any,
    ) -> Request:
        """Return the request for one profile; ``more`` are further fields of ``Request``.

        Raises:
            UsageError: both a board and a machine of an emulator are given.
        """
        from hil.bench.pipeline import Request
        from hil.settings import without_password

        if board is not None and self.emulator_machine is not None:
            raise UsageError(
                "--board and --emulator-machine exclude each other", hint="leave one of them out"
            )
        return Request(
            model=model,
            profile=profile,
            engine=settings.engine,
            target=settings.target,
            machine=board or self.emulator_machine,
            optimize=settings.optimize,
            load=self.load,
            timeout_s=settings.timeout_s,
            command=("hil", *map(without_password, sys.argv[1:])),
            **more,
        )


@dataclass(frozen=True)
class CalibrationOptions:
    """How a float model is quantized, except the scheme."""

    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration",
            metavar="FILE|normal:SEED",
            help="Calibration samples: .npz or .npy of float32 inputs, normal:SEED or "
            "random:SEED. The last fifth of a file is held out to evaluate the variant.",
        ),
    ] = None
    calibration_samples: Annotated[
        int | None,
        typer.Option(
            "--calibration-samples",
            min=1,
            max=100_000,
            help="Number of calibration samples: so many drawn ones (default 100), or the first "
            "ones of FILE (default all that are not held out).",
        ),
    ] = None
    held_out: Annotated[
        str | None,
        typer.Option(
            "--held-out",
            metavar="FILE",
            help="Samples that only evaluate the variant, instead of a part of the calibration "
            "samples.",
        ),
    ] = None
    method: Annotated[
        str,
        typer.Option(
            "--method",
            metavar="NAME",
            help="How ranges follow from the samples: minmax, percentile:99.9 or "
            "moving-average:0.95.",
        ),
    ] = "minmax"
    q_format: Annotated[
        str | None,
        typer.Option(
            "--q-format",
            metavar="Qm.n",
            help="For q8 and q16: one format for the whole network, such as Q7.9 (default: one "
            "per layer).",
        ),
    ] = None
    io: Annotated[
        Literal["int8", "int16", "float32"] | None,
        typer.Option(
            "--io", help="Type of the variant's inputs and outputs (default: the scheme's own)."
        ),
    ] = None

    def request(self, scheme: str | None) -> VariantRequest | None:
        """Return the request for a variant; None without a scheme.

        Raises:
            UsageError: options contradict each other, or one is invalid.
        """
        if scheme is None:
            if self != CalibrationOptions():
                raise UsageError(
                    "options of quantization were given without --quantize",
                    hint="add --quantize SCHEME, such as --quantize int8",
                )
            return None
        if self.calibration is None:
            raise UsageError(
                f"{scheme} needs samples to calibrate with, or to evaluate the variant with",
                hint="add --calibration samples.npz, or --calibration normal:0 for drawn ones",
            )
        from hil.quantization import check_request
        from hil.records import VariantRequest

        return check_request(
            VariantRequest(
                scheme=scheme,  # type: ignore[arg-type]  # check_request refuses others
                calibration=self.calibration,
                calibration_samples=self.calibration_samples,
                method=self.method,
                q_format=self.q_format or "",
                io=self.io or "",
                held_out=self.held_out or "",
            )
        )


@dataclass(frozen=True)
class RunFilter:
    """Which stored runs are meant."""

    since: SinceOption = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|SHA256",
            help="Only this model: its name, or the beginning of its SHA-256.",
        ),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", metavar="NAME", help="Only this profile."),
    ] = None
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="NAME", help="Only this engine.")
    ] = None


@dataclass(frozen=True)
class LatestFilter(RunFilter):
    """Which stored runs are meant where none is named: the latest of each kind."""

    last: Annotated[
        int | None, typer.Option("--last", min=1, help="Only among the last so many runs.")
    ] = None

    def filter(self, runs: list[str] | None, status: RunStatus | None = None) -> Filter:
        """Return the filter of the store.

        Raises:
            UsageError: runs are named as well.
        """
        from hil.store.latest import Filter

        if runs and self != LatestFilter():
            raise UsageError(
                "RUN and the filters --last, --since, --model, --profile, --engine exclude each "
                "other",
                hint="name the runs, or give filters",
            )
        return Filter(self.model, self.profile, self.engine, status, self.since, self.last)


def required_profiles(settings: Settings, names: list[str] | None = None) -> list[Profile]:
    """Return the profiles of these names, without any the one of the settings.

    Raises:
        UsageError: there is none.
        ProfileError: one is unknown or invalid.
    """
    from hil import devices

    chosen = names or ([settings.profile] if settings.profile else [])
    if not chosen:
        raise UsageError(
            "no profile given", hint="add --profile NAME; `hil profile list` shows them"
        )
    return [devices.load(name) for name in dict.fromkeys(chosen)]


def check_report_folder(report: Path | None) -> None:
    """Refuse a report that cannot be written before the run.

    Raises:
        UsageError: its folder does not exist.
    """
    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(
            f"the folder of the report {report} does not exist",
            hint=f"make it first: mkdir -p {report.parent}",
        )
