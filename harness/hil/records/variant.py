"""How a model is quantized, and the quality of the variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hil.records.inputs import InputSpec

Scheme = Literal["int8", "int8-per-tensor", "int16x8", "dynamic", "q8", "q16"]


@dataclass(frozen=True)
class VariantRequest:
    """How a float model is to be quantized before it runs.

    ``calibration`` is drawn (``normal:SEED``, ``random:SEED``), a file, or arrays;
    ``calibration_samples`` None takes the default number of drawn ones, or all that are given.
    ``method`` is ``minmax``, ``percentile:P`` or ``moving-average:M``; ``q_format`` (q8 and q16)
    such as ``Q7.9``, empty for one format per layer; ``io`` the dtype of the variant's inputs and
    outputs, empty for the scheme's own. ``held_out`` are samples that only evaluate the variant;
    empty keeps back a fifth of the calibration samples.
    """

    scheme: Scheme
    calibration: str | InputSpec
    calibration_samples: int | None = None
    method: str = "minmax"
    q_format: str = ""
    io: str = ""
    held_out: str | InputSpec = ""


@dataclass(frozen=True)
class TensorRange:
    """Real values of one tensor over the calibration samples.

    ``minimum`` and ``maximum`` were seen, ``low`` and ``high`` are what the method keeps of them;
    ``clipped`` is the share (0 to 1) of values outside (with ``moving-average`` a value within
    1/256 of an end may count on either side). ``index`` is the float parent's.
    """

    index: int
    name: str
    minimum: float
    maximum: float
    low: float
    high: float
    clipped: float

    @property
    def magnitude(self) -> float:
        """The largest absolute value to represent, for symmetric schemes."""
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True)
class TensorQuality:
    """One tensor of a variant against the same tensor of its float parent.

    ``index`` is the parent's; ``kind`` is ``activation`` (over held-out samples) or ``weights``.
    ``sqnr_db`` is 10 log10 of signal power over error power (infinite where equal), ``cosine``
    the cosine similarity of both taken as vectors; ``saturated`` the share (0 to 1) of the
    parent's values more than a step beyond the variant's integers (0 in a float tensor).
    ``scale`` is the largest where there are several, 0 in a float tensor.
    """

    index: int
    name: str
    kind: str
    dtype: str
    scale: float
    zero_point: int
    sqnr_db: float
    cosine: float
    saturated: float


@dataclass(frozen=True)
class Agreement:
    """Outputs of a variant and of its float parent for the same samples.

    ``data`` says which samples: ``calibration`` or ``held-out``. ``top1`` is the share (0 to 1) of
    samples for which both have the same class; None where the model is not a classifier. Where the
    samples have labels, ``parent_accuracy`` and ``accuracy`` are the shares of correct classes.
    """

    data: str
    samples: int
    top1: float | None
    sqnr_db: float
    cosine: float
    max_abs_diff: float
    parent_accuracy: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Variant:
    """What is known of a quantized model that hil made; ``sha256`` is that of its bytes.

    ``options`` holds ``method``, ``io``, ``q_format``; ``calibration`` is the data as it was
    named, ``calibration_sha256`` the hash of the samples' bytes; ``library`` the quantizer and its
    version. ``created_at`` is ISO 8601 in UTC.
    """

    sha256: str
    parent_sha256: str
    parent_name: str
    scheme: str
    options: Mapping[str, Any]
    calibration: str
    calibration_sha256: str
    calibration_samples: int
    library: str
    created_at: str
    size_bytes: int
    ranges: tuple[TensorRange, ...] = ()
    tensors: tuple[TensorQuality, ...] = ()
    agreements: tuple[Agreement, ...] = ()
