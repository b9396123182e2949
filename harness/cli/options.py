"""Options that several commands share, so that they read and behave alike everywhere.

Precedence (flag, ``HIL_*``, ``hil.toml``, user's file, built-in) is ``harness.settings``'s work:
options default to None and are handed to ``settings.load``.
"""

from __future__ import annotations

from typing import Annotated

import typer

DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL|FILE",
        help="Results database: a file or an SQLAlchemy URL (also: HIL_DB).",
        show_default=False,
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
        "--cache-dir",
        metavar="DIR",
        help="Folder for rebuildable files (also: HIL_CACHE_DIR).",
        show_default=False,
    ),
]

QemuOption = Annotated[
    str | None,
    typer.Option(
        "--qemu",
        metavar="FILE",
        help="The qemu-system-arm to use (also: HIL_QEMU).",
        show_default=False,
    ),
]

MemoryModelOption = Annotated[
    str | None,
    typer.Option(
        "--memory-model",
        metavar="ideal|cache",
        help="Flash without waits (ideal), or with waits and simulated caches (cache, the "
        "default where the profile has wait states).",
        show_default=False,
    ),
]

SCHEMES_HELP = "int8, int8-per-tensor, int16x8, dynamic, q8 or q16"

CalibrationOption = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE|normal:SEED",
        help="Samples to calibrate with: .npz or .npy of float32 inputs, normal:SEED or "
        "random:SEED. The last fifth of a file is kept back to judge the variant by.",
        show_default=False,
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
        show_default=False,
    ),
]

HeldOutOption = Annotated[
    str | None,
    typer.Option(
        "--held-out",
        metavar="FILE",
        help="Samples that only judge the variant, instead of a part of the calibration's.",
        show_default=False,
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
        show_default=False,
    ),
]

IoOption = Annotated[
    str | None,
    typer.Option(
        "--io",
        metavar="DTYPE",
        help="Type of the variant's inputs and outputs: int8, int16 or float32 (default: the "
        "scheme's own).",
        show_default=False,
    ),
]
