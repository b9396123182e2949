"""What ``hil.run`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil import figures
from hil._api import show
from hil.records import (
    Check,
    ErrorInfo,
    Measurement,
    OpMeasurement,
    RunRecord,
)
from hil.report.words.figures import value_text
from hil.report.words.format import band


@dataclass(frozen=True)
class Run:
    """The result of a run: figures, operators and the check of the outputs.

    A figure that the target does not give is None: the target ``host`` has neither a latency nor
    an energy. ``measurements`` has every figure with its unit, kind and uncertainty.
    """

    _record: RunRecord

    @property
    def id(self) -> str:
        """Id of the run, as ``hil history`` lists it."""
        return self._record.run_id

    @property
    def status(self) -> str:
        """``passed``; else ``failed``, ``error``, ``interrupted`` or ``running``."""
        return self._record.status

    @property
    def model(self) -> str:
        """Name of the model that ran."""
        return self._record.model.name if self._record.model else ""

    @property
    def profile(self) -> str:
        """Name of the device profile."""
        return self._record.profile_name

    @property
    def engine(self) -> str:
        """Name of the inference engine."""
        return self._record.engine

    @property
    def target(self) -> str:
        """Name of the target that ran the firmware."""
        return self._record.target

    @property
    def latency_ms(self) -> float | None:
        """Time of one inference in milliseconds."""
        value = self._value("latency_us")
        return None if value is None else value / 1000

    @property
    def energy_uj(self) -> float | None:
        """Energy of one inference in microjoules."""
        return self._value("energy_uj")

    @property
    def ram_bytes(self) -> int | None:
        """RAM that the firmware needs, in bytes."""
        value = self._value("ram_bytes")
        return None if value is None else int(value)

    @property
    def flash_bytes(self) -> int | None:
        """Flash that the firmware needs, in bytes."""
        value = self._value("flash_bytes")
        return None if value is None else int(value)

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """Every figure by name, such as ``latency_us`` or ``cycles``."""
        return self._record.measurements

    @property
    def ops(self) -> tuple[OpMeasurement, ...]:
        """Cycles and time of each operator, in execution order; empty without a cycle count."""
        return self._record.ops

    @property
    def check(self) -> Check | None:
        """The outputs against the host's reference; None where nothing was compared."""
        return self._record.check

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on how the figures came about."""
        return self._record.notes

    @property
    def errors(self) -> tuple[ErrorInfo, ...]:
        """Why the run did not pass; empty for one that did."""
        return self._record.errors

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Versions, hashes and settings that the figures depend on."""
        return self._record.provenance

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain data: the ``data`` of ``hil run --json``."""
        from hil.report.output.run_json import run_data

        return run_data(self._record)

    def save_report(self, path: str | Path) -> Path:
        """Write the HTML report of the run and return its absolute path.

        Raises:
            UsageError: the file cannot be written.
        """
        from hil.report import write_report

        return write_report([self._record], Path(path))

    def __repr__(self) -> str:
        return show.text(f"Run {self._title()}", self._rows())

    def _repr_html_(self) -> str:
        return show.html(self._title(), self._rows())

    def _title(self) -> str:
        return f"{self.model} on {self.profile} ({self.target}, {self.engine}): {self.status}"

    def _rows(self) -> list[show.Row]:
        rows: list[show.Row] = [
            (figure.label, value_text(found), f"{found.kind}, {band(found.uncertainty_pct)}")
            for figure in figures.headline()
            if (found := self.measurements.get(figure.name)) is not None
        ]
        if self.check is not None:
            rows.append(("Outputs", _outputs(self.check), self.check.reference))
        rows += [("Error", error.message, error.hint) for error in self.errors]
        return rows

    def _value(self, name: str) -> float | None:
        found = self.measurements.get(name)
        return None if found is None else found.value


def _outputs(check: Check) -> str:
    inputs = f"{check.inputs} inputs"
    if not check.passed:
        return f"differ on {check.mismatches} of {inputs}"
    return f"bit-equal on {inputs}" if check.exact else f"within tolerance on {inputs}"
