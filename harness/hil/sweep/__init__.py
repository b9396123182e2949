"""Studies: a matrix of models, schemes, engines and profiles, run in workers and resumed."""

from hil.sweep.matrix import Member, members
from hil.sweep.runner import Outcome, Plan, carry_out, plan
from hil.sweep.study import Study, load, located

__all__ = [
    "Member",
    "Outcome",
    "Plan",
    "Study",
    "carry_out",
    "load",
    "located",
    "members",
    "plan",
]
