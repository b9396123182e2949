"""The rules of MLPerf Tiny carried out by hil: performance, accuracy, energy, submissions.

``docs/mlperf.md`` compares them with the official runner. Nothing here knows a kind of device: it
asks a target's session, as :mod:`hil.evaluation` does.
"""
