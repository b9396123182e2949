"""What ``hil.accuracy`` returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hil._api import show
from hil.records import Accuracy as Counts
from hil.records import ErrorInfo, Estimate, Evaluation


@dataclass(frozen=True)
class Accuracy:
    """How many labelled samples a model gets right on a device, and on the host's reference."""

    _evaluation: Evaluation

    @property
    def id(self) -> str:
        """Id of the evaluation, as ``hil accuracy --list`` shows it."""
        return self._evaluation.evaluation_id

    @property
    def status(self) -> str:
        """``passed``, or ``failed`` where device and reference differ."""
        return self._evaluation.status

    @property
    def metric(self) -> str:
        """``top1`` (share of right classes) or ``auc`` (anomaly detection)."""
        return self._counts.metric

    @property
    def value(self) -> float:
        """The device's accuracy, from 0 to 1."""
        return self._counts.main.value

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of ``value``."""
        return self._counts.main.low, self._counts.main.high

    @property
    def reference(self) -> float:
        """The accuracy of the host's reference on the same samples, from 0 to 1."""
        return self._counts.host.value

    @property
    def samples(self) -> int:
        """How many samples ran."""
        return self._counts.samples

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """Samples by true class (rows) and the class the device named; empty where not counted."""
        return self._counts.confusion

    @property
    def errors(self) -> tuple[ErrorInfo, ...]:
        """Why the evaluation did not pass; empty for one that did."""
        return self._evaluation.errors

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain data: the ``data`` of ``hil accuracy --json``."""
        return asdict(self._evaluation)

    def __repr__(self) -> str:
        return show.text(f"Accuracy {self._title()}", self._rows())

    def _repr_html_(self) -> str:
        return show.html(self._title(), self._rows())

    @property
    def _counts(self) -> Counts:
        assert self._evaluation.accuracy is not None  # only finished evaluations are wrapped
        return self._evaluation.accuracy

    def _title(self) -> str:
        it = self._evaluation
        return f"{it.model_name} on {it.profile_name} ({it.target}, {it.engine}): {it.status}"

    def _rows(self) -> list[show.Row]:
        counts = self._counts
        name = "AUC" if self.metric == "auc" else "Top-1"
        equal = f"{counts.equal:,} of {counts.samples:,}"
        return [
            (f"{name}, device", *_cells(counts.main)),
            (f"{name}, reference", *_cells(counts.host)),
            ("Samples equal to the reference", equal, ""),
        ]


def _cells(estimate: Estimate) -> tuple[str, str]:
    return f"{estimate.value:.2%}", f"{estimate.low:.2%} to {estimate.high:.2%}"
