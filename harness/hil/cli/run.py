"""``hil run``: one model on one or more profiles, checked, stored, and shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import (
    CacheDirOption,
    CalibrationOption,
    CalibrationSamplesOption,
    DbOption,
    EmulatorMachineOption,
    EmulatorOption,
    EngineOption,
    HeldOutOption,
    IoOption,
    JsonOption,
    LoadOption,
    MemoryModelOption,
    MethodOption,
    OptimizeOption,
    QFormatOption,
    QuantizeOption,
    TargetOption,
    TimeoutOption,
    check_report_folder,
    exit_code,
    known_load,
    known_memory_model,
)
from hil.cli.quantization import variant_request

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.records import RunRecord, VariantRequest
    from hil.settings import Settings
    from hil.store import Store

SCHEMA = "hil.run/1"


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
    engine: EngineOption = None,
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
    emulator_machine: EmulatorMachineOption = None,
    optimize: OptimizeOption = None,
    load: LoadOption = "auto",
    memory_model: MemoryModelOption = None,
    timeout: TimeoutOption = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="DIR", help="Keep generated sources, ELF and transcript there."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write an HTML report too."),
    ] = None,
    quantize: QuantizeOption = None,
    calibration: CalibrationOption = None,
    calibration_samples: CalibrationSamplesOption = None,
    held_out: HeldOutOption = None,
    method: MethodOption = "minmax",
    q_format: QFormatOption = None,
    io: IoOption = None,
    db: DbOption = None,
    cache_dir: CacheDirOption = None,
    target: TargetOption = None,
    emulator: EmulatorOption = None,
    json: JsonOption = False,
) -> None:
    """Run MODEL on a device; measure, check, store and show.

    The outputs are compared with TensorFlow Lite's reference kernels; a run whose outputs differ
    has failed. Exit code 0: every run passed; 3: one failed.
    """
    from hil import settings as configuration
    from hil.store import Store

    settings = configuration.load(
        db=db,
        engine=engine,
        cache_dir=cache_dir,
        target=target,
        emulator=emulator,
        optimize=optimize,
        timeout_s=timeout,
        samples=samples,
    )
    check_report_folder(report)
    requests = _requests(
        settings,
        model,
        profile,
        inputs,
        samples,
        repeat,
        emulator_machine,
        load,
        memory_model,
        keep,
        variant_request(quantize, calibration, calibration_samples, method, q_format, io, held_out),
    )
    with Store.open(settings.db) as store:
        records, problems = _run_all(requests, store, quiet=json)
        _show(records, problems, as_json=json)
        if report is not None and records:
            from hil.report import write_report

            written = write_report(records, report, store=store)
            (output.note if json else typer.echo)(f"report: {written}")
    _exit(records, problems)


def _requests(
    settings: Settings,
    model: Path,
    names: list[str] | None,
    inputs: str | None,
    samples: int | None,
    repeat: int,
    machine: str | None,
    load: str,
    memory_model: str | None,
    keep: Path | None,
    variant: VariantRequest | None,
) -> list[Request]:
    """One request a profile; everything that the options alone can get wrong is refused here."""
    from hil import devices
    from hil.bench.pipeline import Request
    from hil.errors import UsageError
    from hil.tflite.model import Model

    chosen = names or ([settings.profile] if settings.profile else [])
    if not chosen:
        raise UsageError(
            "no profile given", hint="add --profile NAME; `hil profile list` shows them"
        )
    how, memory = known_load(load), known_memory_model(memory_model)
    loaded = [devices.load(name) for name in dict.fromkeys(chosen)]
    parsed = Model.read(model)
    return [
        Request(
            model=parsed,
            profile=one,
            engine=settings.engine,
            inputs=inputs,
            samples=samples or (settings.samples if inputs is None else None),
            repeat=repeat,
            target=settings.target,
            machine=machine,
            optimize=settings.optimize,
            load=how,
            memory_model=memory,
            timeout_s=settings.timeout_s,
            keep=keep / one.name if keep and len(loaded) > 1 else keep,
            command=("hil", *sys.argv[1:]),
            variant=variant,
        )
        for one in loaded
    ]


def _run_all(
    requests: list[Request], store: Store, *, quiet: bool
) -> tuple[list[RunRecord], list[Any]]:
    """Run each request; with several, one that cannot even start does not stop the others."""
    from hil.bench import pipeline
    from hil.errors import HilError

    records: list[RunRecord] = []
    problems: list[HilError] = []
    for request in requests:
        with output.progress() as show:
            try:
                records.append(
                    pipeline.run(request, store, None if quiet else _teller(show, request))
                )
            except HilError as error:
                if len(requests) == 1:
                    raise
                problems.append(error)
    return records, problems


def _teller(show: Callable[[str], None], request: Request) -> Callable[[str, int, int], None]:
    def tell(stage: str, done: int, total: int) -> None:
        counter = f" {done}/{total}" if total else ""
        show(
            f"{request.model.name} on {request.profile.name}: "
            f"{output.STAGES.get(stage, stage)}{counter}"
        )

    return tell


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
    stand_in = "" if record.machine_exact else ", standing in"
    typer.echo(
        f"{model.name} ({model.dtype}, {model.macs:,} MACs) on {record.profile_name} "
        f"[{record.target} {record.machine}{stand_in}], engine {record.engine}"
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
    words = "within tolerance of" if check.passed else "WRONG against"
    return (
        f"outputs: {words} {check.reference} on {check.inputs} inputs "
        f"(largest difference {check.max_abs_diff:.3g}, relative {check.max_rel_diff:.2g}, "
        f"tolerance {check.tolerance:g})"
    )


def _exit(records: list[RunRecord], problems: list[Any]) -> None:
    kinds = [type(problem).__name__ for problem in problems]
    kinds += [problem.kind for record in records for problem in record.errors]
    if kinds:
        raise typer.Exit(exit_code(kinds))
