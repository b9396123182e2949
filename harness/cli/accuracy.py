"""``hil accuracy``: labelled samples through the firmware on the target, counted and stored."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import output
from harness.cli.options import CacheDirOption, DbOption, EngineOption, JsonOption, QemuOption

if TYPE_CHECKING:
    from harness.bench import Request
    from harness.records import Accuracy, Estimate, Evaluation
    from harness.settings import Settings

SCHEMA = "hil.accuracy/1"
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")
_CONFUSION_SHOWN_UP_TO = 20  # classes
_BAR = 30  # characters


def accuracy(
    model: Annotated[
        Path | None, typer.Argument(help="The .tflite file.", show_default=False)
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Device profile. `hil profile list` shows them.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FILE|DIR|MODULE:FUNCTION",
            help="Labelled samples: a .npz with x and y, a folder of .bin files with y_labels.csv, "
            "or a Python function that returns (x, y).",
            show_default=False,
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
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            help="Draw the items of --limit with this seed, every class by its share.",
            show_default=False,
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
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Emulators side by side (default: one per core).",
            show_default=False,
        ),
    ] = None,
    load: Annotated[
        str,
        typer.Option(
            "--load",
            help="How samples get in and results out: auto, direct (debug access) or protocol "
            "(serial).",
        ),
    ] = "auto",
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin anew, whatever is stored of this evaluation."),
    ] = False,
    list_stored: Annotated[
        bool,
        typer.Option("--list", help="List stored evaluations, newest first; MODEL may choose."),
    ] = False,
    engine: EngineOption = None,
    emulator_machine: Annotated[
        str | None,
        typer.Option(
            "--emulator-machine",
            metavar="NAME",
            help="QEMU machine instead of the most faithful one.",
            show_default=False,
        ),
    ] = None,
    optimize: Annotated[
        str | None,
        typer.Option(
            "--optimize", metavar="FLAG", help="Optimization of the kernels: -O2, -O3 or -Os."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds that one inference may take."),
    ] = None,
    db: DbOption = None,
    cache_dir: CacheDirOption = None,
    qemu: QemuOption = None,
    json: JsonOption = False,
) -> None:
    """Count how often MODEL is right on an emulated device, sample by sample.

    Every output is compared with TensorFlow Lite's reference kernels as well; an evaluation whose
    outputs differ has failed. Results are stored while they come: an interrupted evaluation goes
    on where it stopped, a complete one is shown at once. Exit code 0: done; 1: below
    --min-accuracy; 3: the device failed or its outputs differ.
    """
    from harness import settings as configuration

    settings = configuration.load(
        db=db,
        profile=profile,
        engine=engine,
        cache_dir=cache_dir,
        qemu=qemu,
        optimize=optimize,
        timeout_s=timeout,
    )
    if list_stored:
        _list(settings, model, profile, as_json=json)
        return
    least = _share(min_accuracy) if min_accuracy is not None else None
    request = _request(settings, model, emulator_machine, load)
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
    from harness.errors import UsageError

    if value is None:
        raise UsageError(
            f"no {name} given",
            hint="`hil accuracy --profile NAME --data FILE MODEL`; --list shows what is stored",
        )
    return value


def _request(settings: Settings, model: Path | None, machine: str | None, load: str) -> Request:
    from harness import profiles
    from harness.bench import Request
    from harness.errors import UsageError

    if model is None:
        raise UsageError("no model given", hint="`hil accuracy --profile NAME --data FILE MODEL`")
    if load not in ("auto", "direct", "protocol"):
        raise UsageError(f"--load does not know '{load}'", hint="it takes auto, direct or protocol")
    return Request(
        model=model,
        profile=profiles.load(_required(settings.profile, "--profile")),
        engine=settings.engine,
        machine=machine,
        optimize=settings.optimize,
        load=load,  # type: ignore[arg-type]
        timeout_s=settings.timeout_s,
        command=("hil", *sys.argv[1:]),
    )


def _share(text: str) -> float:
    """``90%`` or ``0.9`` as 0.9."""
    from harness.errors import UsageError

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
    from harness import errors
    from harness.accuracy import DataRequest, evaluate
    from harness.store import Store

    with Store.open(settings.db) as store, output.progress() as show:
        evaluation = evaluate(
            request,
            DataRequest(**asked),  # type: ignore[arg-type]
            store,
            _teller(show, request),
        )
    problems = [{"message": e.message, "hint": e.hint} for e in evaluation.errors]
    code = max(
        [getattr(errors, e.kind, errors.HilError).exit_code for e in evaluation.errors], default=0
    )
    assert evaluation.accuracy is not None
    value = evaluation.accuracy.main.value
    if least is not None and not value >= least and not code:
        gate = f"the accuracy {value:.2%} is below the {least:.4g} of --min-accuracy"
        problems.append({"message": gate, "hint": "its interval tells how certain that is"})
        code = 1
    if as_json:
        output.emit_json(SCHEMA, "failed" if code else "passed", evaluation, problems)
    else:
        _show(evaluation)
    for problem in problems:
        output.error(problem["message"], problem["hint"])
    if code:
        raise typer.Exit(code)


_STAGES = {"plan": "reading the data", "build": "building the firmware"}


def _teller(show: Callable[[str], None], request: Request) -> Callable[[str, int, int], None]:
    """Show the stage, and while samples run a bar with their number, speed and time left."""
    started: list[tuple[float, int]] = []
    name = f"{request.model.name} on {request.profile.name}"

    def tell(stage: str, done: int, total: int) -> None:
        if not total:
            show(f"{name}: {_STAGES.get(stage, stage)}")
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


def _show(evaluation: Evaluation) -> None:
    found = evaluation.accuracy
    assert found is not None
    stand_in = "" if evaluation.machine_exact else ", standing in"
    typer.echo(
        f"{evaluation.model_name} ({evaluation.model_dtype}) on {evaluation.profile_name} "
        f"[{evaluation.target} {evaluation.machine}{stand_in}], engine {evaluation.engine}"
    )
    typer.echo(f"data: {evaluation.data_name}, {_count(evaluation)}; {evaluation.preparation}")
    name = "AUC" if found.metric == "auc" else "top-1"
    rows = [(f"{name}, device", found.main), (f"{name}, host reference", found.host)]
    rows += [("top-5, device", found.top5)] if found.top5 else []
    output.print_table(
        [
            "figure",
            output.Column("value", right=True),
            output.Column("95 % interval", right=True),
            output.Column("right", right=True),
            "interval by",
        ],
        [_figure_row(label, one) for label, one in rows],
    )
    if found.confusion and len(found.confusion) <= _CONFUSION_SHOWN_UP_TO:
        _show_confusion(found)
    typer.echo(_agreement(evaluation, found))
    for text in found.notes:
        typer.echo(f"note: {text}")
    typer.echo(f"{evaluation.status}: evaluation {evaluation.evaluation_id}")


def _count(evaluation: Evaluation) -> str:
    found = evaluation.accuracy
    assert found is not None
    part = ""
    if evaluation.options.get("limit") is not None:
        seed = evaluation.options.get("seed")
        part = " (the first of it)" if seed is None else f" (drawn by class, seed {seed})"
    items = "" if found.items == found.samples else f"{found.items:,} items in "
    return f"{items}{found.samples:,} samples{part}"


def _figure_row(label: str, one: Estimate) -> tuple[str, ...]:
    if one.count is None:
        shown, low, high = (f"{value:.4f}" for value in (one.value, one.low, one.high))
        return label, shown, f"{low} to {high}", f"{one.n:,} items", one.method
    shown, low, high = (f"{100 * value:.2f} %" for value in (one.value, one.low, one.high))
    return label, shown, f"{low} to {high}", f"{one.count:,} of {one.n:,}", one.method


def _show_confusion(found: Accuracy) -> None:
    columns = [output.Column(str(at), right=True) for at in range(len(found.confusion))]
    output.print_table(
        [output.Column("class \\ decided", right=True), *columns],
        [(str(at), *(str(n) if n else "." for n in row)) for at, row in enumerate(found.confusion)],
    )


def _agreement(evaluation: Evaluation, found: Accuracy) -> str:
    reference = evaluation.provenance.get("reference", "the host's reference")
    words = "bit-equal to" if found.exact else "within tolerance of"
    text = f"outputs: {words} {reference} on {found.equal:,} of {found.samples:,} samples"
    if found.same_decision is not None:
        text += f", same decision on {found.same_decision:,}"
    if found.equal < found.samples:
        first = ", ".join(str(at) for at in found.differing[:5])
        text += f"; WRONG on sample {first}" + (", …" if len(found.differing) > 5 else "")
    return text


def _list(settings: Settings, model: Path | None, profile: str | None, *, as_json: bool) -> None:
    """Stored evaluations; the default database that nothing has made yet has none."""
    from harness.store import Store
    from harness.store.database import locate

    file = locate(settings.db).file
    found: list[Evaluation] = []
    if not (settings.db is None and file is not None and not file.exists()):
        sha256 = _sha256(model) if model is not None else None
        with Store.open(settings.db, read_only=True) as store:
            found = store.evaluations.find(model_sha256=sha256, profile=profile)
    if as_json:
        output.emit_json(SCHEMA, "ok", {"evaluations": found})
    elif found:
        _show_list(found)
    else:
        output.note("no evaluations match; `hil accuracy` makes one")


def _sha256(model: Path) -> str:
    import hashlib

    from harness.tflite.reader import read_bytes

    return hashlib.sha256(read_bytes(model)).hexdigest()


def _show_list(found: list[Evaluation]) -> None:
    from datetime import datetime

    def row(one: Evaluation) -> tuple[str, ...]:
        figure = one.accuracy.main if one.accuracy else None
        cells = ("-", "-") if figure is None else _figure_row("", figure)[1:3]
        return (
            one.evaluation_id,
            f"{datetime.fromisoformat(one.started_at).astimezone():%Y-%m-%d %H:%M}",
            one.status,
            one.profile_name,
            f"{one.model_name} ({one.model_dtype})",
            one.engine,
            one.data_name,
            f"{one.done:,}/{one.samples:,}",
            "AUC" if one.metric == "auc" else "top-1",
            *cells,
        )

    words = ("evaluation", "when", "status", "profile", "model", "engine", "data")
    right = ("samples", "metric", "value", "95 % interval")
    columns = [*map(output.Column, words), *(output.Column(t, right=True) for t in right)]
    output.print_table(columns, [row(one) for one in found])
