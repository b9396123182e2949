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
