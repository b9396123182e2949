"""Accuracy as the official runner computes it, from what devices answered with three decimals.

Source: ``summarize_result`` and ``calculate_accuracy`` of ``benchmark/runner/main.py`` in
https://github.com/mlcommons/tiny: outputs are divided by their sum; the outputs of a file's windows
are averaged; the class is the first largest; the AUC of several classes is the mean of one class
against the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.errors import RunFailed
from hil.evaluation.intervals import auc, share
from hil.mlperf_tasks import MlperfTask
from hil.records import Array, Estimate

Answers = Sequence[Sequence[tuple[float, ...]]]
"""Of each file the answers to its loads."""


def top1(task: MlperfTask, answers: Answers, labels: Sequence[int]) -> Estimate:
    """Return the share of files whose first largest output is that of their class."""
    decisions = np.argmax(_averaged(task, answers), axis=1)
    return share(int(np.count_nonzero(decisions == np.asarray(labels))), len(labels))


def area(task: MlperfTask, answers: Answers, labels: Sequence[int]) -> Estimate | None:
    """Return the area under the ROC curve; None where a class has no file or only one has any.

    For several classes the interval is that of no method: it is the value itself.
    """
    values, classes = _averaged(task, answers), np.asarray(labels)
    present = set(classes.tolist())
    if len(present) < 2 or len(present) < task.classes:
        return None
    if task.classes == 2:
        return auc(values[:, -1], classes)
    each = [
        _area(values[classes != one, one], values[classes == one, one])
        for one in range(task.classes)
    ]
    value = float(np.mean(each))
    return Estimate(value, value, value, len(labels), None, "none: mean over classes")


def _area(below: Array, above: Array) -> float:
    """The share of pairs in which the one of the class is above; equal ones count half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([above, below]))
    most = len(above) * len(below)
    return float((ranks[: len(above)].sum() - len(above) * (len(above) + 1) / 2) / most)


def averaged(task: MlperfTask, file: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the mean of the answers to a file's loads, each divided by its sum.

    Raises:
        RunFailed: an answer has another number of values, or one that is NaN or infinite.
    """
    return tuple(np.mean([_normal(task, one) for one in file], axis=0).tolist())


def _averaged(task: MlperfTask, answers: Answers) -> Array:
    return np.array([averaged(task, file) for file in answers])


def _normal(task: MlperfTask, answer: tuple[float, ...]) -> Array:
    values = np.array(answer, np.float64)
    expected = 1 if task.scored else task.classes
    if len(values) != expected or not np.isfinite(values).all():
        raise RunFailed(
            f"the device answered {len(values)} values instead of {expected}, or no numbers",
            hint="the firmware is for another model, or the model's outputs are NaN or infinite",
        )
    total = values.sum()
    return values if task.scored or total == 0 else values / total
