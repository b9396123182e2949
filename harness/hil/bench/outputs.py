"""Outputs of the device against the host's reference: correctness comes before time.

Integer outputs must be equal. A float output ``a`` matches ``b`` when
``|a - b| <= tolerance * max(|b|)`` over the tensor: relative to the largest magnitude of the
reference output, so that a value near zero in a tensor of large ones does not count as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.records import Array, Check

FLOAT_TOLERANCE = 1e-5


def compare(
    outputs: Sequence[tuple[Array, ...]],
    expected: Sequence[tuple[Array, ...]],
    reference: str,
) -> Check:
    """Compare each inference's outputs with the reference's for the same input.

    ``outputs`` and ``expected`` are parallel: per input, the model's output tensors in order.
    ``mismatches`` counts inputs with at least one differing output. NaN equals NaN in the same
    place (the reference itself computed it); infinities must be equal.
    """
    exact = all(not _is_float(tensor) for tensors in expected for tensor in tensors)
    largest_abs = largest_rel = 0.0
    mismatches = 0
    for got, want in zip(outputs, expected, strict=True):
        wrong = False
        for a, b in zip(got, want, strict=True):
            absolute, relative = difference(a, b)
            largest_abs, largest_rel = max(largest_abs, absolute), max(largest_rel, relative)
            wrong |= relative > FLOAT_TOLERANCE if _is_float(b) else absolute != 0
        mismatches += wrong
    return Check(
        reference=reference,
        exact=exact,
        passed=mismatches == 0,
        max_abs_diff=largest_abs,
        max_rel_diff=largest_rel,
        tolerance=0.0 if exact else FLOAT_TOLERANCE,
        inputs=len(expected),
        mismatches=mismatches,
    )


def difference(got: Array, want: Array) -> tuple[float, float]:
    """Return (largest absolute difference, the same relative to the largest |want|)."""
    if got.shape != want.shape:
        return float("inf"), float("inf")
    a, b = got.astype(np.float64), want.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if bool(same.all()):
        return 0.0, 0.0
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(a - b))
    if not bool(np.isfinite(gap).all()):
        return float("inf"), float("inf")
    absolute = float(gap.max())
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    return absolute, absolute / scale if scale else float("inf")


def _is_float(tensor: Array) -> bool:
    return bool(np.issubdtype(tensor.dtype, np.floating))
