"""``hil accuracy``: labelled samples through the firmware on the target, counted and stored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hil.cli import accuracy_text, clusters, output, stores
from hil.cli.board_options import BoardOptions
from hil.cli.clusters import SchedulerOption
from hil.cli.options import (
    CalibrationOptions,
    DbOption,
    DeviceOptions,
    JsonOption,
    LabelOption,
    ProfileOption,
    QuantizeOption,
    TargetOptions,
    grouped,
)
from hil.errors import UsageError, exit_code

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.evaluation import DataRequest
    from hil.records import Evaluation
    from hil.settings import Settings

SCHEMA = "hil.accuracy/1"
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")


@grouped
def accuracy(
    model: Annotated[Path | None, typer.Argument(help="The .tflite file.")] = None,
    profile: ProfileOption = None,
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
        Literal["auto", "top1", "auc"],
        typer.Option(
            "--metric", help="The figure; auto: auc where the output has the input's shape."
        ),
    ] = "auto",
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            help="Number of labelled items: the first ones, or with --seed drawn at random.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            help="Draw the items of --limit with this seed, stratified by class.",
        ),
    ] = None,
    data_type: Annotated[
        Literal["auto", "int8", "uint8", "float32"],
        typer.Option("--data-type", help="Type of the values in .bin files."),
    ] = "auto",
    min_accuracy: Annotated[
        str | None,
        typer.Option(
            "--min-accuracy",
            metavar="SHARE",
            help="Exit with code 1 if the device's figure is lower: 90%, or 0.9.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Number of devices at a time (default: one per core)."
        ),
    ] = None,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Start again, without the stored results of this evaluation."
        ),
    ] = False,
    list_stored: Annotated[
        bool,
        typer.Option("--list", help="List stored evaluations, newest first, or those of MODEL."),
    ] = False,
    board: BoardOptions = BoardOptions(),
    device: DeviceOptions = DeviceOptions(),
    quantize: QuantizeOption = None,
    calibration: CalibrationOptions = CalibrationOptions(),
    scheduler: SchedulerOption = None,
    label: LabelOption = None,
    db: DbOption = None,
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Count how often MODEL is right on a device.

    Every output is also compared with TensorFlow Lite's reference kernels; an evaluation whose
    outputs differ has failed. Results are stored as they come: an interrupted evaluation continues
    where it stopped, a complete one is shown at once. Exit code 0: done; 1: below --min-accuracy;
    3: the device failed or its outputs differ.
    """
    from hil import settings as configuration

    settings = configuration.load(
        db=db,
        label=label,
        profile=profile,
        scheduler=scheduler,
        **device.settings,
        **board.over(tools),
    )
    if list_stored:
        _list(db, model, profile, as_json=json)
        return
    from hil.evaluation import DataRequest
    from hil.tflite.model import Model

    least = _share(min_accuracy) if min_accuracy is not None else None
    variant = calibration.request(quantize)
    if model is None or data is None:
        raise UsageError(
            f"no {'model' if model is None else '--data'} given",
            hint="`hil accuracy --profile NAME --data FILE MODEL`; --list shows what is stored",
        )
    profiles = board.profiles(settings, [profile] if profile else None)
    request = device.request(
        settings,
        Model.read(model),
        profiles[0],
        board.board,
        wait_s=board.wait_s,
        variant=variant,
    )
    asked = DataRequest(data, metric, limit, seed, data_type, jobs, restart)
    _evaluate_and_show(settings, request, asked, least, as_json=json)


def _share(text: str) -> float:
    """``90%`` or ``0.9`` as 0.9."""
    found = _SHARE.fullmatch(text)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"invalid --min-accuracy '{text}'", hint="write 90% or 0.9")
    return value


def _evaluate_and_show(
    settings: Settings,
    request: Request,
    asked: DataRequest,
    least: float | None,
    *,
    as_json: bool,
) -> None:
    from hil.evaluation import evaluate
    from hil.store import Store

    title = f"{request.model.name} on {request.profile.name}"
    with (
        clusters.connected(settings, asked.jobs) as cluster,
        Store.open(settings.db) as store,
        output.progress(title) as shown,
    ):
        spread = None
        if cluster is not None:
            from hil.evaluation.cluster import on_cluster

            spread = on_cluster(cluster)
        evaluation = evaluate(request, asked, store, shown.stage, spread)
    problems = [{"message": e.message, "hint": e.hint} for e in evaluation.errors]
    code = exit_code(e.kind for e in evaluation.errors)
    assert evaluation.accuracy is not None
    value = evaluation.accuracy.main.value
    if least is not None and not value >= least and not code:
        gate = f"the accuracy {value:.2%} is below the {least:.4g} of --min-accuracy"
        problems.append({"message": gate, "hint": "the interval shows the uncertainty"})
        code = 1
    if as_json:
        output.emit_json(SCHEMA, "failed" if code else "passed", evaluation, problems)
    else:
        accuracy_text.show(evaluation)
    for problem in problems:
        output.error(problem["message"], problem["hint"])
    if code:
        raise typer.Exit(code)


def _list(db: str | None, model: Path | None, profile: str | None, *, as_json: bool) -> None:
    """Show stored evaluations."""
    sha256 = _sha256(model) if model is not None else None
    found: list[Evaluation] = []
    with stores.reading(db) as store:
        if store is not None:
            found = store.evaluations.find(model_sha256=sha256, profile=profile)
    if as_json:
        output.emit_json(SCHEMA, "ok", {"evaluations": found})
    elif found:
        accuracy_text.show_list(found)
    else:
        output.note("no evaluations match; run `hil accuracy` first")


def _sha256(model: Path) -> str:
    import hashlib

    from hil.tflite.reader import read_bytes

    return hashlib.sha256(read_bytes(model)).hexdigest()
