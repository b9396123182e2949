"""Sequences of inputs for models that keep state: step by step against the reference."""

from __future__ import annotations

import ctypes

import numpy as np
from hil.records import Array
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.support.host_model import (
    HostModel,
    assert_close,
    extreme_inputs,
    host_model,
    random_inputs,
)

STEPS = 24


def assert_steps_match(model: bytes, *, seed: int = 0, steps: int = STEPS) -> HostModel:
    """Run the C model and the reference over random and extreme steps, twice with a reset between.

    Integers must be equal at each step, float32 within the tolerance; the second pass, whose inputs
    are those of the first, must repeat its outputs, and a state that is kept must have changed one.
    """
    parsed = Model.parse(model, "steps")
    host, reference = host_model(model, sanitize=True), Reference(parsed)
    rng = np.random.default_rng(seed)
    inputs = [random_inputs(parsed.graph, rng) for _ in range(steps)]
    inputs[3:3] = extreme_inputs(parsed.graph)
    passes: list[list[Array]] = []
    for _ in range(2):
        reset(host)
        outputs = []
        for step, arrays in enumerate(inputs):
            wanted = reference.run(arrays, continued=step > 0)
            for got, want in zip(host.run(arrays), wanted, strict=True):
                assert_close(got, want, f"step {step}")
                outputs.append(got)
        passes.append(outputs)
    for first, second in zip(*passes, strict=True):
        np.testing.assert_array_equal(first, second)
    return host


def reset(host: HostModel) -> None:
    """``hil_model_reset`` of a model with state."""
    function = host.library.hil_model_reset
    function.restype = None
    assert isinstance(host.library, ctypes.CDLL)
    function()
