"""The gate: compares the latest run of each kind with a baseline, and passes or fails.

Two results fail it, and nothing else: a figure worse than its baseline's beyond the limit
(``regression``), and a run that did not pass although its baseline did (``failed``). It passes
where something was compared and nothing failed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hil.errors import UsageError
from hil.figures import in_order
from hil.gate import baselines, matching
from hil.gate.baselines import Member, Origin
from hil.gate.causes import causes
from hil.gate.comparison import WORDS, Finding, compare_figures
from hil.gate.differences import differences
from hil.gate.limits import Limits
from hil.gate.matching import By, Match, Matching, Outdated, Pair
from hil.records import RunRecord
from hil.store import Store
from hil.store.baselines import Slot
from hil.store.latest import Filter, RunHead, head_of, latest_heads
from hil.verdict.kinship import is_virtual, shares_error

CaseWord = Literal[
    "compared",
    "failed",
    "error",
    "skipped",
    "own run",
    "incomparable",
    "missing",
    "ambiguous",
    "no baseline",
]
CASE_WORDS: tuple[CaseWord, ...] = get_args(CaseWord)
Verdict = Literal["passed", "failed", "not compared"]


@dataclass(frozen=True)
class Case:
    """The result for one kind of run.

    ``failed``: the run failed, its baseline passed. ``error``: the run could not be carried out on
    this host. ``skipped``: it has not ended. ``own run``: it is the very run that the baseline
    holds. ``incomparable``: the two have no comparable figure. ``missing``: the baseline has a run
    of this kind, the candidates have none. ``ambiguous``: the baseline has several of its name.
    ``no baseline``: the baseline has none of its kind.

    ``matched_by`` is ``name`` where the model is another than the baseline's of the same name;
    ``suspects`` are those of the ``notes`` that may explain a regression by themselves.
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
    matched_by: By = ""
    baseline_model: str | None = None
    baseline_model_sha256: str | None = None
    suspects: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Model, profile and engine in a line."""
        return f"{self.model} on {self.profile}, {self.engine}"

    @property
    def model_changed(self) -> bool:
        """Whether the run was compared with one of another model of the same name."""
        return self.baseline_model_sha256 not in (None, self.model_sha256)

    @property
    def regressions(self) -> tuple[Finding, ...]:
        """The figures that are worse by more than their limits."""
        return tuple(finding for finding in self.findings if finding.word == "regression")


@dataclass(frozen=True)
class Outcome:
    """Result of a gate. ``origin`` is None if there is no baseline of that name.

    ``allow_new`` accepts it that nothing was compared where the runs are new; with
    ``require_baseline`` every run must have a counterpart.
    """

    baseline: str
    origin: Origin | None
    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()
    match: Match = "auto"
    outdated: tuple[Outdated, ...] = ()
    allow_new: bool = False
    require_baseline: bool = False

    @property
    def verdict(self) -> Verdict:
        """``failed`` by a regression or a failed run; ``passed`` only if a run was compared."""
        if any(case.word == "failed" or case.regressions for case in self.cases):
            return "failed"
        return "passed" if self.runs["compared"] else "not compared"

    @property
    def passed(self) -> bool:
        """Whether something was compared, without a regression or a failed run."""
        return self.verdict == "passed"

    @property
    def candidates(self) -> int:
        """Number of runs that were to be compared."""
        return sum(case.word != "missing" for case in self.cases)

    @property
    def is_new(self) -> bool:
        """Whether there are runs of which the baseline has none to compare them with."""
        return any(case.word == "no baseline" for case in self.cases)

    @property
    def accepted(self) -> bool:
        """Whether nothing was compared because the runs are new, which was allowed."""
        return self.verdict == "not compared" and self.allow_new and self.is_new

    @property
    def incomplete(self) -> str:
        """Why the gate cannot answer although nothing failed it; '' if it can."""
        if self.require_baseline and self.absent:
            return self.absent
        if self.verdict != "not compared" or self.accepted:
            return ""
        return "nothing was compared" if self.origin else self.absent

    @property
    def absent(self) -> str:
        """What the baseline lacks: itself, or runs of some kinds; '' if it is complete."""
        if self.origin is None:
            return self.notes[0]
        without = [c.title for c in self.cases if c.word in ("no baseline", "ambiguous")]
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
    match: Match = "auto",
) -> Outcome:
    """Compare runs with the baseline ``name``: those given, or the latest of each kind.

    ``any_engine``: if the baseline has no run of the same engine, use its run of another one.
    ``match``: how models are found in the baseline, ``auto`` by SHA-256, else by name.

    Raises:
        UsageError: a limit is in another unit than its figure.
        StoreError: the database or a baseline cannot be read.
    """
    which = which or Filter()
    given = None if runs is None else {run.run_id: run for run in runs}
    heads = latest_heads(store, which) if given is None else [_head(r) for r in given.values()]
    members = baselines.members(store, name=name)
    if not members:
        records = _load(store, heads) if given is None else given
        return _without_baseline(baselines.no_such(store, name), name, records.values(), match)
    only_newest = given is None and match != "sha256"
    finder = Matching(members, match, any_engine=any_engine)
    pairs, old = matching.newest_of_a_name([finder.pair(head) for head in heads], only_newest)
    records = _load(store, [pair.run for pair in pairs]) if given is None else given
    slots = {member.head.slot for pair in pairs for member in pair.members}
    loaded = baselines.load(store, name, members[0].origin, slots)
    pairs, older = matching.settled(pairs, records, loaded, only_newest)
    old += older
    cases = _sorted(_case(records[pair.run.run_id], pair, loaded, limits) for pair in pairs)
    missing = tuple(_missing(members, pairs, which)) if given is None else ()
    notes = (*_unused(limits, cases), *map(_outdated_text, old))
    return Outcome(name, members[0].origin, cases + missing, notes, match, tuple(old))


def _without_baseline(
    absent: UsageError, name: str, runs: Iterable[RunRecord], match: Match
) -> Outcome:
    cases = (_case_of(run, None, "no baseline", reason=absent.message) for run in runs)
    return Outcome(name, None, _sorted(cases), (f"{absent.message}: {absent.hint}",), match)


def _head(run: RunRecord) -> RunHead:
    if run.model is not None:
        return head_of(run)
    return RunHead(run.run_id, Slot("", run.profile_name, run.target, run.engine), "-", "")


def _load(store: Store, heads: Sequence[RunHead]) -> dict[str, RunRecord]:
    return {run.run_id: run for run in store.load([head.run_id for head in heads])}


def _sorted(cases: Iterable[Case]) -> tuple[Case, ...]:
    return tuple(sorted(cases, key=lambda c: (c.model, c.profile, c.engine, c.target)))


def _case(run: RunRecord, pair: Pair, loaded: dict[Slot, RunRecord], limits: Limits) -> Case:
    if not pair.members:
        return _case_of(run, None, "no baseline", reason=pair.why)
    if reason := matching.ambiguity(pair):
        return _case_of(run, None, "ambiguous", reason=reason)
    baseline = loaded[pair.members[0].head.slot]
    case = _compared(run, baseline, limits)
    return dataclasses.replace(case, matched_by=pair.by)


def _compared(run: RunRecord, baseline: RunRecord, limits: Limits) -> Case:
    if run.run_id == baseline.run_id:
        reason = "this is the baseline's own run; run the model again to compare it"
        return _case_of(run, baseline, "own run", reason=reason)
    if run.status in ("failed", "error", "interrupted"):
        word: CaseWord = "failed" if run.status == "failed" else "error"
        reason = run.errors[0].message if run.errors else run.status
        return _case_of(run, baseline, word, reason=reason)
    if run.status != "passed":
        return _case_of(run, baseline, "skipped", reason=f"the run is {run.status}")
    if run.target == baseline.target and is_virtual(run) != is_virtual(baseline):
        reason = "one of the two runs is of a virtual board: nothing of it is measured"
        return _case_of(run, baseline, "incomparable", reason=reason)
    findings = tuple(_findings(run, baseline, limits))
    if all(finding.word == "skipped" for finding in findings):
        reason = "no figure of the two runs can be compared"
        return _case_of(run, baseline, "incomparable", findings, reason=reason)
    return _case_of(run, baseline, "compared", findings)


def _findings(run: RunRecord, baseline: RunRecord, limits: Limits) -> Iterator[Finding]:
    names = [*baseline.measurements, *(n for n in run.measurements if n in limits.named)]
    for name in in_order(names):
        limit = limits.of(name)
        if limit is None:
            continue
        finding = compare_figures(
            name,
            baseline.measurements.get(name),
            run.measurements.get(name),
            limit,
            common_error=shares_error(baseline, run, name),
        )
        if finding.word == "regression":
            finding = dataclasses.replace(finding, causes=causes(name, baseline, run))
        yield finding


def _case_of(
    run: RunRecord,
    baseline: RunRecord | None,
    word: CaseWord,
    findings: tuple[Finding, ...] = (),
    *,
    reason: str = "",
) -> Case:
    different = differences(baseline, run) if baseline and word in ("compared", "failed") else ()
    theirs = baseline.model if baseline else None
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
        notes=tuple(one.text for one in different),
        baseline_model=theirs.name if theirs else None,
        baseline_model_sha256=theirs.sha256 if theirs else None,
        suspects=tuple(one.text for one in different if one.suspect),
    )


def _missing(members: Iterable[Member], pairs: Iterable[Pair], which: Filter) -> Iterator[Case]:
    """The runs of the baseline that nothing was compared with, although the filters take them."""
    used = {member.head.slot for pair in pairs for member in pair.members}
    for member in members:
        head = member.head
        if head.slot in used or not which.takes(head.slot, head.model_name):
            continue
        yield Case(
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


def _outdated_text(one: Outdated) -> str:
    slot = one.run.slot
    return (
        f"not compared: {one.run.run_id} ({one.run.model_name} on {slot.profile_name}, "
        f"{slot.engine}) ran an earlier model of this name, {slot.model_sha256[:12]}; "
        f"{one.newer.run_id} ran {one.newer.slot.model_sha256[:12]}"
    )
