"""The output of commands: JSON envelopes, tables, values with units, files, progress.

Data goes to stdout, everything else to stderr. Libraries are imported where they are used.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from hil.errors import UsageError

if TYPE_CHECKING:
    import rich.progress
    from rich.console import Console

    from hil.records import Evaluation, Measurement, RunRecord

#: Stages that ``hil.bench.pipeline``, ``hil.evaluation`` and ``hil.quantization`` report.
STAGES = {
    "calibrate": "quantizing: calibrating",
    "compare": "quantizing: comparing with the float model",
    "data": "reading the data",
    "plan": "planning",
    "arena": "finding the smallest arena",
    "build": "building the firmware",
    "flash": "flashing the board",
    "run": "running on the target",
    "measure": "computing the figures",
    "check": "comparing outputs with the reference",
}

_emitted = False

_SCALE_FROM = 10_000  # smaller values keep the base unit, so that columns are easy to compare


def emit_json(
    schema: str,
    status: str,
    data: Any,
    errors: Iterable[Mapping[str, str] | Any] = (),
    *,
    line: bool = False,
) -> None:
    """Print the one object of a ``--json`` command on stdout.

    Args:
        schema: ``hil.<command>/<version>``; the words of a sub-command are joined by dots.
        status: ``ok``, ``passed``, ``failed`` or ``error``.
        data: anything made of dataclasses, mappings, sequences, numpy values and paths; None on
            failures. NaN and infinities, which JSON does not have, become null.
        errors: mappings or dataclasses with ``message`` and ``hint``.
        line: print it on one line, for a command that goes on after it.
    """
    global _emitted
    envelope = {
        "schema": schema,
        "status": status,
        "data": plain(data),
        "errors": [plain(error) for error in errors],
    }
    _write_json(envelope, sys.stdout, indent=None if line else 2)
    _emitted = True


def emitted() -> bool:
    """Whether this process has already printed its JSON object."""
    return _emitted


def _write_json(value: Any, stream: TextIO, *, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:  # a terminal without UTF-8, or a file name that is not text
        text = json.dumps(value, indent=indent, ensure_ascii=True, allow_nan=False)
    stream.write(text + "\n")


def plain(value: Any) -> Any:
    """Return ``value`` as types that ``json`` writes.

    Raises:
        TypeError: there is no such form of it.
    """
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        return plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json", by_alias=True))
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def write_file(path: Path, content: str | bytes, option: str, *, append: bool = False) -> None:
    """Write a file that the user named with ``option``.

    Raises:
        UsageError: it cannot be written.
    """
    from hil import files

    data = content.encode() if isinstance(content, str) else content
    try:
        if append or (path.exists() and not path.is_file()):  # a pipe, /dev/stdout
            with path.open("ab") as file:
                file.write(data)
        else:
            files.write_bytes(path.resolve(), data)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint=f"give another file with {option}"
        ) from error


def error(message: str, hint: str = "") -> None:
    """Print an error on stderr and, if there is one, its hint."""
    note(f"error: {message}" + (f"\nhint: {hint}" if hint else ""))


def note(text: str) -> None:
    """Print on stderr; a closed or full stderr must not change the exit code of a failure."""
    if "://" in text or "password" in text:  # a URL of a database
        from hil.settings import without_password

        text = without_password(text)
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _stdout_console() -> Console:
    """A rich console on stdout; outside a terminal without colours and line breaks."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, width=1_000, color_system=None)
    return console


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of ``print_table``: ``right`` aligned, or with cells that ``fold``."""

    title: str
    right: bool = False
    fold: bool = False


def print_table(columns: Sequence[Column | str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout; cells are plain text without mark-up.

    A column may be given as its title; ``>`` before the title aligns it to the right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        if isinstance(column, str):
            column = Column(column.removeprefix(">"), right=column.startswith(">"))
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=not column.fold,
            overflow="fold" if column.fold else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _stdout_console().print(table)


def print_figures(figures: Mapping[str, Measurement]) -> None:
    """Print measurements as a table: value with a readable unit, band, kind."""
    from hil.figures import find

    rows = []
    for name, figure in figures.items():
        band = figure.uncertainty_pct
        rows.append(
            (
                find(name).title,
                format_value(figure.value, figure.unit),
                "" if band is None else "exact" if band == 0 else f"±{band:.3g} %",
                figure.kind,
            )
        )
    print_table(["measurement", ">value", ">band", "kind"], rows)


def machine(record: RunRecord | Evaluation) -> str:
    """Return target and machine of a result, and whether the machine is a substitute."""
    substitute = "" if record.machine_exact else ", substitute"
    return f"{record.target} {record.machine}{substitute}"


def headline_columns() -> list[Column | str]:
    """Return the columns of the headline figures, for a table of runs."""
    from hil.figures import headline

    return [Column(figure.title, right=True) for figure in headline()]


def headline_cells(measurements: Mapping[str, Measurement]) -> list[str]:
    """Return the cells of the headline figures of a run, ``-`` where there is none."""
    from hil.figures import headline

    found = (measurements.get(figure.name) for figure in headline())
    return ["-" if one is None else format_value(one.value, one.unit) for one in found]


def format_number(value: float, digits: int = 4) -> str:
    """``value`` with thousands separators and at least ``digits`` significant digits.

    Integers have all their digits; NaN and infinities are ``-``.
    """
    if not math.isfinite(value):
        return "-"
    if float(value).is_integer():
        return f"{int(value):,}"
    magnitude = math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def format_bytes(size_bytes: float) -> str:
    """``9,216 B``, ``54.2 KiB`` or ``1 MiB``: below 10 KiB bytes are exact."""
    if abs(size_bytes) < 10 * 1024:
        return f"{format_number(size_bytes)} B"
    unit, factor = ("KiB", 1024) if abs(size_bytes) < 1024**2 else ("MiB", 1024**2)
    scaled = float(size_bytes) / factor
    return f"{scaled:,.0f} {unit}" if scaled.is_integer() else f"{scaled:,.1f} {unit}"


def format_value(value: float, unit: str) -> str:
    """A value with a readable unit: times, energies and sizes are scaled, counts are not."""
    from hil import figures

    known = figures.unit(unit)
    if known.name == "bytes":
        return format_bytes(value)
    if not known.steps:
        return f"{format_number(value)} {'' if unit == '1' else unit}".rstrip()
    factor, name = known.steps[0]
    for next_factor, next_name in known.steps[1:]:
        if abs(value) / factor >= _SCALE_FROM:
            factor, name = next_factor, next_name
    return f"{format_number(value / factor)} {name}"


class Progress:
    """What ``progress`` gives: shows the current step on stderr, or nothing outside a terminal."""

    def __init__(self, title: str, bars: rich.progress.Progress | None) -> None:
        self._title = f"{title}: " if title else ""
        self._bars = bars
        self._stage = ""
        self._task = bars.add_task("", total=None, count="") if bars else None

    def show(self, text: str) -> None:
        """Show a step whose length is not known."""
        self.stage(text, 0, 0)

    def titled(self, title: str) -> Callable[[str, int, int], None]:
        """Return :meth:`stage` for one of several parts, whose ``title`` is shown after it."""
        return lambda stage, done, total: self.stage(stage, done, total, title)

    def stage(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Show ``done`` of ``total`` parts of a stage, with the time left; 0 of 0: not known."""
        if self._bars is None or self._task is None:
            return
        if stage != self._stage:
            self._bars.reset(self._task, completed=done)  # the speed is that of this stage
            self._stage = stage
        self._bars.update(
            self._task,
            description=f"{self._title}{STAGES.get(stage, stage)} {detail}".rstrip(),
            completed=done,
            total=total or None,
            count=f"{done}/{total}" if total else "",
        )


@contextlib.contextmanager
def progress(title: str = "", *, quiet: bool = False) -> Iterator[Progress]:
    """Show what is being done on one line of stderr, which is removed when the block ends.

    On anything but a terminal, and with ``quiet``, nothing is shown.
    """
    stream = sys.stderr
    if quiet or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Progress(title, None)
        return
    import rich.progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=20),
        bars.TextColumn("{task.fields[count]}"),
        bars.TimeRemainingColumn(compact=True),
    )
    console = Console(file=cast("TextIO", _Terminal(stream)))
    with bars.Progress(
        *columns,
        console=console,
        transient=True,
        refresh_per_second=4,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as shown:
        yield Progress(title, shown)


class _Terminal:
    """A terminal that may go away; that must not replace the reason why the command ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
