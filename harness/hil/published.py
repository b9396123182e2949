"""Published results of others as typed rows: MLPerf Tiny v0.5 to v1.3.

The data and its doubts are described in ``reports/published/README.md``. Everything here is of the
kind ``published``; nothing of it was measured by hil.
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from hil.errors import StoreError
from hil.records import RunRecord
from hil.resources import data_dir

Task = Literal["ad", "ic", "kws", "vww", "sww"]
INFERENCE_TASKS: tuple[Task, ...] = ("ad", "ic", "kws", "vww")
"""Tasks whose energy is one inference's; ``sww`` streams."""


_BLANK = BeforeValidator(lambda text: text or None)
_Number = Annotated[float | None, _BLANK]


@dataclass(frozen=True)
class PublishedResult:
    """One published row. None (or an empty text) where the source says nothing.

    ``energy_uj_per_inference`` of ``sww`` is the energy of its whole window. ``volts_stated`` is
    False where the supply is an assumption of ours. ``doubt`` says why not to fit to the row.
    """

    version: str
    division: str
    submitter: str
    system: str
    board: str
    part: str
    task: Task
    latency_ms: _Number
    energy_uj_per_inference: _Number
    stated_power_mw: _Number
    energy_mode_latency_ms: _Number
    top1_pct: _Number
    auc: _Number
    processor: str
    clock_hz: Annotated[int | None, _BLANK]
    volts: _Number
    volts_stated: Annotated[bool, BeforeValidator(lambda text: text == "yes")]
    regulator: str
    framework: str
    note: str
    doubt: str

    @property
    def is_energy_pair(self) -> bool:
        """Whether the row has the latency and the energy of one inference."""
        return self.task in INFERENCE_TASKS and None not in (
            self.latency_ms,
            self.energy_uj_per_inference,
        )

    @property
    def energy_latency_ms(self) -> float:
        """Latency that belongs to the energy: energy mode's, else performance mode's, in ms."""
        latency = self.energy_mode_latency_ms or self.latency_ms
        assert latency is not None
        return latency

    @property
    def power_mw(self) -> float:
        """Average power of an inference in mW, derived: energy / latency in energy mode."""
        assert self.energy_uj_per_inference is not None
        return self.energy_uj_per_inference / self.energy_latency_ms

    @property
    def label(self) -> str:
        """Version, submitter and system, as one cites it."""
        return f"v{self.version} {self.submitter} {self.system}"


_TABLE = TypeAdapter(tuple[PublishedResult, ...])


@functools.cache
def mlperf_tiny() -> tuple[PublishedResult, ...]:
    """All rows of ``reports/published/mlperf_tiny.csv``, in the file's order.

    Raises:
        MissingTool: the installation has no ``reports`` folder.
        StoreError: the file is missing or damaged.
    """
    return read_results(data_dir("reports") / "published" / "mlperf_tiny.csv")


def read_results(path: Path) -> tuple[PublishedResult, ...]:
    """Read rows from a file of that form.

    Raises:
        StoreError: the file cannot be read, or a row is invalid (it is named).
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _TABLE.validate_python(list(csv.DictReader(file)))
    except OSError as error:
        raise StoreError(
            f"cannot read the published results {path}: {error.strerror}", hint="reinstall hil"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise StoreError(f"{path} is not a table: {error}", hint="reinstall hil") from error
    except ValidationError as error:
        (row, column, *_), text = error.errors()[0]["loc"], error.errors()[0]["msg"]
        raise StoreError(
            f"{path}, row {int(row) + 1}: {column}: {text}", hint="reinstall hil"
        ) from error


def energy_pairs() -> tuple[PublishedResult, ...]:
    """Rows with latency and energy of an inference, on boards that have a name here."""
    return tuple(row for row in mlperf_tiny() if row.is_energy_pair and row.board)


@dataclass(frozen=True)
class _Match:
    """What belongs together: model hash to task, profile name to board, and which divisions."""

    models: Mapping[str, str]
    boards: Mapping[str, str]
    divisions: tuple[str, ...]


@functools.cache
def _match() -> _Match:
    path = data_dir("reports") / "published" / "mlperf_tiny_match.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _Match(found["models"], found["boards"], tuple(found["divisions"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"cannot read {path}: {error}", hint="reinstall hil") from error


def matching(run: RunRecord) -> tuple[PublishedResult, ...]:
    """Published rows of the run's model on the run's board, the fastest first; often none.

    The model is matched by its SHA-256 (MLPerf Tiny's int8 reference models, which the closed
    division runs), the board by the profile's name and its chip's part. A row may have been
    measured at another clock or supply than the profile's: it carries both. A profile that was set
    to another clock (``NAME@48MHz``) matches only rows that were measured at it.

    Raises:
        MissingTool: the installation has no ``reports`` folder.
        StoreError: the data is damaged.
    """
    if run.model is None:
        return ()
    match = _match()
    task = match.models.get(run.model.sha256)
    name, at_clock, _ = run.profile_name.partition("@")
    board = match.boards.get(name)
    clock_hz = (run.profile.get("clock") or {}).get("hz")
    part = (run.profile.get("chip") or {}).get("part")
    if task is None or board is None:
        return ()
    rows = (
        row
        for row in mlperf_tiny()
        if (row.task, row.board, row.part) == (task, board, part)
        and row.division in match.divisions
        and (not at_clock or row.clock_hz == clock_hz)
    )
    return tuple(sorted(rows, key=lambda row: (row.latency_ms or float("inf"), row.version)))
