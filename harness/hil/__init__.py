"""Benchmark neural networks on microcontrollers: compile, run, check, measure.

::

    import hil

    run = hil.run("model.tflite", "stm32l4")
    run.latency_ms, run.energy_uj, run.ram_bytes, run.flash_bytes

The names in ``__all__`` are the public API (docs/python.md); everything else in the package is
private. They are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil._api import (
        Accuracy,
        Agreement,
        Check,
        Comparison,
        ErrorInfo,
        FigurePair,
        Measurement,
        OpMeasurement,
        Profile,
        Run,
        Store,
        TensorQuality,
        Variant,
        accuracy,
        build_site,
        compare,
        open_store,
        profiles,
        quantize,
        run,
    )
    from hil.errors import (
        BuildFailed,
        DeviceFault,
        DeviceTimeout,
        DoesNotFit,
        HilError,
        InputError,
        LinkError,
        MissingTool,
        ModelError,
        ProfileError,
        RunFailed,
        StoreError,
        UnsupportedModel,
        UsageError,
        WrongOutput,
    )

__all__ = [
    "Accuracy",
    "Agreement",
    "BuildFailed",
    "Check",
    "Comparison",
    "DeviceFault",
    "DeviceTimeout",
    "DoesNotFit",
    "ErrorInfo",
    "FigurePair",
    "HilError",
    "InputError",
    "LinkError",
    "Measurement",
    "MissingTool",
    "ModelError",
    "OpMeasurement",
    "Profile",
    "ProfileError",
    "Run",
    "RunFailed",
    "Store",
    "StoreError",
    "TensorQuality",
    "UnsupportedModel",
    "UsageError",
    "Variant",
    "WrongOutput",
    "accuracy",
    "build_site",
    "compare",
    "open_store",
    "profiles",
    "quantize",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hil' has no attribute '{name}'")
    errors = importlib.import_module("hil.errors")
    source = errors if hasattr(errors, name) else importlib.import_module("hil._api")
    return globals().setdefault(name, getattr(source, name))


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
