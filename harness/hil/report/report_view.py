"""A whole report: verdicts, comparisons, charts, and the single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hil.figures import find
from hil.records import Kind, RunRecord
from hil.report.compare.case_view import CaseView, case_view
from hil.report.compare.choose import Case
from hil.report.compare.pareto import Pareto, paretos
from hil.report.compare.summary import summary
from hil.report.run.evidence import Evidence
from hil.report.run.run_view import Detail, RunView, run_view
from hil.report.words.figures import used_kinds
from hil.report.words.format import plural
from hil.report.words.naming import engine_title, is_baseline_engine, model_name
from hil.report.words.sentence import Sentence
from hil.report.words.stamp import made_at


@dataclass(frozen=True)
class Source:
    """Where figures come from; numbered, so that each text is in a report once."""

    number: int
    text: str
    labels: tuple[str, ...]
    engines: tuple[str, ...]


@dataclass(frozen=True)
class ReportView:
    """A whole report. ``records`` are all runs that it shows, added baselines too.

    ``generated`` is the time at which it was made, '' for a reproducible report.
    """

    title: str
    generated: str
    verdicts: tuple[Sentence, ...]
    cases: tuple[CaseView, ...]
    paretos: tuple[Pareto, ...]
    runs: tuple[RunView, ...]
    sources: tuple[Source, ...]
    kinds: tuple[tuple[Kind, str], ...]
    records: tuple[RunRecord, ...] = field(repr=False, default=())

    @property
    def comparisons(self) -> tuple[CaseView, ...]:
        """Cases with something to compare: several runs, or published rows."""
        return tuple(c for c in self.cases if c.is_comparison or c.published)

    @property
    def anchors(self) -> Mapping[str, str]:
        """The anchor of each run that is shown by itself."""
        return {run.record.run_id: run.anchor for run in self.runs}

    @property
    def source_numbers(self) -> Mapping[str, int]:
        """The number of each source's text; empty where sources are beside their figures."""
        return {source.text: source.number for source in self.sources}


def report_view(
    runs: Sequence[RunRecord],
    cases: Sequence[Case],
    title: str | None = None,
    known: Evidence | None = None,
) -> ReportView:
    """The view of a report: ``runs`` keep their order, ``cases`` are made of them (``choose``).

    ``known`` are evaluations and variants of the runs' models (``evidence``).
    """
    known = known or Evidence()
    details = _details(runs, cases)
    views = tuple(
        run_view(run, position, details.get(run.run_id, "full"), known)
        for position, run in enumerate(runs, 1)
    )
    return _view(cases, _shared_plans(views), runs, title or _title(runs), known)


def compare_view(case: Case, title: str | None = None, known: Evidence | None = None) -> ReportView:
    """The view of a comparison: one case, without the single runs."""
    names = dict.fromkeys(f"{model_name(run)} on {run.profile_name}" for run in case.runs)
    title = title or f"Comparison: {' / '.join(names)}"
    return _view((case,), (), (), title, known or Evidence())


def _view(
    cases: Sequence[Case],
    views: tuple[RunView, ...],
    runs: Sequence[RunRecord],
    title: str,
    known: Evidence,
) -> ReportView:
    records = {run.run_id: run for run in runs}
    for case in cases:
        records |= {run.run_id: run for run in case.runs if run.run_id not in records}
    everything = tuple(records.values())
    shown = tuple(case_view(case, position, known) for position, case in enumerate(cases, 1))
    published: tuple[Kind, ...] = ("published",) if any(c.published for c in shown) else ()
    return ReportView(
        title=title,
        generated=made_at(),
        verdicts=summary(cases, known),
        cases=shown,
        paretos=paretos(everything),
        runs=views,
        sources=_sources(everything) if len(everything) > 1 else (),
        kinds=used_kinds(everything, published),
        records=everything,
    )


def _details(runs: Sequence[RunRecord], cases: Sequence[Case]) -> dict[str, Detail]:
    """Baselines are shown briefly, and with several comparisons no table is shown twice."""
    compared = [case for case in cases if len(case.runs) > 1]
    if len(runs) < 2:
        return {}
    found: dict[str, Detail] = {}
    if len(compared) > 1:
        found = {run.run_id: "compared" for case in compared for run in case.runs}
    return found | {run.run_id: "brief" for case in compared for run in _baselines(case)}


def _shared_plans(views: Sequence[RunView]) -> tuple[RunView, ...]:
    """The same plan (a model on another chip, another compiler's flags) is drawn once."""
    shown: list[RunView] = []
    result = []
    for view in views:
        plan, model = view.record.plan, view.record.model
        same = (v for v in shown if v.record.plan == plan and v.record.model == model)
        if view.arena is not None and (first := next(same, None)):
            view = replace(view, arena=None, arena_as=first)
        elif view.arena is not None and view.detail != "brief":
            shown.append(view)
        result.append(view)
    return tuple(result)


def _baselines(case: Case) -> list[RunRecord]:
    """Runs that are there to be compared with: by their engine's role, or as asked for."""
    first = case.runs[:1] if case.is_asked_for else ()
    judged = {run.run_id for run in case.subjects}
    others = [run for run in case.runs if is_baseline_engine(run) and run.run_id not in judged]
    return [*first, *others]


def _sources(runs: Sequence[RunRecord]) -> tuple[Source, ...]:
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for run in runs:
        for name, figure in run.measurements.items():
            if figure.source:
                labels, engines = found.setdefault(figure.source, ({}, {}))
                labels[find(name).label] = None
                engines[engine_title(run)] = None
    everyone = {engine_title(run) for run in runs}
    return tuple(
        Source(number, text, tuple(labels), ("all",) if {*engines} == everyone else tuple(engines))
        for number, (text, (labels, engines)) in enumerate(found.items(), 1)
    )


def _title(runs: Sequence[RunRecord]) -> str:
    models = list(dict.fromkeys(run.model.name if run.model else "unknown model" for run in runs))
    profiles = list(dict.fromkeys(run.profile_name for run in runs))
    if len(models) == len(profiles) == 1:
        return f"{models[0]} on {profiles[0]}"
    return f"{plural(len(runs), 'benchmark run')}"
