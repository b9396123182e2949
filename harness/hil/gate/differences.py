"""What differs between a run and its baseline besides the figures, and may explain them."""

from __future__ import annotations

from typing import Any, NamedTuple

from hil.records import RunRecord
from hil.verdict.kinship import same_model

_FACTS = {
    "machine": "machine",
    "hil_version": "hil",
    "engine_version": "engine version",
    "compiler": "compiler",
    "compiler_flags": "compiler flags",
    "target_tool": "target tool",
    "memory_model": "memory model",
    "calibration": "calibration",
    "inputs_sha256": "inputs",
}
# These change figures although the model and its code are the same.
_SUSPECTS = ("engine_version", "compiler", "compiler_flags", "memory_model", "calibration")


class Difference(NamedTuple):
    """One fact that differs; a ``suspect`` changes figures by itself."""

    text: str
    suspect: bool = False


def differences(baseline: RunRecord, run: RunRecord) -> tuple[Difference, ...]:
    """Return what differs between two runs of one kind."""
    found = _of_models(baseline, run)
    if baseline.engine != run.engine:
        text = f"the baseline ran on engine {baseline.engine}, this run on {run.engine}"
        found.append(Difference(text, suspect=True))
    if dict(baseline.profile) != dict(run.profile):
        text = f"the profile {run.profile_name} has changed since the baseline"
        found.append(Difference(text, suspect=True))
    old = {"machine": baseline.machine, **baseline.provenance}
    new = {"machine": run.machine, **run.provenance}
    for key, label in _FACTS.items():
        if key == "engine_version" and baseline.engine != run.engine:
            continue
        if old.get(key) != new.get(key):
            then, now = _apart(_short(old.get(key)), _short(new.get(key)))
            found.append(Difference(f"{label}: {then} then, {now} now", key in _SUSPECTS))
    sources = [
        r.measurements["cycles"].source for r in (baseline, run) if "cycles" in r.measurements
    ]
    if len(set(sources)) > 1:
        found.append(Difference(f"timing model: {sources[0]} then, {sources[1]} now", suspect=True))
    return tuple(found)


def _of_models(baseline: RunRecord, run: RunRecord) -> list[Difference]:
    """That the model changed, with the work it does where that changed too."""
    old, new = baseline.model, run.model
    if old is None or new is None or old.sha256 == new.sha256 or not same_model(baseline, run):
        return []
    text = (
        f"the model {new.name} has changed (SHA-256 {old.sha256[:12]} then, {new.sha256[:12]} now):"
        " compared by name"
    )
    found = [Difference(text, suspect=True)]
    for label, then, now in (("MACs", old.macs, new.macs), ("ops", old.ops, new.ops)):
        if then != now:
            found.append(Difference(f"{label} of {new.name}: {then:,} then, {now:,} now"))
    return found


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    is_hash = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
    return text[:12] if is_hash else text


def _apart(old: str, new: str) -> tuple[str, str]:
    """Reduce two lists of compiler flags to the flags that differ; other texts stay as they are."""
    words = [text.split() for text in (old, new)]
    if not all(word.startswith("-") for text in words for word in text[:1]):
        return old, new
    only = [
        " ".join(word for word in mine if word not in others)
        for mine, others in (words, reversed(words))
    ]
    return (only[0] or "nothing", only[1] or "nothing") if any(only) else (old, new)
