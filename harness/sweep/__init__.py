"""Studies: a matrix of models, schemes, engines and profiles, run in workers and resumed."""

from harness.sweep.matrix import Member, members
from harness.sweep.runner import Outcome, Plan, carry_out, plan
from harness.sweep.study import Study, load

__all__ = ["Member", "Outcome", "Plan", "Study", "carry_out", "load", "members", "plan"]
