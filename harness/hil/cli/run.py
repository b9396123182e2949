"""``hil run``: one model on one or more profiles, checked, stored, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.board_options import BoardOptions
from hil.cli.options import (
    CalibrationOptions,
    DbOption,
    DeviceOptions,
    JsonOption,
    LabelOption,
    MemoryModelOption,
    QuantizeOption,
    TargetOptions,
    check_report_folder,
    grouped,
)
from hil.errors import HilError, exit_code

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.records import RunRecord
    from hil.store import Store

SCHEMA = "hil.run/1"


@grouped
def run(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Device profile, NAME@48MHz at another clock; give it again for several. "
            "`hil profile list` shows them.",
        ),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs",
            metavar="FILE|random:SEED",
            help="Inputs to run and check: .npy, .npz, random:SEED or, for float inputs, "
            "normal:SEED (default random:0, followed by the all-minimum and all-maximum inputs). "
            "With --quantize those of a file are the float model's.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=1,
            max=100_000,
            help="How many inputs: so many random ones (default 3), or the first so many of FILE "
            "(default all).",
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, max=10_000, help="Inferences of each input.")
    ] = 1,
    warmup: Annotated[
        int | None,
        typer.Option(
            "--warmup",
            min=0,
            max=10_000,
            help="Inferences before those that count (default: 1 on a board, else 0).",
        ),
    ] = None,
    energy: Annotated[
        bool | None,
        typer.Option(
            "--energy/--no-energy",
            help="Measure energy with the board's meter (default: where it has one).",
        ),
    ] = None,
    board: BoardOptions = BoardOptions(),
    device: DeviceOptions = DeviceOptions(),
    memory_model: MemoryModelOption = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Keep generated sources, ELF and transcript in this folder.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write an HTML report too."),
    ] = None,
    quantize: QuantizeOption = None,
    calibration: CalibrationOptions = CalibrationOptions(),
    label: LabelOption = None,
    db: DbOption = None,
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Run MODEL on a device; measure, check, store and show.

    The outputs are compared with TensorFlow Lite's reference kernels; a run whose outputs differ
    has failed. Exit code 0: every run passed; 3: one failed.
    """
    from hil import settings as configuration
    from hil.store import Store
    from hil.tflite.model import Model

    settings = configuration.load(
        db=db, label=label, samples=samples, **device.settings, **board.over(tools)
    )
    check_report_folder(report)
    variant = calibration.request(quantize)
    profiles = board.profiles(settings, profile)
    parsed = Model.read(model)
    requests = [
        device.request(
            settings,
            parsed,
            one,
            board.board,
            wait_s=board.wait_s,
            warmup=warmup,
            energy=energy,
            inputs=inputs,
            samples=samples or (settings.samples if inputs is None else None),
            repeat=repeat,
            memory_model=memory_model,
            keep=keep / one.name if keep and len(profiles) > 1 else keep,
            variant=variant,
        )
        for one in profiles
    ]
    with Store.open(settings.db) as store:
        records, problems = _run_all(requests, store, quiet=json)
        _show(records, problems, as_json=json)
        if report is not None and records:
            from hil.report import write_report

            written = write_report(records, report, store=store)
            (output.note if json else typer.echo)(f"report: {written}")
    _exit(records, problems)


def _run_all(
    requests: list[Request], store: Store, *, quiet: bool
) -> tuple[list[RunRecord], list[HilError]]:
    """Run each request; with several, one that cannot start does not stop the others."""
    from hil.bench import pipeline

    records: list[RunRecord] = []
    problems: list[HilError] = []
    for request in requests:
        title = f"{request.model.name} on {request.profile.name}"
        with output.progress(title, quiet=quiet) as shown:
            try:
                records.append(pipeline.run(request, store, shown.stage))
            except HilError as error:
                if len(requests) == 1:
                    raise
                problems.append(error)
    return records, problems


def _show(records: list[RunRecord], problems: list[Any], *, as_json: bool) -> None:
    if as_json:
        _show_json(records, problems)
    else:
        for record in records:
            _show_record(record)
    for problem in [*(error for record in records for error in record.errors), *problems]:
        output.error(problem.message, problem.hint)


def _show_json(records: list[RunRecord], problems: list[Any]) -> None:
    """One object: the run, or with several profiles ``{"runs": [...]}``; the worst status."""
    from hil.report.output.run_json import run_data, run_errors

    errors = [error for record in records for error in run_errors(record)]
    errors += [{"message": p.message, "hint": p.hint} for p in problems]
    statuses = [record.status for record in records] + ["error"] * len(problems)
    status = next((s for s in ("error", "failed") if s in statuses), "passed")
    data = [run_data(record) for record in records]
    single = len(data) == 1 and not problems
    output.emit_json(SCHEMA, status, data[0] if single else {"runs": data}, errors)


def _show_record(record: RunRecord) -> None:
    model = record.model
    assert model is not None
    typer.echo(
        f"{model.name} ({model.dtype}, {model.macs:,} MACs) on {record.profile_name} "
        f"[{output.machine(record)}], engine {record.engine}"
    )
    if record.measurements:
        _show_figures(record)
    if record.check is not None:
        typer.echo(_check_line(record))
    for text in record.notes:
        typer.echo(f"note: {text}")
    typer.echo(f"{record.status}: run {record.run_id}")


def _show_figures(record: RunRecord) -> None:
    """Print all figures but the details, which are in reports and JSON."""
    from hil.figures import find, in_order

    figures = record.measurements
    names = [name for name in in_order(figures) if find(name).level != "detail"]
    output.print_figures({name: figures[name] for name in names})


def _check_line(record: RunRecord) -> str:
    check = record.check
    assert check is not None
    if check.passed and check.exact:
        return f"outputs: bit-equal to {check.reference} on {check.inputs} inputs"
    result = "within tolerance of" if check.passed else "WRONG against"
    return (
        f"outputs: {result} {check.reference} on {check.inputs} inputs "
        f"(largest difference {check.max_abs_diff:.3g}, relative {check.max_rel_diff:.2g}, "
        f"tolerance {check.tolerance:g})"
    )


def _exit(records: list[RunRecord], problems: list[Any]) -> None:
    kinds = [type(problem).__name__ for problem in problems]
    kinds += [problem.kind for record in records for problem in record.errors]
    if kinds:
        raise typer.Exit(exit_code(kinds))
