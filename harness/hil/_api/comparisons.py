"""``hil.compare`` and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import figures
from hil._api import show
from hil._api.runs import Run
from hil.report.words.figures import value_text

if TYPE_CHECKING:
    from hil.report.compare.case_view import CaseView, Cell, FigureRow
    from hil.report.report_view import ReportView


@dataclass(frozen=True)
class FigurePair:
    """A figure of both runs; a value is None where the run does not have it.

    ``ratio`` is the second value divided by the first. ``verdict`` is ``better``, ``worse``,
    ``less``, ``more`` or ``same``, ``unclear`` where the uncertainty bands overlap, and
    ``unknown`` where one is not known or a run did not pass.
    """

    name: str
    label: str
    unit: str
    values: tuple[float | None, float | None]
    ratio: float | None
    verdict: str | None


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side; the first is the baseline."""

    runs: tuple[Run, Run]
    _view: ReportView

    @property
    def verdict(self) -> str:
        """The result in a sentence; differences within the uncertainty are not claimed."""
        return show.plain(" ".join(judged.headline.text for judged in self._case.verdicts))

    @property
    def figures(self) -> Mapping[str, FigurePair]:
        """Every figure that either run has, by name."""
        return {row.name: _pair(row) for row in self._case.figures}

    @property
    def ratios(self) -> Mapping[str, float]:
        """The second run's value divided by the first's, for each figure that both have."""
        return {name: f.ratio for name, f in self.figures.items() if f.ratio is not None}

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before believing a ratio, such as different models."""
        return self._case.warnings

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, with operators and memory by owner."""
        from hil.report.output.export import case_data

        return case_data(self._case)

    def save_report(self, path: str | Path) -> Path:
        """Write the comparison as an HTML page and return its absolute path.

        Raises:
            UsageError: the file cannot be written.
        """
        from hil.report import render, write_text

        return write_text(render(self._view, "html"), Path(path))

    def __repr__(self) -> str:
        return show.text("Comparison", self._rows(), (self.verdict, *self.notes))

    def _repr_html_(self) -> str:
        return show.html("Comparison", self._rows(), (self.verdict, *self.notes))

    @property
    def _case(self) -> CaseView:
        return self._view.cases[0]

    def _rows(self) -> list[show.Row]:
        rows: list[show.Row] = [("", *self._heads(), "")]
        for row in self._case.figures:
            if figures.find(row.name).level == "headline":
                first, second = row.cells
                judged = second.judgement
                words = f"{judged.ratio_text} {judged.words}".strip() if judged else ""
                rows.append((figures.find(row.name).label, _text(first), _text(second), words))
        return rows

    def _heads(self) -> list[str]:
        """Model and profile of each run, and what else differs."""
        a, b = self.runs
        heads = [f"{run.model} on {run.profile}" for run in self.runs]
        for x, y in ((a.target, b.target), (a.engine, b.engine)):
            if x != y:
                heads = [f"{heads[0]}, {x}", f"{heads[1]}, {y}"]
        return heads


def _pair(row: FigureRow) -> FigurePair:
    first, second = row.cells
    judged = second.judgement
    return FigurePair(
        name=row.name,
        label=figures.find(row.name).label,
        unit=next(cell.figure.unit for cell in row.cells if cell.figure),
        values=(_value(first), _value(second)),
        ratio=judged.ratio if judged else None,
        verdict=judged.verdict if judged else None,
    )


def _value(cell: Cell) -> float | None:
    return cell.figure.value if cell.figure else None


def _text(cell: Cell) -> str:
    return value_text(cell.figure) if cell.figure else "-"


def compare(a: Run, b: Run) -> Comparison:
    """Compare a run with a baseline.

    Args:
        a: the baseline.
        b: the run that is compared with it.
    """
    from hil.report import build_compare

    return Comparison((a, b), build_compare([a._record, b._record]))
