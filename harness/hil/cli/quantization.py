"""Options of quantization, which `hil quantize` and `hil run` share, as one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.records import VariantRequest


def variant_request(
    scheme: str | None,
    calibration: str | None,
    samples: int | None,
    method: str,
    q_format: str | None,
    io: str | None,
    held_out: str | None,
) -> VariantRequest | None:
    """The options of quantization as a request; None without a scheme.

    Raises:
        UsageError: they do not go together, or one is wrong.
    """
    from hil.errors import UsageError

    if scheme is None:
        given = (calibration, samples, q_format, io, held_out)
        if method != "minmax" or any(value is not None for value in given):
            raise UsageError(
                "options of quantization were given without --quantize",
                hint="add --quantize SCHEME, such as --quantize int8",
            )
        return None
    if calibration is None:
        raise UsageError(
            f"{scheme} needs samples to calibrate with, or to judge the variant by",
            hint="add --calibration samples.npz, or --calibration normal:0 for drawn ones",
        )
    from hil.quantization import check_request
    from hil.records import VariantRequest

    return check_request(
        VariantRequest(
            scheme=scheme,  # type: ignore[arg-type]  # check_request refuses what is none
            calibration=calibration,
            calibration_samples=samples,
            method=method,
            q_format=q_format or "",
            io=io or "",
            held_out=held_out or "",
        )
    )
