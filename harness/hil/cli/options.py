"""Options that several commands share, so that they read and behave alike everywhere.

Precedence (flag, ``HIL_*``, ``hil.toml``, user's file, built-in) is ``hil.settings``'s work:
options default to None and are handed to ``settings.load``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from hil.measure.cycles.memory_system import MemoryModel
    from hil.targets.interface import LoadPath

DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL|FILE",
        help="Results database: a file or an SQLAlchemy URL (also: HIL_DB).",
    ),
]

JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout instead of text."),
]

EngineOption = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="Inference engine, such as 'aot'."),
]

CacheDirOption = Annotated[
    str | None,
    typer.Option(
        "--cache-dir", metavar="DIR", help="Folder for rebuildable files (also: HIL_CACHE_DIR)."
    ),
]

TargetOption = Annotated[
    str | None,
    typer.Option("--target", metavar="NAME", help="Where the firmware runs (also: HIL_TARGET)."),
]

EmulatorOption = Annotated[
    str | None,
    typer.Option(
        "--emulator", metavar="FILE", help="The emulator's executable (also: HIL_EMULATOR)."
    ),
]

MemoryModelOption = Annotated[
    str | None,
    typer.Option(
        "--memory-model",
        metavar="ideal|cache",
        help="Flash without waits (ideal), or with waits and simulated caches (cache, the "
        "default where the profile has wait states).",
    ),
]

EmulatorMachineOption = Annotated[
    str | None,
    typer.Option(
        "--emulator-machine",
        metavar="NAME",
        help="The target's machine, instead of the most faithful one.",
    ),
]

OptimizeOption = Annotated[
    str | None,
    typer.Option(
        "--optimize", metavar="FLAG", help="Optimization of the kernels: -O2, -O3 or -Os."
    ),
]

LoadOption = Annotated[
    str,
    typer.Option(
        "--load",
        help="How inputs reach the device: auto, direct (debug access) or protocol (serial).",
    ),
]

TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", min=0.1, help="Seconds that one answer of the device may take."),
]

# Which stored runs are meant

ModelFilter = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|SHA256",
        help="Only this model: its name, or the beginning of its SHA-256.",
    ),
]

ProfileFilter = Annotated[
    str | None,
    typer.Option("--profile", "-p", metavar="NAME", help="Only this profile."),
]

EngineFilter = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="Only this engine."),
]

SinceFilter = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Only runs since then: 2026-01-31, 2026-01-31T12:00, or 30m, 12h, 7d, 2w ago.",
    ),
]

LastFilter = Annotated[
    int | None,
    typer.Option("--last", min=1, help="Only among the last so many runs."),
]

# Quantization

SCHEMES_HELP = "int8, int8-per-tensor, int16x8, dynamic, q8 or q16"

QuantizeOption = Annotated[
    str | None,
    typer.Option(
        "--quantize",
        metavar="SCHEME",
        help=f"Quantize the float MODEL first, and run its variant: {SCHEMES_HELP}.",
    ),
]

CalibrationOption = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE|normal:SEED",
        help="Samples to calibrate with: .npz or .npy of float32 inputs, normal:SEED or "
        "random:SEED. The last fifth of a file is kept back to judge the variant by.",
    ),
]

CalibrationSamplesOption = Annotated[
    int | None,
    typer.Option(
        "--calibration-samples",
        min=1,
        max=100_000,
        help="How many samples calibrate: so many drawn ones (default 100), or the first so many "
        "of FILE (default all that are not kept back).",
    ),
]

HeldOutOption = Annotated[
    str | None,
    typer.Option(
        "--held-out",
        metavar="FILE",
        help="Samples that only judge the variant, instead of a part of the calibration's.",
    ),
]

MethodOption = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="NAME",
        help="How ranges follow from the samples: minmax, percentile:99.9 or moving-average:0.95.",
    ),
]

QFormatOption = Annotated[
    str | None,
    typer.Option(
        "--q-format",
        metavar="Qm.n",
        help="q8 and q16: one format for the whole network, such as Q7.9 (default: one a layer).",
    ),
]

IoOption = Annotated[
    str | None,
    typer.Option(
        "--io",
        metavar="DTYPE",
        help="Type of the variant's inputs and outputs: int8, int16 or float32 (default: the "
        "scheme's own).",
    ),
]


# What the types above do not check


def known_load(load: str) -> LoadPath:
    """The value of ``LoadOption``.

    Raises:
        UsageError: it is none.
    """
    from hil.errors import UsageError

    if load not in ("auto", "direct", "protocol"):
        raise UsageError(f"--load does not know '{load}'", hint="it takes auto, direct or protocol")
    return cast("LoadPath", load)


def known_memory_model(name: str | None) -> MemoryModel | None:
    """The value of ``MemoryModelOption``.

    Raises:
        UsageError: it is none.
    """
    from hil.errors import UsageError
    from hil.measure.cycles.memory_system import MEMORY_MODELS

    if name not in (None, *MEMORY_MODELS):
        raise UsageError(f"--memory-model does not know '{name}'", hint="it takes ideal or cache")
    return name


def check_report_folder(report: Path | None) -> None:
    """A report that cannot be written is refused before the run, not after it.

    Raises:
        UsageError: its folder does not exist.
    """
    from hil.errors import UsageError

    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(
            f"the folder of the report {report} does not exist",
            hint=f"make it first: mkdir -p {report.parent}",
        )


def exit_code(kinds: Iterable[str]) -> int:
    """The exit code for errors of these classes, by name: the highest; 0 where there are none."""
    from hil import errors

    return max((getattr(errors, kind, errors.HilError).exit_code for kind in kinds), default=0)
