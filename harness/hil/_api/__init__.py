"""The implementation of the public API; its names are those that ``hil`` exports."""

from hil._api.accuracies import Accuracy
from hil._api.calls import accuracy, quantize, run
from hil._api.comparisons import Comparison, FigurePair, compare
from hil._api.given import profiles
from hil._api.runs import Run
from hil._api.sites import build_site
from hil._api.stores import Store, open_store
from hil._api.variants import Variant
from hil.devices import Profile
from hil.records import (
    Agreement,
    Check,
    ErrorInfo,
    Measurement,
    OpMeasurement,
    TensorQuality,
)

__all__ = [
    "Accuracy",
    "Agreement",
    "Check",
    "Comparison",
    "ErrorInfo",
    "FigurePair",
    "Measurement",
    "OpMeasurement",
    "Profile",
    "Run",
    "Store",
    "TensorQuality",
    "Variant",
    "accuracy",
    "build_site",
    "compare",
    "open_store",
    "profiles",
    "quantize",
    "run",
]
