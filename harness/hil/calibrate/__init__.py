"""Calibration: measurements of a board against emulated runs, fitted into a profile overlay."""

from hil.calibrate.calibration import Outcome, calibrate
from hil.calibrate.matching import Pair, match
from hil.calibrate.measurements import Measured, read_measurements

__all__ = ["Measured", "Outcome", "Pair", "calibrate", "match", "read_measurements"]
