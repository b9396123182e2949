"""Accuracy of a model on a device: labelled samples through the firmware, counted and kept."""

from harness.accuracy.evaluate import DataRequest, evaluate
from harness.accuracy.metrics import METRICS

__all__ = ["METRICS", "DataRequest", "evaluate"]
