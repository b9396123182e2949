"""``hil calibrate``: fits a profile to measurements of a board."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import calibrate_text, output, stores
from hil.cli.board_options import TARGET, BoardOptions
from hil.cli.options import DbOption, DeviceOptions, JsonOption, ProfileOption, grouped
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.bench.pipeline import Request
    from hil.calibrate import Measured, Outcome
    from hil.calibrate.steps import Plan, Source, Subject
    from hil.devices import Profile
    from hil.settings import Settings
    from hil.store import Store


@grouped
def calibrate(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MODEL",
            help="With --board: the .tflite files to measure (default: the board's stored runs; "
            "where these are too few, the example models).",
        ),
    ] = None,
    profile: ProfileOption = None,
    measurements: Annotated[
        Path | None,
        typer.Option(
            "--measurements",
            metavar="FILE",
            help="Measurements of the board: TOML or CSV (docs/calibration.md).",
        ),
    ] = None,
    board: BoardOptions = BoardOptions(),
    repeat: Annotated[
        int,
        typer.Option("--repeat", min=1, max=10_000, help="Inferences of each input on the board."),
    ] = 5,
    device: DeviceOptions = DeviceOptions(),
    virtual: Annotated[
        bool,
        typer.Option(
            "--virtual", help="Write the overlay of a virtual board where runs read it, for a try."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be run; run and write nothing."),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write the measurements to a file too."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File of the calibration, instead of one in the folder that runs read.",
        ),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Fit a profile to measurements of a board.

    With --board, measurements are the board's runs: stored ones, and runs of the models that are
    made now; the emulated runs of the same firmware are made where they are missing. With
    --measurements they come from a file. The result is an overlay that narrows the band of later
    runs on this profile; `hil profile show` shows it.
    """
    if (board.board is None) == (measurements is None):
        raise UsageError(
            "give either --board or --measurements",
            hint="`hil calibrate --board NAME` measures by itself; docs/calibration.md",
        )
    task = _Task(out=out, export=export, dry_run=dry_run, as_json=json)
    if measurements is not None:
        _from_file(task, measurements, profile, models, db, virtual=virtual)
        return
    _from_board(task, board, device, models or [], profile, db, repeat=repeat, virtual=virtual)


@dataclasses.dataclass(frozen=True)
class _Task:
    """Where results go."""

    out: Path | None
    export: Path | None
    dry_run: bool
    as_json: bool


def _from_file(
    task: _Task,
    measurements: Path,
    profile: str | None,
    models: list[Path] | None,
    db: str | None,
    *,
    virtual: bool,
) -> None:
    """Calibrate with the measurements of a file."""
    from hil import calibrate as calibration
    from hil import devices

    if models:
        raise UsageError("MODEL is for --board", hint="leave it out, or --measurements")
    if profile is None:
        raise UsageError("no profile given", hint="add --profile NAME; `hil profile list`")
    loaded = devices.load(profile, overlays=False)
    rows = calibration.read_measurements(measurements)
    of_virtual = any(row.virtual for row in rows)
    _refuse_virtual(f"a board in {measurements}", of_virtual, task, allowed=virtual)
    with stores.opened(db, read_only=True) as store:
        pairs = calibration.match(loaded, rows, store)
    _finish(task, loaded, calibration.calibrate(loaded, pairs, virtual=of_virtual), rows, [])


def _from_board(
    task: _Task,
    chosen: BoardOptions,
    device: DeviceOptions,
    models: Sequence[Path],
    profile: str | None,
    db: str | None,
    *,
    repeat: int,
    virtual: bool,
) -> None:
    """Calibrate with a board: take what is stored, run what is missing, fit."""
    from hil import boards, devices
    from hil import calibrate as calibration
    from hil import settings as configuration
    from hil.calibrate import with_board
    from hil.calibrate.steps import Subject
    from hil.store import Store

    assert chosen.board is not None
    settings = configuration.load(db=db, **device.settings)
    board = boards.load(chosen.board)
    _refuse_virtual(f"the board '{board.name}'", board.virtual, task, allowed=virtual)
    loaded = devices.load(profile or board.profile, overlays=False)
    subject = Subject(loaded, board, device.engine, device.optimize)

    def make(source: Source, on_board: bool) -> Request:
        return _request(settings, device, loaded, source, chosen if on_board else None, repeat)

    with Store.open(settings.db) as store:
        plan = _plan(subject, models, store, settings, quiet=task.as_json)
        if task.dry_run:
            calibrate_text.show_plan(plan, as_json=task.as_json)
            return
        with output.progress(quiet=task.as_json) as shown:
            plan, made = with_board.carry_out(plan, subject, make, store, shown.titled)
        rows = [with_board.measured(step, board) for step in plan.steps]
        pairs = calibration.match(loaded, rows, store)
    messages = (*plan.messages, *with_board.code_messages(plan.steps))
    try:
        outcome = calibration.calibrate(loaded, pairs, virtual=board.virtual)
    except UsageError:
        for text in messages:  # they say why
            output.note(f"note: {text}")
        raise
    outcome = dataclasses.replace(outcome, messages=(*messages, *outcome.messages))
    portable = [with_board.portable(s, row) for s, row in zip(plan.steps, rows, strict=True)]
    names = [step.title for step in plan.steps]
    _finish(task, loaded, outcome, portable, names, [run.run_id for run in made])


def _refuse_virtual(what: str, virtual: bool, task: _Task, *, allowed: bool) -> None:
    from hil.calibrate.with_board import refuse_virtual

    elsewhere = task.out is not None or task.dry_run
    refuse_virtual(what, virtual=virtual, allowed=allowed, elsewhere=elsewhere)


def _plan(
    subject: Subject, models: Sequence[Path], store: Store, settings: Settings, *, quiet: bool
) -> Plan:
    """The given models, else what is stored, else the example models."""
    from hil.calibrate import with_board
    from hil.calibrate.steps import enough, plan_of_models, stored_plan

    if models:
        sources = with_board.read_sources(models)
    else:
        plan = stored_plan(subject, store)
        if enough(plan):
            return plan
        with output.progress("example models", quiet=quiet) as shown:
            sources = with_board.example_sources(shown.stage)
    return plan_of_models(subject, sources, store, settings.engine, settings.optimize)


def _request(
    settings: Settings,
    device: DeviceOptions,
    profile: Profile,
    source: Source,
    chosen: BoardOptions | None,
    repeat: int,
) -> Request:
    """The request of a run on the chosen board, or in emulation where that is None."""
    if chosen is None:
        emulator = None if settings.target == TARGET else settings.target
        made = device.request(settings, source.model, profile, known=source.known)
        return dataclasses.replace(made, target=emulator)
    on_board = dataclasses.replace(device, emulator_machine=None, load="auto")
    made = on_board.request(
        settings,
        source.model,
        profile,
        chosen.board,
        known=source.known,
        repeat=repeat,
        wait_s=chosen.wait_s,
    )
    return dataclasses.replace(made, target=TARGET)


def _finish(
    task: _Task,
    profile: Profile,
    outcome: Outcome,
    rows: Sequence[Measured],
    names: Sequence[str],
    made: Sequence[str] = (),
) -> None:
    """Write the overlay and the rows, and show what was fitted."""
    from hil.calibrate.measurements import as_toml
    from hil.devices import overlays
    from hil.resources import overlay_dir

    path = task.out or overlay_dir() / f"{profile.name}.toml"
    if task.export is not None and not task.dry_run:
        output.write_file(task.export, as_toml(rows, names), "--export")
    if not task.dry_run:
        overlays.write(outcome.calibration, path)
    calibrate_text.show(
        outcome,
        None if task.dry_run else path,
        exported=None if task.dry_run else task.export,
        made=made,
        as_json=task.as_json,
    )
