"""``hil accuracy``: labelled samples through the firmware on the target, counted and stored."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import accuracy_text, output
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
    MethodOption,
    OptimizeOption,
    QFormatOption,
    QuantizeOption,
    TargetOption,
    TimeoutOption,
    exit_code,
    known_load,
)
from hil.cli.quantization import variant_request

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.records import Evaluation, VariantRequest
    from hil.settings import Settings

SCHEMA = "hil.accuracy/1"
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")
_BAR = 30  # characters


def accuracy(
    model: Annotated[Path | None, typer.Argument(help="The .tflite file.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Device profile. `hil profile list` shows them.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FILE|DIR|MODULE:FUNCTION",
            help="Labelled samples: a .npz with x and y, a folder of .bin files with y_labels.csv, "
            "or a Python function that returns (x, y).",
        ),
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="top1, auc, or auto: auc for models whose output has their input's shape.",
        ),
    ] = "auto",
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            help="Take so many labelled items: the first ones, or with --seed drawn at random.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            help="Draw the items of --limit with this seed, every class by its share.",
        ),
    ] = None,
    data_type: Annotated[
        str,
        typer.Option("--data-type", help="What .bin files hold: auto, int8, uint8 or float32."),
    ] = "auto",
    min_accuracy: Annotated[
        str | None,
        typer.Option(
            "--min-accuracy",
            metavar="SHARE",
            help="Exit with code 1 if the device's figure is below: 90%, or 0.9.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Emulators side by side (default: one per core)."),
    ] = None,
    load: LoadOption = "auto",
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin anew, whatever is stored of this evaluation."),
    ] = False,
    list_stored: Annotated[
        bool,
        typer.Option("--list", help="List stored evaluations, newest first; MODEL may choose."),
    ] = False,
    engine: EngineOption = None,
    emulator_machine: EmulatorMachineOption = None,
    optimize: OptimizeOption = None,
    timeout: TimeoutOption = None,
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
    """Count how often MODEL is right on a device, sample by sample.

    Every output is compared with TensorFlow Lite's reference kernels as well; an evaluation whose
    outputs differ has failed. Results are stored while they come: an interrupted evaluation goes
    on where it stopped, a complete one is shown at once. Exit code 0: done; 1: below
    --min-accuracy; 3: the device failed or its outputs differ.
    """
    from hil import settings as configuration

    settings = configuration.load(
        db=db,
        profile=profile,
        engine=engine,
        cache_dir=cache_dir,
        target=target,
        emulator=emulator,
        optimize=optimize,
        timeout_s=timeout,
    )
    if list_stored:
        _list(settings, model, profile, as_json=json)
        return
    least = _share(min_accuracy) if min_accuracy is not None else None
    variant = variant_request(
        quantize, calibration, calibration_samples, method, q_format, io, held_out
    )
    request = _request(settings, model, emulator_machine, load, variant)
    _evaluate_and_show(
        settings,
        request,
        {
            "spec": _required(data, "--data"),
            "metric": metric,
            "limit": limit,
            "seed": seed,
            "data_type": data_type,
            "jobs": jobs,
            "restart": restart,
        },
        least,
        as_json=json,
    )


def _required(value: str | None, name: str) -> str:
    from hil.errors import UsageError

    if value is None:
        raise UsageError(
            f"no {name} given",
            hint="`hil accuracy --profile NAME --data FILE MODEL`; --list shows what is stored",
        )
    return value


def _request(
    settings: Settings,
    model: Path | None,
    machine: str | None,
    load: str,
    variant: VariantRequest | None,
) -> Request:
    from hil import devices
    from hil.bench.pipeline import Request
    from hil.errors import UsageError
    from hil.tflite.model import Model

    if model is None:
        raise UsageError("no model given", hint="`hil accuracy --profile NAME --data FILE MODEL`")
    return Request(
        profile=devices.load(_required(settings.profile, "--profile")),
        model=Model.read(model),
        engine=settings.engine,
        target=settings.target,
        machine=machine,
        optimize=settings.optimize,
        load=known_load(load),
        timeout_s=settings.timeout_s,
        command=("hil", *sys.argv[1:]),
        variant=variant,
    )


def _share(text: str) -> float:
    """``90%`` or ``0.9`` as 0.9."""
    from hil.errors import UsageError

    found = _SHARE.fullmatch(text)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"--min-accuracy does not understand '{text}'", hint="write 90% or 0.9")
    return value


def _evaluate_and_show(
    settings: Settings,
    request: Request,
    asked: dict[str, object],
    least: float | None,
    *,
    as_json: bool,
) -> None:
    from hil.evaluation import DataRequest, evaluate
    from hil.store import Store

    with Store.open(settings.db) as store, output.progress() as show:
        evaluation = evaluate(
            request,
            DataRequest(**asked),  # type: ignore[arg-type]
            store,
            _teller(show, request),
        )
    problems = [{"message": e.message, "hint": e.hint} for e in evaluation.errors]
    code = exit_code(e.kind for e in evaluation.errors)
    assert evaluation.accuracy is not None
    value = evaluation.accuracy.main.value
    if least is not None and not value >= least and not code:
        gate = f"the accuracy {value:.2%} is below the {least:.4g} of --min-accuracy"
        problems.append({"message": gate, "hint": "its interval tells how certain that is"})
        code = 1
    if as_json:
        output.emit_json(SCHEMA, "failed" if code else "passed", evaluation, problems)
    else:
        accuracy_text.show(evaluation)
    for problem in problems:
        output.error(problem["message"], problem["hint"])
    if code:
        raise typer.Exit(code)


_STAGES = {**output.STAGES, "plan": "reading the data"}


def _teller(show: Callable[[str], None], request: Request) -> Callable[[str, int, int], None]:
    """Show the stage, and while samples run a bar with their number, speed and time left."""
    started: list[tuple[float, int]] = []
    name = f"{request.model.name} on {request.profile.name}"

    def tell(stage: str, done: int, total: int) -> None:
        if stage != "run":
            counter = f" {done}/{total}" if total else ""
            show(f"{name}: {_STAGES.get(stage, stage)}{counter}")
            return
        started.append((time.monotonic(), done)) if not started else None
        begun, before = started[0]
        seconds = time.monotonic() - begun
        filled = _BAR * done // total
        text = f"{name}: [{'#' * filled}{'.' * (_BAR - filled)}] {done}/{total}"
        if done > before and seconds > 0:
            rate = (done - before) / seconds
            text += f" {rate:.3g}/s, {(total - done) / rate:.0f} s left"
        show(text)

    return tell


def _list(settings: Settings, model: Path | None, profile: str | None, *, as_json: bool) -> None:
    """Stored evaluations; the default database that nothing has made yet has none."""
    from hil.store import Store
    from hil.store.database import locate

    file = locate(settings.db).file
    found: list[Evaluation] = []
    if not (settings.db is None and file is not None and not file.exists()):
        sha256 = _sha256(model) if model is not None else None
        with Store.open(settings.db, read_only=True) as store:
            found = store.evaluations.find(model_sha256=sha256, profile=profile)
    if as_json:
        output.emit_json(SCHEMA, "ok", {"evaluations": found})
    elif found:
        accuracy_text.show_list(found)
    else:
        output.note("no evaluations match; `hil accuracy` makes one")


def _sha256(model: Path) -> str:
    import hashlib

    from hil.tflite.reader import read_bytes

    return hashlib.sha256(read_bytes(model)).hexdigest()
