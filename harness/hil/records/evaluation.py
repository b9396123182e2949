"""Labelled samples through a firmware, one by one and added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.records.run import ErrorInfo, RunStatus


@dataclass(frozen=True)
class SampleResult:
    """One labelled sample: the results of the device and of the host's reference.

    ``sample`` is its position in the data set, ``label`` the class it has (for anomalies 0 or 1).
    ``decision`` and ``host_decision`` are classes, ``in_top5`` whether the label is among the
    device's five most likely; ``score`` and ``host_score`` anomaly scores. Those that the metric
    does not use are None. ``equal`` means that all outputs match the reference's (integers bit for
    bit, floats within ``hil.bench.outputs``'s tolerance); ``max_abs_diff`` is in units of the
    output.
    """

    sample: int
    label: int
    equal: bool
    max_abs_diff: float
    decision: int | None = None
    host_decision: int | None = None
    in_top5: bool | None = None
    score: float | None = None
    host_score: float | None = None


@dataclass(frozen=True)
class Estimate:
    """A share or an AUC (0 to 1) with its confidence interval; ``n`` observations.

    ``count`` is the number of hits of a share, None for an AUC; ``method`` names the interval.
    """

    value: float
    low: float
    high: float
    n: int
    count: int | None
    method: str


@dataclass(frozen=True)
class Accuracy:
    """The sums over the samples of an evaluation; ``metric`` is ``top1`` or ``auc``.

    ``main`` is the device's figure, ``host`` the reference's over the same samples. ``confusion``
    has a row per true class and a column per class the device named. ``equal`` and
    ``same_decision`` count samples on which device and reference agree; ``exact`` means that
    outputs are integers, which must be equal. ``differing`` names the first samples that are not.
    """

    metric: str
    main: Estimate
    host: Estimate
    top5: Estimate | None
    confusion: tuple[tuple[int, ...], ...]
    samples: int
    items: int
    equal: int
    same_decision: int | None
    exact: bool
    max_abs_diff: float
    differing: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a firmware on labelled samples: what the store keeps.

    ``key`` is a hash of model, firmware, data and options, so that an
    interrupted evaluation can be continued. ``done`` of ``samples`` have run.
    ``preparation`` describes how the data became the model's input.
    """

    evaluation_id: str
    key: str
    status: RunStatus
    started_at: str
    finished_at: str | None
    profile_name: str
    target: str
    machine: str
    machine_exact: bool
    engine: str
    model_name: str
    model_sha256: str
    model_dtype: str
    firmware_sha256: str
    data_name: str
    data_sha256: str
    metric: str
    samples: int
    done: int
    preparation: str
    options: Mapping[str, Any]
    provenance: Mapping[str, Any]
    accuracy: Accuracy | None = None
    errors: tuple[ErrorInfo, ...] = ()
