"""Least squares for one bounded parameter, residual bands, outliers. Without scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hil.calibrate.matching import Pair

_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
"""Student's t, 97.5 %, by degrees of freedom from 1 (any table of the distribution)."""
_T_975_MANY = 2.0
MIN_FOR_ODD = 5
"""With fewer firmwares an outlier is as likely right as the others."""
ODD_TIMES = 6.0
"""Distance of an outlier, in standard deviations of the others."""
ODD_PCT = 2.0
"""Least distance of an outlier from its prediction, in per cent."""


@dataclass(frozen=True)
class HiddenShare:
    """The fitted share (0..1) of sequential flash waits that prefetch hides."""

    share: float
    standard_error: float


def fit_hidden_share(pairs: Sequence[Pair]) -> HiddenShare | None:
    """Fit the share to relative residuals, bounded to 0..1; None where no row depends on it.

    The model is linear: ``pipeline + none_hidden - share * (none_hidden - all_hidden)`` cycles.
    With relative residuals ``r = modelled / measured - 1 = b - share * a`` least squares give
    ``share = sum(a b) / sum(a a)``.
    """
    slopes, offsets = [], []
    for pair in pairs:
        assert pair.measured_cycles is not None
        measured = pair.measured_cycles
        slopes.append((pair.none_hidden_cycles - pair.all_hidden_cycles) / measured)
        offsets.append((pair.pipeline_cycles + pair.none_hidden_cycles) / measured - 1)
    weight = sum(a * a for a in slopes)
    if weight < 1e-12 or len(pairs) < 2:
        return None
    share = sum(a * b for a, b in zip(slopes, offsets, strict=True)) / weight
    share = min(1.0, max(0.0, share))
    squares = sum((b - share * a) ** 2 for a, b in zip(slopes, offsets, strict=True))
    return HiddenShare(share, math.sqrt(squares / (len(pairs) - 1) / weight))


def prediction_half_width(residuals: Sequence[float], *, fitted: int) -> float:
    """Half width of the 95 % prediction interval of one more residual, around zero.

    ``fitted`` parameters were taken from the same rows. A common offset of the residuals counts
    as error, because the model is not corrected by it.
    """
    freedom = len(residuals) - fitted
    assert freedom >= 1
    deviation = math.sqrt(sum(r * r for r in residuals) / freedom)
    t = _T_975[freedom - 1] if freedom <= len(_T_975) else _T_975_MANY
    return t * deviation * math.sqrt(1 + 1 / len(residuals))


def untypical(pairs: Sequence[Pair]) -> Pair | None:
    """The outlier that the others, fitted without it, contradict most; None without one.

    An outlier is a row more than ``ODD_TIMES`` standard deviations of the others and more than
    ``ODD_PCT`` per cent away from what they predict for it.
    """
    if len(pairs) < MIN_FOR_ODD:
        return None
    found: tuple[float, Pair] | None = None
    for pair in pairs:
        others = [other for other in pairs if other is not pair]
        fit = fit_hidden_share(others)
        share = fit.share if fit is not None else 0.5
        spread = math.sqrt(sum(o.residual(share) ** 2 for o in others) / (len(others) - 1))
        away = abs(pair.residual(share))
        times = away / max(spread, 1e-9)
        if times > ODD_TIMES and 100 * away > ODD_PCT and (found is None or times > found[0]):
            found = (times, pair)
    return found[1] if found is not None else None
