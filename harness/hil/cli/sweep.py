"""``hil sweep``: a study's matrix of runs on all cores, resumable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import clusters, output
from hil.cli.board_options import parse_wait
from hil.cli.clusters import SchedulerOption
from hil.cli.options import (
    DbOption,
    JsonOption,
    LabelOption,
    TargetOptions,
    check_report_folder,
    grouped,
)

if TYPE_CHECKING:
    from hil.figures import Figure
    from hil.records import RunRecord
    from hil.report.study.study_view import StudyRun
    from hil.settings import Settings
    from hil.store import Store
    from hil.sweep import Outcome, Plan, Study
    from hil.sweep.execution import Execution
    from hil.sweep.runner import Progress

SCHEMA = "hil.sweep/1"


@grouped
def sweep(
    study: Annotated[Path, typer.Argument(help="The study file (.toml), see docs/sweep.md.")],
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            max=256,
            help="Number of runs at a time (default: one per processor).",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and their state without running any.")
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="GLOB",
            help="Only runs whose label MODEL/SCHEME/ENGINE/PROFILE/-O3 matches, or contains it.",
        ),
    ] = None,
    rerun_failed: Annotated[
        bool, typer.Option("--rerun-failed", help="Run again what failed before.")
    ] = False,
    each_commit: Annotated[
        bool,
        typer.Option(
            "--each-commit",
            help="Run again what is stored of another commit, of hil or of the model's repository.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the study's report: HTML, or Markdown where FILE ends in .md.",
        ),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            "--board", metavar="NAME", help="Run on this board instead of the study's boards."
        ),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="SECONDS|forever",
            help="How long a run waits for its board, runs of this study included "
            "(default: forever).",
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    label: LabelOption = None,
    db: DbOption = None,
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Run the members of STUDY that have no stored result.

    All members are shown. A failed run does not stop the others; failures are listed at the end. A
    stored result is valid until something that it depends on changes: model, calibration data,
    profile, options, tools or hil itself. Exit code 0: all runs passed; 3: some did not.
    """
    from hil import settings as configuration
    from hil.store import Store
    from hil.sweep import load, located, members, plan

    settings = configuration.load(db=db, label=label, scheduler=scheduler, **vars(tools))
    check_report_folder(report)
    loaded = load(study)
    loaded = located(loaded, board, tools.target, settings.target)
    chosen = members(loaded, only, parse_wait(wait or "forever"))
    with Store.open(settings.db) as store:
        what = plan(chosen, store, rerun_failed=rerun_failed, each_commit=each_commit)
        if dry_run:
            _show_plan(loaded, what, as_json=json)
            return
        with _execution(settings, store, jobs, what) as execution:
            outcomes = _carry_out(what, execution, quiet=json)
        runs = _study_runs(store, outcomes)
    written = _write(loaded, runs, report)
    if json:
        _show_json(loaded, outcomes, runs, written)
    else:
        _show(outcomes, runs)
        if written is not None:
            typer.echo(f"report: {written}")
    if any(outcome.status != "passed" for outcome in outcomes):
        raise typer.Exit(3)


@contextlib.contextmanager
def _execution(
    settings: Settings, store: Store, jobs: int | None, what: Plan
) -> Iterator[Execution]:
    """Where the runs that are open are carried out."""
    from hil.sweep.execution import LocalExecution
    from hil.sweep.runner import default_jobs

    local = LocalExecution(settings.db, min(jobs or default_jobs(), len(what.open)))
    if not what.open:
        yield local
        return
    with clusters.connected(settings, jobs) as cluster:
        if cluster is None:
            yield local
            return
        from hil.sweep.cluster import ClusterExecution

        yield ClusterExecution(cluster, store, settings.db)


def _carry_out(what: Plan, execution: Execution, *, quiet: bool) -> list[Outcome]:
    """Run the open members; return the outcomes of all in the plan's order."""
    from hil.sweep.runner import carry_out

    outcomes = dict(what.done)
    positions = {id(member): index for index, member in enumerate(what.members)}
    try:
        with output.progress(quiet=quiet) as shown:

            def show(progress: Progress) -> None:
                before = len(what.done)
                failed = [f"{progress.failed} failed"] * bool(progress.failed)
                now = ", ".join([*failed, *progress.running])
                shown.stage("runs", before + progress.done, before + progress.total, now)

            for outcome in carry_out(what, execution, show):
                outcomes[positions[id(outcome.member)]] = outcome
    except KeyboardInterrupt:
        kept = f"{len(outcomes)} of {len(what.members)} runs are done and stored"
        output.note(f"{kept}; the same command continues from there")
        raise
    return [outcomes[index] for index in sorted(outcomes)]


def _study_runs(store: Store, outcomes: Sequence[Outcome]) -> list[StudyRun]:
    """Combine outcomes with their stored runs, for tables and the report."""
    from hil.report.study.study_view import StudyRun

    return [
        StudyRun(
            **outcome.member.axes,
            parameters=outcome.member.request.model.graph.parameters,
            macs=outcome.member.request.model.graph.macs,
            family=outcome.member.family,
            profile_title=outcome.member.request.profile.title,
            status=outcome.status,
            errors=outcome.errors,
            run=store.get(outcome.run_id) if outcome.run_id else None,
            command=outcome.member.request.command,
        )
        for outcome in outcomes
    ]


def _write(study: Study, runs: list[StudyRun], report: Path | None) -> Path | None:
    if report is None:
        return None
    from hil.report import write_study
    from hil.report.study.study_view import StudyText

    text = StudyText(study.title, study.description, study.x, study.baseline, str(study.path))
    return write_study(text, runs, report)


def _show_plan(study: Study, what: Plan, *, as_json: bool) -> None:
    if as_json:
        data = [
            {"label": m.label, "done": i in what.done, "run_id": _stored_id(what, i)}
            for i, m in enumerate(what.members)
        ]
        output.emit_json(SCHEMA, "ok", {"study": study.title, "dry_run": True, "runs": data})
        return
    rows = []
    for index, member in enumerate(what.members):
        done = what.done.get(index)
        state = f"done, {done.status}" if done else "to run"
        rows.append((member.label, state, _stored_id(what, index) or ""))
    output.print_table(["run", "state", "stored as"], rows)
    typer.echo(f"{len(what.members)} runs, {len(what.done)} done, {len(what.open)} to run")


def _stored_id(what: Plan, index: int) -> str | None:
    return what.done[index].run_id if index in what.done else None


def _show(outcomes: Sequence[Outcome], runs: Sequence[StudyRun]) -> None:
    from hil.figures import headline

    columns: list[output.Column | str] = ["model", "scheme", "profile"]
    several = len({(run.engine, run.optimize) for run in runs}) > 1
    columns += ["engine"] if several else []
    for figure in headline():
        titles = [figure.title, "band"] if _has_band(figure) else [figure.title]
        columns += [output.Column(title, right=True) for title in titles]
    columns.append("status")
    rows = []
    for outcome, run in zip(outcomes, runs, strict=True):
        cells = [run.model, run.scheme, run.profile]
        cells += [f"{run.engine} {run.optimize}"] if several else []
        rows.append([*cells, *_figures(run.run), outcome.status])
    output.print_table(columns, rows)
    if any(run.run and run.run.measurements for run in runs):
        typer.echo(_kinds(runs))
    resumed = sum(outcome.resumed for outcome in outcomes)
    bad = [outcome for outcome in outcomes if outcome.status != "passed"]
    typer.echo(
        f"{len(outcomes)} runs: {len(outcomes) - len(bad)} passed, {len(bad)} did not; "
        f"{resumed} were done before"
    )
    for outcome in bad:
        for error in outcome.errors:
            output.error(f"{outcome.member.label}: {error.message}", error.hint)


def _figures(record: RunRecord | None) -> list[str]:
    """The cells of the headline figures; ``-`` where a run has no such figure, '' without a run."""
    from hil.figures import headline

    absent = "-" if record else ""
    cells = []
    for figure in headline():
        found = record.measurements.get(figure.name) if record else None
        cells.append(output.format_value(found.value, found.unit) if found else absent)
        if _has_band(figure):
            band = found.uncertainty_pct if found else None
            cells.append("" if band is None else f"±{band:.3g} %")
    return cells


def _has_band(figure: Figure) -> bool:
    """Whether a figure's band has a column; sizes are known exactly, or nearly so."""
    return figure.unit != "bytes"


def _kinds(runs: Sequence[StudyRun]) -> str:
    """``latency modelled, energy modelled, …``: the kinds of the columns."""
    from hil.figures import headline

    parts = []
    for figure in headline():
        kinds = dict.fromkeys(
            run.run.measurements[figure.name].kind
            for run in runs
            if run.run and figure.name in run.run.measurements
        )
        parts += [f"{figure.title} {'/'.join(kinds)}"] if kinds else []
    return ", ".join(parts)


def _show_json(
    study: Study, outcomes: Sequence[Outcome], runs: Sequence[StudyRun], written: Path | None
) -> None:
    data = [
        {
            "label": outcome.member.label,
            "model": run.model,
            "parameters": run.parameters,
            "macs": run.macs,
            "scheme": run.scheme,
            "engine": run.engine,
            "profile": run.profile,
            "optimize": run.optimize,
            "status": outcome.status,
            "resumed": outcome.resumed,
            "run_id": outcome.run_id,
            "measurements": dict(run.run.measurements) if run.run else {},
            "errors": [{"message": e.message, "hint": e.hint} for e in outcome.errors],
        }
        for outcome, run in zip(outcomes, runs, strict=True)
    ]
    errors: list[dict[str, Any]] = [
        {"message": f"{outcome.member.label}: {error.message}", "hint": error.hint}
        for outcome in outcomes
        for error in outcome.errors
    ]
    failed = any(outcome.status != "passed" for outcome in outcomes)
    payload = {"study": study.title, "runs": data, "report": written}
    output.emit_json(SCHEMA, "failed" if failed else "ok", payload, errors)
