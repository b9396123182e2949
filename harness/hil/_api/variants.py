"""What ``hil.quantize`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil._api import show
from hil.errors import UsageError
from hil.quantization import Quantized
from hil.records import Agreement, TensorQuality


@dataclass(frozen=True)
class Variant:
    """A quantized model, and how well it agrees with the float model."""

    _made: Quantized

    @property
    def name(self) -> str:
        """Name of the model, such as ``kws-int8``."""
        return self._made.model.name

    @property
    def scheme(self) -> str:
        """The scheme that it was quantized with."""
        return self._made.variant.scheme

    @property
    def bytes(self) -> bytes:
        """The .tflite."""
        return self._made.model.content

    @property
    def sha256(self) -> str:
        """SHA-256 of the .tflite, in hexadecimal digits."""
        return self._made.model.sha256

    @property
    def quality(self) -> Agreement:
        """Agreement with the float model on samples that were not calibrated with."""
        return next(a for a in self._made.variant.agreements if a.data == "held-out")

    @property
    def tensors(self) -> tuple[TensorQuality, ...]:
        """Quality of every tensor against the float model's, the worst first."""
        return self._made.variant.tensors

    def save(self, path: str | Path) -> Path:
        """Write the .tflite in one step and return its absolute path.

        Raises:
            UsageError: the file cannot be written.
        """
        from hil import files

        target = Path(path).expanduser().absolute()
        try:
            files.write_bytes(target, self.bytes)
        except OSError as error:
            raise UsageError(
                f"cannot write {target}: {error.strerror}", hint="choose another file"
            ) from error
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return what is known of the variant as plain data, without its bytes."""
        from dataclasses import asdict

        return asdict(self._made.variant)

    def __repr__(self) -> str:
        return show.text(f"Variant {self._title()}", self._rows())

    def _repr_html_(self) -> str:
        return show.html(self._title(), self._rows())

    def _title(self) -> str:
        made = self._made.variant
        return f"{self.name}: {made.size_bytes:,} bytes, {made.scheme}"

    def _rows(self) -> list[show.Row]:
        quality = self.quality
        on = f"{quality.samples} held-out samples"
        rows: list[show.Row] = [("SQNR of the outputs", f"{quality.sqnr_db:.1f} dB", on)]
        if quality.top1 is not None:
            rows.append(("Same top-1 class", f"{quality.top1:.2%}", on))
        if quality.accuracy is not None:
            float_text = f"float model {quality.parent_accuracy:.2%}"
            rows.append(("Accuracy", f"{quality.accuracy:.2%}", float_text))
        return rows
