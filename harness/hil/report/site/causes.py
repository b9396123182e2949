"""What may explain a step between two runs: the parts that changed, and what else was different.

Both are the gate's (``hil.gate.causes``, ``hil.gate.differences``): a page of the site and a failed
gate say the same of the same two runs.
"""

from __future__ import annotations

from hil.gate.causes import Cause, causes
from hil.gate.differences import differences
from hil.records import RunRecord
from hil.report.site.series import Change
from hil.report.words.format import NBSP, percent


def parts(change: Change, before: RunRecord, after: RunRecord) -> tuple[str, ...]:
    """Return the parts that make up a change: ``op 2 CONV_2D conv/Relu +58,000 cycles (97 %)``."""
    grew = change.step.new > change.step.old
    pair = (before, after) if grew else (after, before)
    return tuple(_text(one, grew=grew) for one in causes(change.figure.name, *pair))


def _text(cause: Cause, *, grew: bool) -> str:
    amount = abs(cause.change)
    size = f"{amount:,.{0 if float(amount).is_integer() else 3}f}"
    only = "" if cause.baseline is not None else " (new)" if grew else " (gone)"
    sign = "+" if grew else "−"
    return f"{cause.name}{only} {sign}{size}{NBSP}{cause.unit} ({percent(cause.share)})"


def other_differences(before: RunRecord, after: RunRecord) -> tuple[str, ...]:
    """Return what else differs between the runs: the model, tools, flags, inputs."""
    return tuple(one.text for one in differences(before, after))
