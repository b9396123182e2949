"""The ``hil run`` that carries out a request."""

from __future__ import annotations

from hil.bench.pipeline import Request
from hil.records import InputSpec


def run_command(request: Request, profile: str) -> tuple[str, ...]:
    """Return the words of the command; empty where no command can name the model or the samples.

    ``profile`` is the profile's name or file as the user wrote it.
    """
    variant = request.variant
    specs = [request.inputs, *([variant.calibration, variant.held_out] if variant else [])]
    in_memory = any(InputSpec.of(spec).arrays is not None for spec in specs if spec)
    if in_memory or not request.model.path:
        return ()
    words = ["hil", "run", "--profile", profile, "--engine", request.engine]
    words += [f"--optimize={request.optimize}"]
    words += ["--inputs", str(request.inputs)] if request.inputs else []
    words += ["--samples", str(request.samples)] if request.samples else []
    words += ["--repeat", str(request.repeat)] if request.repeat > 1 else []
    words += ["--warmup", str(request.warmup)] if request.warmup is not None else []
    words += _where(request)
    words += ["--memory-model", request.memory_model] if request.memory_model else []
    if variant is not None:
        words += ["--quantize", variant.scheme, "--calibration", str(variant.calibration)]
        if variant.calibration_samples:
            words += ["--calibration-samples", str(variant.calibration_samples)]
        words += ["--held-out", str(variant.held_out)] if variant.held_out else []
        words += ["--method", variant.method] if variant.method != "minmax" else []
        words += ["--q-format", variant.q_format] if variant.q_format else []
        words += ["--io", variant.io] if variant.io else []
    return (*words, request.model.path)


def _where(request: Request) -> list[str]:
    """The options that choose target and machine."""
    if request.machine is not None and request.target == "board":
        return ["--board", request.machine]
    words = ["--target", request.target] if request.target else []
    return words + (["--emulator-machine", request.machine] if request.machine else [])
