"""Labels: one whole number per item, within the model's classes."""

from __future__ import annotations

import numpy as np

from hil.errors import InputError
from hil.records import Array


def checked_labels(labels: Array, items: int, classes: int, where: str) -> Array:
    """Return the labels as int64 (items).

    ``classes`` is how many there are; ``where`` names the data set.

    Raises:
        InputError: wrong shape, count or dtype, or a label outside the classes.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise InputError(
            f"{where}: the labels have shape {labels.shape}, not ({items},)",
            hint="give one class number per sample; one-hot rows become that by y.argmax(axis=1)",
        )
    if len(labels) != items:
        raise InputError(
            f"{where} holds {items} samples but {len(labels)} labels",
            hint="every sample needs one label, in the same order",
        )
    if labels.dtype.kind not in "iub":
        raise InputError(
            f"{where}: the labels are {labels.dtype}, not integers",
            hint="class numbers are whole numbers from 0 up: y.astype(numpy.int64)",
        )
    numbers = labels.astype(np.int64)
    wrong = np.flatnonzero((numbers < 0) | (numbers >= classes))
    if len(wrong):
        at = int(wrong[0])
        raise InputError(
            f"{where}: the label of item {at} is {int(labels[at])}, the model's classes are 0 to "
            f"{classes - 1} ({len(wrong)} of {items} labels are out of range)",
            hint="is this data set for another model, or do its labels start at 1?",
        )
    return numbers
