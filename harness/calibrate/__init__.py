"""Calibration: measurements of a board against emulated runs, fitted into a profile overlay."""

from harness.calibrate.calibration import Outcome, calibrate
from harness.calibrate.matching import Pair, match
from harness.calibrate.measurements import Measured, read_measurements

__all__ = ["Measured", "Outcome", "Pair", "calibrate", "match", "read_measurements"]
