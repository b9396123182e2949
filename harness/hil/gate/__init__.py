"""Baselines, and the decision whether a run is worse than its baseline."""
