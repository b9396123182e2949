"""What the outputs for a labelled sample mean, and what many of them add up to.

``top1``: the class with the largest output; of equal ones the first. A model with one output
element decides between two classes at a half. ``auc``: the area under the ROC curve of a score
that is larger for label 1: of an autoencoder the mean squared difference between its dequantized
input and output (MLPerf Tiny's anomaly score, the mean over an item's windows), of a classifier
into two the margin of class 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.bench.outputs import FLOAT_TOLERANCE, compare
from hil.datasets import Dataset
from hil.errors import InputError, RunFailed, UsageError
from hil.evaluation.intervals import auc, share
from hil.records import Accuracy, Array, Estimate, SampleResult
from hil.tflite.graph import Graph
from hil.tflite.integers import to_reals

METRICS = ("auto", "top1", "auc")
_TOP5_FROM = 11  # classes
_CONFUSION_UP_TO = 200  # classes
_DIFFERING_NAMED = 20


class Metric:
    """``top1`` or ``auc`` for one model.

    ``classes`` is how many labels there are. ``asked`` ``auto`` takes ``auc`` for autoencoders:
    models whose output has the shape of their input.

    Raises:
        UsageError: the metric is unknown, or the model cannot be judged by it.
    """

    def __init__(self, graph: Graph, asked: str = "auto") -> None:
        self._graph = graph
        self._input, self._output = graph.input_tensors[0], graph.output_tensors[0]
        self._reconstructs = (
            len(graph.inputs) == 1
            and self._input.shape == self._output.shape
            and self._output.elements > 1
        )
        self.name = self._chosen(asked)
        self.outputs = self._output.elements
        self.classes = 2 if self.name == "auc" else max(2, self.outputs)

    def _chosen(self, asked: str) -> str:
        if asked not in METRICS:
            raise UsageError(
                f"--metric does not know '{asked}'", hint="it takes " + ", ".join(METRICS)
            )
        if asked == "auto":
            return "auc" if self._reconstructs else "top1"
        if asked == "auc" and not self._reconstructs and self._output.elements > 2:
            raise UsageError(
                f"the AUC needs a score: {self._graph.name} has {self._output.elements} outputs "
                f"and does not reconstruct its input",
                hint="classifiers into more than two classes are judged by --metric top1",
            )
        return asked

    def require(self, data: Dataset) -> None:
        """Refuse labels that the metric cannot be computed from.

        Raises:
            InputError: the AUC of one class only.
        """
        present = np.unique(data.labels)
        if self.name == "auc" and len(present) < 2:
            raise InputError(
                f"{data.name}: all labels are {int(present[0])}; the AUC needs both 0 (normal) "
                f"and 1 (anomaly)",
                hint="take more of the data, or --seed N so that every class keeps its share",
            )

    def judge(
        self,
        sample: int,
        label: int,
        inputs: tuple[Array, ...],
        device: tuple[Array, ...],
        host: tuple[Array, ...],
    ) -> SampleResult:
        """Return what the outputs of device and host say about one sample."""
        check = compare([device], [host], "")
        if self.name == "auc":
            return SampleResult(
                sample,
                label,
                check.passed,
                check.max_abs_diff,
                score=self._score(inputs[0], device[0]),
                host_score=self._score(inputs[0], host[0]),
            )
        return SampleResult(
            sample,
            label,
            check.passed,
            check.max_abs_diff,
            decision=self._decision(device[0]),
            host_decision=self._decision(host[0]),
            in_top5=self._in_top5(device[0], label) if self.outputs >= _TOP5_FROM else None,
        )

    def _decision(self, output: Array) -> int:
        if self.outputs == 1:
            return int(to_reals(output, self._output).reshape(-1)[0] >= 0.5)
        return int(np.argmax(output.reshape(-1)))

    def _in_top5(self, output: Array, label: int) -> bool:
        flat = output.reshape(-1)
        before = np.count_nonzero(flat > flat[label]) + np.count_nonzero(
            flat[:label] == flat[label]
        )
        return bool(before < 5)

    def _score(self, data: Array, output: Array) -> float:
        real = to_reals(output, self._output).reshape(-1)
        if self._reconstructs:
            return float(np.mean((to_reals(data, self._input).reshape(-1) - real) ** 2))
        return float(real[-1] - real[0]) if len(real) == 2 else float(real[0])

    def sum_up(self, data: Dataset, results: Sequence[SampleResult]) -> Accuracy:
        """Add up the results of all samples of a data set.

        Raises:
            RunFailed: an anomaly score is NaN or infinite.
        """
        results = sorted(results, key=lambda one: one.sample)
        differing = [one.sample for one in results if not one.equal]
        exact = all(tensor.dtype[0] != "f" for tensor in self._graph.output_tensors)
        judged = self._area(data, results) if self.name == "auc" else self._shares(results)
        main, host, top5, confusion, same = judged
        return Accuracy(
            metric=self.name,
            main=main,
            host=host,
            top5=top5,
            confusion=confusion,
            samples=len(results),
            items=data.items,
            equal=len(results) - len(differing),
            same_decision=same,
            exact=exact,
            max_abs_diff=max(one.max_abs_diff for one in results),
            differing=tuple(differing[:_DIFFERING_NAMED]),
            notes=self._notes(main, exact),
        )

    def _shares(self, results: Sequence[SampleResult]) -> _Judged:
        labels = np.array([one.label for one in results])
        ours = np.array([one.decision for one in results])
        theirs = np.array([one.host_decision for one in results])
        hits = [one.in_top5 for one in results if one.in_top5 is not None]
        n = len(results)
        return (
            share(int(np.count_nonzero(ours == labels)), n),
            share(int(np.count_nonzero(theirs == labels)), n),
            share(sum(hits), n) if hits else None,
            _confusion(labels, ours, self.classes),
            int(np.count_nonzero(ours == theirs)),
        )

    def _area(self, data: Dataset, results: Sequence[SampleResult]) -> _Judged:
        windows = np.bincount(data.item)
        scores, host = (
            np.bincount(data.item, weights=np.array(column, np.float64)) / windows
            for column in zip(*((one.score, one.host_score) for one in results), strict=True)
        )
        for side, values in (("device's", scores), ("reference's", host)):
            if not np.isfinite(values).all():
                raise RunFailed(
                    f"the {side} scores of {np.count_nonzero(~np.isfinite(values)):,} items are "
                    "no numbers: the model's outputs are NaN or infinite there",
                    hint="such a model cannot be judged; look for an overflow in its float ops",
                )
        return auc(scores, data.labels), auc(host, data.labels), None, (), None

    def _notes(self, main: Estimate, exact: bool) -> tuple[str, ...]:
        notes = []
        if self.name == "auc" and main.value in (0.0, 1.0):
            notes.append(
                "the scores separate the classes completely: resampling them cannot show how "
                "certain that is"
            )
        if self.name == "top1" and self.classes > _CONFUSION_UP_TO:
            notes.append(f"no confusion matrix of more than {_CONFUSION_UP_TO} classes is kept")
        if not exact:
            notes.append(
                f"float outputs count as equal within {FLOAT_TOLERANCE:g} of the reference's "
                "largest magnitude"
            )
        return tuple(notes)


_Judged = tuple[Estimate, Estimate, Estimate | None, tuple[tuple[int, ...], ...], int | None]


def _confusion(labels: Array, decisions: Array, classes: int) -> tuple[tuple[int, ...], ...]:
    """Rows of true classes, columns of decided ones; empty where there are too many."""
    if classes > _CONFUSION_UP_TO:
        return ()
    flat = np.bincount(labels * classes + decisions, minlength=classes * classes)
    return tuple(tuple(int(n) for n in row) for row in flat.reshape(classes, classes))
