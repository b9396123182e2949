"""The gate: compares the latest run of each kind with a baseline, and passes or fails.

Two results fail it, and nothing else: a figure worse than its baseline's beyond the limit
(``regression``), and a run that did not pass although its baseline did (``failed``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hil.gate import baselines
from hil.gate.baselines import Member, Origin
from hil.gate.comparison import WORDS, Finding, compare_figures
from hil.gate.limits import Limits
from hil.records import RunRecord
from hil.store import Store
from hil.store.baselines import Slot
from hil.store.latest import Filter, latest

CaseWord = Literal["compared", "failed", "error", "skipped", "missing", "no baseline"]
CASE_WORDS: tuple[CaseWord, ...] = get_args(CaseWord)
_DIFFERENCES = {
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


@dataclass(frozen=True)
class Case:
    """The result for one kind of run. It has ``findings`` only if ``word`` is ``compared``.

    ``failed``: the run failed, its baseline passed. ``error``: the run could not be carried out on
    this host. ``skipped``: it has not ended. ``missing``: the baseline has a run of this kind, the
    candidates have none. ``no baseline``: the opposite.
    """

    word: CaseWord
    model: str
    model_sha256: str
    profile: str
    target: str
    engine: str
    run_id: str | None
    baseline_run_id: str | None
    baseline_engine: str | None
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Model, profile and engine in a line."""
        return f"{self.model} on {self.profile}, {self.engine}"


@dataclass(frozen=True)
class Outcome:
    """Result of a gate. ``origin`` is None if there is no baseline of that name."""

    baseline: str
    origin: Origin | None
    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there is neither a regression nor a failed run."""
        return not any(
            case.word == "failed" or any(f.word == "regression" for f in case.findings)
            for case in self.cases
        )

    @property
    def absent(self) -> str:
        """What the baseline lacks: itself, or runs of some kinds; '' if it is complete."""
        if self.origin is None:
            return self.notes[0]
        without = [case.title for case in self.cases if case.word == "no baseline"]
        return f"'{self.baseline}' has nothing for {'; '.join(without)}" if without else ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of figures of the compared runs by word."""
        figures = [finding.word for case in self.cases for finding in case.findings]
        return {word: figures.count(word) for word in WORDS}

    @property
    def runs(self) -> dict[str, int]:
        """Number of runs by word."""
        words = [case.word for case in self.cases]
        return {word: words.count(word) for word in CASE_WORDS}


def gate(
    store: Store,
    name: str,
    limits: Limits,
    *,
    which: Filter | None = None,
    runs: Iterable[RunRecord] | None = None,
    any_engine: bool = False,
) -> Outcome:
    """Compare runs with the baseline ``name``: those given, or the latest of each kind.

    ``any_engine``: if the baseline has no run of the same engine, use its run of another one.

    Raises:
        UsageError: a limit is in another unit than its figure.
        StoreError: the database or a baseline cannot be read.
    """
    which = which or Filter()
    candidates = list(latest(store, which) if runs is None else runs)
    members = baselines.members(store, name=name)
    if not members:
        absent = baselines.no_such(store, name)
        return Outcome(name, None, (), (f"{absent.message}: {absent.hint}",))
    chosen = _pair(candidates, members, any_engine=any_engine)
    origin = members[0].origin
    loaded = baselines.load(store, name, origin, {m.head.slot for m in chosen if m is not None})
    cases = [
        _case(candidate, loaded[member.head.slot] if member else None, members, limits)
        for candidate, member in zip(candidates, chosen, strict=True)
    ]
    cases.sort(key=lambda case: (case.model, case.profile, case.engine, case.target))
    if runs is None:
        used = {member.head.slot for member in chosen if member is not None}
        cases += [_missing(m) for m in members if m.head.slot not in used and _asked(m, which)]
    return Outcome(name, origin, tuple(cases), _unused(limits, cases))


def _pair(
    candidates: Iterable[RunRecord], members: Sequence[Member], *, any_engine: bool
) -> list[Member | None]:
    """Return for each candidate the baseline's run of its kind, or of the only other engine."""
    by_kind: dict[tuple[str, str, str], list[Member]] = {}
    for member in members:
        slot = member.head.slot
        by_kind.setdefault((slot.model_sha256, slot.profile_name, slot.target), []).append(member)
    found: list[Member | None] = []
    for run in candidates:
        sha256 = run.model.sha256 if run.model else ""
        same = by_kind.get((sha256, run.profile_name, run.target), [])
        own = [member for member in same if member.head.slot.engine == run.engine]
        other = same[0] if any_engine and len(same) == 1 else None
        found.append(own[0] if own else other)
    return found


def _case(
    run: RunRecord, baseline: RunRecord | None, members: Sequence[Member], limits: Limits
) -> Case:
    if baseline is None:
        return _case_of(run, None, "no baseline", reason=_why_none(run, members))
    if run.status in ("failed", "error", "interrupted"):
        word: CaseWord = "failed" if run.status == "failed" else "error"
        reason = run.errors[0].message if run.errors else run.status
        return _case_of(run, baseline, word, reason=reason)
    if run.status != "passed":
        return _case_of(run, baseline, "skipped", reason=f"the run is {run.status}")
    names = [*baseline.measurements, *(n for n in run.measurements if n in limits.named)]
    findings = []
    for name in dict.fromkeys(names):
        limit = limits.of(name)
        if limit is not None:
            figures = baseline.measurements.get(name), run.measurements.get(name)
            findings.append(compare_figures(name, *figures, limit))
    return _case_of(run, baseline, "compared", tuple(findings), notes=_differences(baseline, run))


def _case_of(
    run: RunRecord,
    baseline: RunRecord | None,
    word: CaseWord,
    findings: tuple[Finding, ...] = (),
    *,
    reason: str = "",
    notes: tuple[str, ...] = (),
) -> Case:
    return Case(
        word=word,
        model=run.model.name if run.model else "-",
        model_sha256=run.model.sha256 if run.model else "",
        profile=run.profile_name,
        target=run.target,
        engine=run.engine,
        run_id=run.run_id,
        baseline_run_id=baseline.run_id if baseline else None,
        baseline_engine=baseline.engine if baseline else None,
        findings=findings,
        reason=reason,
        notes=notes,
    )


def _missing(member: Member) -> Case:
    head = member.head
    return Case(
        word="missing",
        model=head.model_name,
        model_sha256=head.slot.model_sha256,
        profile=head.slot.profile_name,
        target=head.slot.target,
        engine=head.slot.engine,
        run_id=None,
        baseline_run_id=head.run_id,
        baseline_engine=head.slot.engine,
        reason="the baseline has a run of this kind, the compared runs have none",
    )


def _why_none(run: RunRecord, members: Sequence[Member]) -> str:
    engines = sorted(
        member.head.slot.engine
        for member in members
        if run.model is not None
        and member.head.slot
        == Slot(run.model.sha256, run.profile_name, run.target, member.head.slot.engine)
    )
    if len(engines) == 1:
        return f"the baseline has it by engine {engines[0]} only; --any-engine compares with that"
    if engines:
        return f"the baseline has it by other engines: {', '.join(engines)}"
    return "the baseline has no run of this model on this profile and target"


def _asked(member: Member, which: Filter) -> bool:
    return which.takes(member.head.slot, member.head.model_name)


def _differences(baseline: RunRecord, run: RunRecord) -> tuple[str, ...]:
    """Return what else changed between the two and may explain a difference."""
    if baseline.run_id == run.run_id:
        return ("this is the baseline's own run",)
    notes = []
    if baseline.engine != run.engine:
        notes.append(f"the baseline ran on engine {baseline.engine}, this run on {run.engine}")
    if dict(baseline.profile) != dict(run.profile):
        notes.append(f"the profile {run.profile_name} has changed since the baseline")
    old = {"machine": baseline.machine, **baseline.provenance}
    new = {"machine": run.machine, **run.provenance}
    for key, label in _DIFFERENCES.items():
        if key == "engine_version" and baseline.engine != run.engine:
            continue
        if old.get(key) != new.get(key):
            then, now = _apart(_short(old.get(key)), _short(new.get(key)))
            notes.append(f"{label}: {then} then, {now} now")
    sources = [
        r.measurements["cycles"].source for r in (baseline, run) if "cycles" in r.measurements
    ]
    if len(set(sources)) > 1:
        notes.append(f"timing model: {sources[0]} then, {sources[1]} now")
    return tuple(notes)


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


def _unused(limits: Limits, cases: Iterable[Case]) -> tuple[str, ...]:
    """Report limits that apply to no figure: their names may be misspelled."""
    cases = list(cases)
    compared = {finding.name for case in cases for finding in case.findings}
    if not compared:
        return ()
    return tuple(
        f"the limit of '{name}' applies to no figure of these runs"
        for name, limit in limits.named.items()
        if limit is not None and name not in compared
    )
