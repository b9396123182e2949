"""Accuracy of a model on a device: labelled samples through the firmware, counted and kept."""

from hil.evaluation.evaluate import DataRequest, evaluate
from hil.evaluation.metrics import METRICS

__all__ = ["METRICS", "DataRequest", "evaluate"]
