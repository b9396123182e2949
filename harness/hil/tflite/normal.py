"""Standard normal numbers out of random bits, the same ones on every machine.

numpy guarantees the raw stream of a bit generator, but not its distributions; and the logarithm of
a C library may differ in the last bit. So uniform numbers are sent through the inverse of the
normal distribution by Wichura's rational approximation, in nothing but float64 +, -, *, / and
square roots, which IEEE 754 defines to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

# M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied
# Statistics 37 (1988), routine PPND16 (about 16 digits): numerator and denominator in the middle,
# in the tails, and far out; highest power first.
_MIDDLE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_TAIL = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177,
     1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055,
     4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966,
     0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
     0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358,
     5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5,
     7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531,
     0.59983220655588793769, 1.0),
)  # fmt: skip
_LN2 = 0.6931471805599453
_SQRT_HALF = 0.7071067811865476
_LOG_TERMS = 12  # of the series of atanh for |z| < 0.172: the next one is below 1e-20


def from_bits(words: npt.NDArray[np.uint64]) -> Doubles:
    """Return one standard normal number for each 64-bit word; the upper 52 bits count."""
    uniform = ((words >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
    centred = uniform - 0.5
    middle = np.abs(centred) <= 0.425
    result = np.empty_like(centred)
    q = centred[middle]
    result[middle] = q * _ratio(_MIDDLE, 0.180625 - q * q)
    result[~middle] = _tails(uniform[~middle])
    return result


def _tails(uniform: Doubles) -> Doubles:
    r = np.sqrt(-_log(np.minimum(uniform, 1.0 - uniform)))
    magnitude = np.where(r <= 5.0, _ratio(_TAIL, r - 1.6), _ratio(_FAR, r - 5.0))
    return np.where(uniform < 0.5, -magnitude, magnitude)


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], x: Doubles) -> Doubles:
    return _polynomial(coefficients[0], x) / _polynomial(coefficients[1], x)


def _polynomial(coefficients: Sequence[float], x: Doubles) -> Doubles:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def _log(x: Doubles) -> Doubles:
    """Natural logarithm: ln(m * 2**e) = e ln 2 + 2 atanh((m - 1) / (m + 1))."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    exponent = np.where(small, exponent - 1, exponent)
    z = (mantissa - 1.0) / (mantissa + 1.0)
    squared = z * z
    series = np.zeros_like(z)
    for k in reversed(range(_LOG_TERMS)):
        series = series * squared + 1.0 / (2 * k + 1)
    result: Doubles = exponent * _LN2 + 2.0 * z * series
    return result
