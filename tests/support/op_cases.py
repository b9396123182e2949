"""Many ops side by side in one model, so that one compilation checks them all.

::

    cases = OpCases()
    x = cases.input((2, 3), "int8", scale=0.1)
    y = cases.output((2, 3), "int8", scale=0.05)
    cases.op("RELU", [x], [y])
    ...
    cases.check()

Strategies for hypothesis stand at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.errors import UnsupportedModel
from hil.records import Array
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference
from hypothesis import strategies as st

from tests.support.host_model import assert_close, extreme_inputs, host_model, random_inputs
from tests.support.tflite_builder import ModelBuilder


class OpCases:
    """Collects independent ops; every output is an output of the model, with a label."""

    def __init__(self) -> None:
        self.builder = ModelBuilder()
        self._inputs: list[int] = []
        self._values: list[Array | None] = []
        self._outputs: list[int] = []
        self._labels: dict[int, str] = {}

    def input(self, shape: Sequence[int], dtype: str = "int8", **tensor: Any) -> int:
        """A graph input; ``values`` fixes its content, else it is random and extreme."""
        values = tensor.pop("values", None)
        index = self.builder.tensor(shape, dtype, **tensor)
        self._inputs.append(index)
        self._values.append(values)
        return index

    def output(self, shape: Sequence[int], dtype: str = "int8", **tensor: Any) -> int:
        """A graph output."""
        index = self.builder.tensor(shape, dtype, **tensor)
        self._outputs.append(index)
        return index

    def ints(self, values: Sequence[int] | int, dtype: str = "int32") -> int:
        """A constant of integers, such as axes."""
        return self.builder.tensor(np.shape(values), dtype, data=values)

    def op(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Append an op."""
        self.builder.op(name, inputs, outputs, **options)
        for output in outputs:
            self._labels[output] = f"{name} {options}"

    def model(self) -> bytes:
        """The .tflite."""
        return self.builder.build(self._inputs, self._outputs)

    def check(self, *, rounds: int = 2, seed: int = 0) -> None:
        """Compare with the reference on random and on extreme inputs."""
        model = self.model()
        graph = parse_model(model, "cases")
        host, reference = host_model(model, sanitize=True), Reference(Model.parse(model, "m"))
        rng = np.random.default_rng(seed)
        drawn = [random_inputs(graph, rng) for _ in range(rounds)] + extreme_inputs(graph)
        for inputs in drawn:
            arrays = [
                array if fixed is None else fixed
                for array, fixed in zip(inputs, self._values, strict=True)
            ]
            results = zip(self._outputs, host.run(arrays), reference.run(arrays), strict=True)
            for index, got, want in results:
                tensor = graph.tensors[index]
                assert_close(got, want, f"{self._labels[index]} -> {tensor.shape} {tensor.dtype}")


def assert_refused(model: bytes, name: str, *words: str, index: int = 0) -> None:
    """The aot engine refuses ``model`` before any build; message or hint hold ``words``."""
    with pytest.raises(UnsupportedModel) as caught:
        engine("aot").sources(Model.parse(model, "refused"))
    assert f"op {index} ({name})" in caught.value.message
    for word in words:
        assert word in f"{caught.value.message} | {caught.value.hint}"
    assert caught.value.hint.startswith("supported: ")


SCALES = st.floats(-3.0, -0.3).map(lambda exponent: float(np.float32(10.0**exponent)))
ZERO_POINTS = st.integers(-128, 127)
SIDES = st.integers(1, 5)


def shapes(min_dims: int, max_dims: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with sides of 1 to 5."""
    return st.lists(SIDES, min_size=min_dims, max_size=max_dims).map(tuple)
