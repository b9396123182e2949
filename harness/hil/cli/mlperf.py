"""``hil mlperf``: the rules of MLPerf Tiny on a board, a virtual board or an emulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import mlperf_text, output
from hil.cli.board_options import TARGET, BoardOptions
from hil.cli.options import (
    DbOption,
    DeviceOptions,
    JsonOption,
    ProfileOption,
    TargetOptions,
    grouped,
)
from hil.errors import UsageError, exit_code

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.mlperf.data import RunnerData
    from hil.mlperf.result import MlperfResult
    from hil.mlperf_tasks import MlperfTask
    from hil.records import Evaluation
    from hil.settings import Settings

app = typer.Typer()

TaskArgument = Annotated[
    str, typer.Argument(metavar="TASK", help="Benchmark: kws01, vww01, ic01 or ad01.")
]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="The .tflite file.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data sets in the official runner's layout (DIR/kws01/y_labels.csv and .bin files).",
    ),
]


@dataclass(frozen=True)
class ResultOptions:
    """Where results go."""

    results: Annotated[
        Path,
        typer.Option(
            "--results",
            metavar="DIR",
            help="Folder for log.txt, results.txt and results.json, in DIR/SYSTEM/TASK/MODE.",
        ),
    ] = Path("mlperf-results")
    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            metavar="NAME",
            help="The system's name in a submission (default: the board's, or the profile's).",
        ),
    ] = None


@app.command()
@grouped
def performance(
    task: TaskArgument,
    model: ModelArgument,
    profile: ProfileOption = None,
    data: DataOption = None,
    where: ResultOptions = ResultOptions(),
    board: BoardOptions = BoardOptions(),
    device: DeviceOptions = DeviceOptions(),
    db: DbOption = None,
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Measure the throughput by windows of 10 s.

    The median of five windows counts. The number of inferences in a window is found by a trial.
    Without --data the inputs are random ones. On an emulator no window is run: the time is that of
    the timing model.
    """
    from hil.mlperf.performance import modelled_performance
    from hil.mlperf.performance import performance as run
    from hil.store import Store

    settings, request, found = _understood(task, model, profile, board, device, tools, db)
    opened = _data(data, found)
    system = _system(where, board, request)
    with output.progress(f"{task} on {system}", quiet=json) as shown:
        if request.target == TARGET:
            result = run(request, found, opened, system=system, progress=shown.stage)
        else:
            with Store.open(settings.db) as store:
                result = modelled_performance(
                    request, found, opened, store, system=system, progress=shown.stage
                )
    _finish("performance", result, where, as_json=json)


@app.command()
@grouped
def accuracy(
    task: TaskArgument,
    model: ModelArgument,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Data sets in the official runner's layout (DIR/kws01/y_labels.csv and .bin "
            "files).",
        ),
    ],
    profile: ProfileOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first so many files.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start again, without what is stored.")
    ] = False,
    where: ResultOptions = ResultOptions(),
    board: BoardOptions = BoardOptions(),
    device: DeviceOptions = DeviceOptions(),
    db: DbOption = None,
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Compute top-1 and AUC as the official runner does.

    The evaluation is stored as `hil accuracy` stores one, and continues where it stopped. Exit code
    1: the quality target of the closed division is not met; 3: outputs differ from the reference's.
    """
    from hil.mlperf.accuracy import accuracy as run
    from hil.store import Store

    settings, request, found = _understood(task, model, profile, board, device, tools, db)
    opened = _data(data, found)
    assert opened is not None
    system = _system(where, board, request)
    with (
        Store.open(settings.db) as store,
        output.progress(f"{task} on {system}", quiet=json) as shown,
    ):
        result, evaluation = run(
            request,
            found,
            opened,
            store,
            system=system,
            limit=limit,
            restart=restart,
            progress=shown.stage,
        )
    _finish("accuracy", result, where, as_json=json, evaluation=evaluation)


@app.command()
@grouped
def energy(
    task: TaskArgument,
    model: ModelArgument,
    profile: ProfileOption = None,
    data: DataOption = None,
    baud: Annotated[
        int,
        typer.Option("--baud", min=1200, max=12_000_000, help="Baud rate of the firmware."),
    ] = 9600,
    where: ResultOptions = ResultOptions(),
    board: BoardOptions = BoardOptions(),
    device: DeviceOptions = DeviceOptions(),
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Measure the energy of an inference by the meter.

    The median of five windows counts. The firmware marks both ends of a window by pulses of its
    pin. Without --data the inputs are
    random ones.
    """
    from hil.mlperf.energy import energy as run

    _, request, found = _understood(task, model, profile, board, device, tools, None)
    opened = _data(data, found)
    system = _system(where, board, request)
    with output.progress(f"{task} on {system}", quiet=json) as shown:
        result = run(request, found, opened, system=system, baud=baud, progress=shown.stage)
    _finish("energy", result, where, as_json=json)


@app.command()
def submission(
    submitter: Annotated[
        str, typer.Option("--submitter", metavar="NAME", help="The organization that submits.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder that gets DIVISION/SUBMITTER.")
    ],
    results: Annotated[
        Path,
        typer.Option("--results", metavar="DIR", help="Folder of the results of `hil mlperf`."),
    ] = Path("mlperf-results"),
    division: Annotated[
        Literal["open", "closed"], typer.Option("--division", help="Division of MLPerf.")
    ] = "closed",
    status: Annotated[
        Literal["available", "preview", "rdi"],
        typer.Option("--status", help="Availability of the system."),
    ] = "available",
    system: Annotated[
        list[str] | None,
        typer.Option("--system", metavar="NAME", help="Only this system. Repeatable."),
    ] = None,
    session: Annotated[
        list[str] | None,
        typer.Option(
            "--session",
            metavar="TASK/MODE=DIR",
            help="Take this session of the official runner instead, such as "
            "kws/accuracy=sessions/20261122_005959; needs one --system. Repeatable.",
        ),
    ] = None,
    description: Annotated[
        Path | None,
        typer.Option(
            "--description",
            metavar="FILE",
            help="JSON with keys of the system's description, such as Board Name.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a submission folder, and check it.

    It has the official layout. Exit code 1: it is not complete, or its results do not follow the
    rules.
    """
    from hil.mlperf import submission as folder

    about = folder.Submission(submitter, division, status, _description(description))
    names = tuple(system or ())
    for text in session or ():
        what, _, where = text.partition("=")
        if len(names) != 1 or not where:
            raise UsageError(
                f"--session {text} needs TASK/MODE=DIR and one --system",
                hint="--system nucleo --session kws/accuracy=sessions/20261122_005959",
            )
        folder.check_name(names[0])
        folder.import_session(Path(where), results, names[0], what)
    made = folder.make(results, out, about, names)
    _show_check("submission", out, {"folder": made}, as_json=json)


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with open/SUBMITTER or closed/SUBMITTER.")
    ],
    json: JsonOption = False,
) -> None:
    """Check the layout and figures of a submission.

    Exit code 1: it is not complete, or its results do not follow the rules.
    """
    _show_check("check", folder, {"folder": folder}, as_json=json)


def _show_check(command: str, root: Path, data: dict[str, Any], *, as_json: bool) -> None:
    from hil.mlperf.check import check as problems_of

    problems = problems_of(root)
    status = "failed" if problems else "passed"
    if as_json:
        output.emit_json(f"hil.mlperf.{command}/1", status, {**data, "problems": problems})
    else:
        typer.echo(f"folder: {data['folder']}")
        for one in problems:
            typer.echo(f"{one.kind}: {one.where}: {one.message}")
        typer.echo("no problems found" if not problems else f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)


def _description(path: Path | None) -> dict[str, str]:
    import json

    if path is None:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}", hint="it has to be JSON") from error
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise UsageError(
            f"{path} is not a JSON object of texts", hint='such as {"Board Name": "NUCLEO-L4R5ZI"}'
        )
    return content


def _understood(
    task: str,
    model: Path,
    profile: str | None,
    board: BoardOptions,
    device: DeviceOptions,
    tools: TargetOptions,
    db: str | None,
) -> tuple[Settings, Request, MlperfTask]:
    from hil import mlperf_tasks
    from hil import settings as configuration
    from hil.bench.mlperf_build import check_model
    from hil.tflite.model import Model

    found = mlperf_tasks.find(task)
    settings = configuration.load(db=db, profile=profile, **device.settings, **board.over(tools))
    parsed = Model.read(model)
    check_model(task, parsed.graph)
    profiles = board.profiles(settings, [profile] if profile else None)
    request = device.request(
        settings, parsed, profiles[0], board.board, wait_s=board.wait_s, mlperf=task
    )
    return settings, request, found


def _data(path: Path | None, task: MlperfTask) -> RunnerData | None:
    from hil.mlperf.data import open_data

    return None if path is None else open_data(path, task)


def _system(where: ResultOptions, board: BoardOptions, request: Request) -> str:
    from hil.mlperf.submission import check_name
    from hil.targets.registry import target

    name = where.system or board.board
    if name is None:
        name = f"{request.profile.name}-{target(request.target).name}"
    check_name(name)
    return name


def _finish(
    mode: str,
    result: MlperfResult,
    where: ResultOptions,
    *,
    as_json: bool,
    evaluation: Evaluation | None = None,
) -> None:
    """Write the files, show the result, and exit with its code."""
    from hil.mlperf import files

    folder = files.write(where.results, result)
    problems = [] if evaluation is None else list(evaluation.errors)
    code = exit_code(problem.kind for problem in problems)
    shown: list[dict[str, str]] = [{"message": p.message, "hint": p.hint} for p in problems]
    if result.quality_met is False and not code:
        code = 1
        shown.append(_below(result))
    if as_json:
        data: dict[str, Any] = {**files.as_json(result), "folder": folder}
        output.emit_json(f"hil.mlperf.{mode}/1", "failed" if code else "passed", data, shown)
    else:
        mlperf_text.show(result, folder)
    for problem in shown:
        output.error(problem["message"], problem["hint"])
    if code:
        raise typer.Exit(code)


def _below(result: MlperfResult) -> dict[str, str]:
    from hil import mlperf_tasks

    task = mlperf_tasks.find(result.task)
    found = result.figures.get(task.metric)
    value = f"{found.value:.3f}" if found is not None else "unknown"
    return {
        "message": f"{task.metric} is {value}, the closed division asks for {task.quality:g}",
        "hint": "the open division has no target; --limit takes only a part of the data",
    }
