"""Which runs are of one model, and which share the error of a figure.

The error of a modelled figure comes from the timing, memory or power model of the chip. Two runs of
one network by one engine on one profile do nearly the same work, so that model errs by nearly the
same factor in both, and their ratio is known far better than either value. Runs of different
engines or networks mix their instructions differently: there only the bands say what is known.
"""

from __future__ import annotations

from collections.abc import Mapping

from hil.records import RunRecord


def scheme(run: RunRecord) -> str:
    """The scheme of a variant made by hil, or an empty text for a model as given."""
    return str(run.provenance.get("scheme") or "")


def quantize_option(run: RunRecord, name: str) -> str:
    """An option of the quantization, empty for a model as given."""
    options = run.provenance.get("quantize_options")
    return str(options.get(name) or "") if isinstance(options, Mapping) else ""


def arithmetic(run: RunRecord) -> str:
    """``int8``, ``q8 Q4.4``: the scheme of a variant, else the data type of the model as given."""
    if made := scheme(run):
        return f"{made} {quantize_option(run, 'q_format')}".strip()
    return run.model.dtype if run.model else ""


def same_model(a: RunRecord, b: RunRecord) -> bool:
    """Whether two runs are of one model: by SHA-256, or by name and arithmetic (retrained)."""
    if a.model is None or b.model is None:
        return False
    if a.model.sha256 == b.model.sha256:
        return True
    return a.model.name == b.model.name and arithmetic(a) == arithmetic(b)


def shares_error(baseline: RunRecord, other: RunRecord, figure: str) -> bool:
    """Whether the error of ``figure`` is common to both runs and cancels out in their ratio.

    Both must be of one model, profile, target and engine, and have the figure from one source.
    """
    a, b = baseline.measurements.get(figure), other.measurements.get(figure)
    return (
        a is not None
        and b is not None
        and (a.kind, a.source) == (b.kind, b.source)
        and (baseline.profile_name, baseline.target, baseline.engine)
        == (other.profile_name, other.target, other.engine)
        and same_model(baseline, other)
    )
