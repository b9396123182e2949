"""A data set, and the function that loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hil.datasets.labels import checked_labels
from hil.errors import InputError
from hil.records import Array, InputSpec
from hil.tflite.graph import Graph

FORMS = (
    "--data takes FILE.npz (arrays x and y), a folder with y_labels.csv, or module:function that "
    "returns (x, y)"
)


@dataclass(frozen=True)
class Dataset:
    """Samples as the model takes them, and the label of each item.

    ``columns`` has one array (N, *shape) per model input. An item is what a label belongs to: a
    sample itself, or the windows of a long recording, which ``item`` (N) groups; ``labels`` has
    one entry per item. ``index`` (N) are the samples' positions in the whole data set, of which
    this may be a part. ``preparation`` describes how the data became the inputs. ``sha256``
    is of the whole data set's prepared inputs and labels.
    """

    name: str
    kind: str  # "npz", "folder", "function" or "arrays"
    columns: tuple[Array, ...]
    labels: Array
    item: Array
    index: Array
    preparation: str
    sha256: str

    def __len__(self) -> int:
        return len(self.item)

    @property
    def items(self) -> int:
        """How many things are labelled."""
        return len(self.labels)

    def sample(self, at: int) -> tuple[Array, ...]:
        """Return the model's inputs of one sample."""
        return tuple(np.ascontiguousarray(column[at]) for column in self.columns)

    def label(self, at: int) -> int:
        """Return the label of one sample (that of its item)."""
        return int(self.labels[self.item[at]])

    def take(self, limit: int | None, seed: int | None = None) -> Dataset:
        """Return ``limit`` of the items (all when None), in the data set's order.

        Without a ``seed`` the first ones; with it, drawn at random so that every class keeps its
        share (largest remainders; a class with any share at all keeps at least one item if the
        limit allows it).

        Raises:
            InputError: there are fewer items.
        """
        if limit is None or limit == self.items:
            return self
        if limit > self.items:
            raise InputError(
                f"{self.name} holds {self.items} labelled items, {limit} were asked for",
                hint=f"ask for {self.items} or fewer, or leave --limit out",
            )
        kept = np.arange(limit) if seed is None else _stratified(self.labels, limit, seed)
        renumbered = np.full(self.items, -1)
        renumbered[kept] = np.arange(limit)
        rows = np.flatnonzero(renumbered[self.item] >= 0)
        return replace(
            self,
            columns=tuple(column[rows] for column in self.columns),
            labels=self.labels[kept],
            item=renumbered[self.item[rows]],
            index=self.index[rows],
        )


def load(spec: str | InputSpec, graph: Graph, classes: int, *, data_type: str = "auto") -> Dataset:
    """Load the data set that ``spec`` names, as inputs of ``graph``.

    ``classes`` is how many labels there are (0 to classes - 1). ``data_type`` says what the files
    of a folder hold: ``int8``, ``uint8``, ``float32``, or ``auto``.

    Raises:
        InputError: the data cannot be read or does not fit the model, or labels are missing,
            out of range, or no whole numbers.
    """
    from hil.datasets import arrays, folder

    spec = InputSpec.of(spec)
    path = Path(spec.text)
    item = None
    if spec.arrays is not None:
        kind = "arrays"
        columns, labels, preparation = arrays.from_arrays(spec, graph)
    elif path.is_dir():
        kind = "folder"
        columns, labels, item, preparation = folder.read(path, graph, classes, data_type)
    elif path.suffix == ".npz" or path.is_file():
        kind = "npz"
        columns, labels, preparation = arrays.from_arrays(spec, graph)
    elif ":" in spec.text:
        kind = "function"
        columns, labels, preparation = arrays.from_function(spec.text, graph)
    else:
        raise InputError(f"there is no data set '{spec}'", hint=FORMS)
    count = len(columns[0])
    item = np.arange(count) if item is None else item
    checked = checked_labels(labels, int(item[-1]) + 1, classes, spec.text)
    return Dataset(
        name=spec.text,
        kind=kind,
        columns=columns,
        labels=checked,
        item=item,
        index=np.arange(count),
        preparation=preparation,
        sha256=_sha256(columns, checked, item),
    )


def _sha256(columns: Sequence[Array], labels: Array, item: Array) -> str:
    digest = hashlib.sha256()
    for array in (*columns, labels.astype("<i8"), item.astype("<i8")):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _stratified(labels: Array, limit: int, seed: int) -> Array:
    """Positions of ``limit`` items drawn without replacement, each class by its share."""
    classes, counts = np.unique(labels, return_counts=True)
    shares = counts * limit / len(labels)
    quota = np.floor(shares).astype(int)
    if limit >= len(classes):
        quota = np.maximum(quota, 1)
    # Hand out what is left to the largest remainders; take what is too much from the smallest.
    by_remainder = np.argsort(-(shares - quota), kind="stable")
    while (left := limit - int(quota.sum())) != 0:
        for at in by_remainder if left > 0 else by_remainder[::-1]:
            if left > 0 and quota[at] < counts[at]:
                quota[at] += 1
                break
            if left < 0 and quota[at] > 1:
                quota[at] -= 1
                break
        by_remainder = np.argsort(-(shares - quota), kind="stable")
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = [
        random.permutation(np.flatnonzero(labels == one))[:count]
        for one, count in zip(classes, quota, strict=True)
    ]
    return np.sort(np.concatenate(drawn))
