"""Carries out what a calibration with a board needs, and makes measurements of the board's runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from hil.bench import pipeline
from hil.bench.pipeline import Request
from hil.boards import Board
from hil.calibrate.measurements import Measured
from hil.calibrate.steps import Plan, Source, Step, Subject, require_sources, same_code
from hil.errors import MissingTool, RunFailed, UsageError
from hil.records import ErrorInfo, Progress, RunRecord, VariantRequest
from hil.resources import cache_dir, data_dir
from hil.store import Store
from hil.tflite.model import Model
from hil.verdict.kinship import is_virtual

#: Makes the request of a run: of a model, on the board or in emulation. Engine and optimization
#: are those of the firmware, whatever it says.
MakeRequest = Callable[[Source, bool], Request]
Shown = Callable[[str], Progress]
_OF_THE_FIRMWARE = ("DoesNotFit", "WrongOutput", "ReferenceFailed")
_EXAMPLES = ("resnetv1-6_f16", "resnetv1-6_f32", "resnetv1-6_f48")


def example_sources(progress: Progress | None = None) -> list[Source]:
    """Return the example models that calibrate a board where no others are given, all int8.

    Raises:
        UsageError: hil is installed without its examples.
        MissingTool: the quantizer is not installed.
    """
    from hil.quantization.cache import cached

    try:
        folder = data_dir("examples")
    except MissingTool as error:
        raise UsageError(
            "no models were given, and this installation has no examples",
            hint="name three or more models: `hil calibrate --board NAME A.tflite B.tflite …`",
        ) from error
    found = [Source(Model.read(folder / "digits" / "digits_int8.tflite"))]
    wanted = VariantRequest("int8", str(folder / "microai" / "models" / "calibration.npy"))
    for name in _EXAMPLES:
        parent = Model.read(folder / "microai" / "models" / f"{name}.tflite")
        made = cached(cache_dir(), parent, wanted, progress)
        found.append(Source(made.model, made.variant))
    return found


def read_sources(paths: Sequence[Path]) -> list[Source]:
    """Read the given models; errors as ``Model.read``."""
    return [Source(Model.read(path)) for path in paths]


def refuse_virtual(what: str, *, virtual: bool, allowed: bool, elsewhere: bool) -> None:
    """Keep what a virtual board gives out of the folder that runs read, unless asked for.

    Raises:
        UsageError: ``what`` is ``virtual``, and neither is it ``allowed`` nor is the overlay
            written ``elsewhere``; or it is allowed and real.
    """
    if allowed and not virtual:
        raise UsageError(f"{what} is not virtual", hint="leave --virtual out")
    if virtual and not (allowed or elsewhere):
        raise UsageError(
            f"{what} is virtual: it measures nothing, so it does not calibrate a profile",
            hint="to try it, write the overlay elsewhere with -o FILE, or accept it with --virtual",
        )


def carry_out(
    plan: Plan, subject: Subject, make: MakeRequest, store: Store, shown: Shown
) -> tuple[Plan, tuple[RunRecord, ...]]:
    """Make the runs that are missing: first on the board, then in emulation.

    A firmware whose run fails is left out with a message. Returns the plan with its runs, and the
    runs that were made.

    Raises:
        UsageError: an emulated run is missing and cannot be made.
        MissingTool, RunFailed: something of this computer or the board prevents further runs.
    """
    require_sources(plan, subject.profile)
    made: list[RunRecord] = []
    messages = list(plan.messages)
    steps: Sequence[Step] = plan.steps
    for on_board in (True, False):
        done = []
        for step in steps:
            field = "board_run" if on_board else "emulated_run"
            if getattr(step, field) is None:
                assert step.source is not None
                run = _run(step, step.source, on_board, make, store, shown)
                made.append(run)
                if run.status != "passed":
                    reason = run.errors[0].message if run.errors else run.status
                    messages.append(f"{step.title} is left out: {reason}")
                    continue
                step = dataclasses.replace(step, **{field: run})  # type: ignore[arg-type]
            done.append(step)
        steps = done
    return Plan(tuple(steps), tuple(messages)), tuple(made)


def _run(
    step: Step, source: Source, on_board: bool, make: MakeRequest, store: Store, shown: Shown
) -> RunRecord:
    """Make one run.

    Raises:
        MissingTool, RunFailed: it failed for a reason that would meet the next firmware too.
    """
    where = "the board" if on_board else "emulation"
    asked = make(source, on_board)
    request = dataclasses.replace(asked, engine=step.engine, optimize=step.optimize)
    run = pipeline.run(request, store, shown(f"{step.title} on {where}"))
    if run.status == "passed" or (run.errors and run.errors[0].kind in _OF_THE_FIRMWARE):
        return run
    reason = run.errors[0] if run.errors else ErrorInfo(run.status)
    error = MissingTool if run.status == "error" else RunFailed
    raise error(f"{step.title}: {reason.message}", hint=reason.hint)


def measured(step: Step, board: Board) -> Measured:
    """Return the row of measurements of a step that has both runs.

    Power is what a meter measured, at the supply that ``board`` states.
    """
    run, emulated = step.board_run, step.emulated_run
    assert run is not None
    assert emulated is not None
    cycles, power = run.measurements["cycles"], run.measurements.get("power_mw")
    return Measured(
        run=emulated.run_id,
        cycles=cycles.value,
        clock_hz=run.profile["clock"]["hz"],
        power_mw=power.value if power is not None else None,
        volts=board.meter.volts if power is not None and board.meter is not None else None,
        repetitions=cycles.n,
        spread_pct=cycles.spread_pct,
        instrument=instrument(run),
        virtual=is_virtual(run),
    )


def portable(step: Step, row: Measured) -> Measured:
    """The row as another database can read it: with the firmware instead of a run's id."""
    named = {"model_sha256": step.model_sha256, "engine": step.engine, "optimize": step.optimize}
    return row.model_copy(update={"run": None, **named})


def instrument(run: RunRecord) -> str:
    """What measured a run of a board: its counter, the board, and the meter where one ran."""
    facts = run.provenance
    usb = f" ({facts['board_usb']})" if facts.get("board_usb") else ""
    text = f"{run.measurements['cycles'].source}; board {run.machine}{usb}"
    power = run.measurements.get("power_mw")
    return f"{text}; power: {power.source}" if power is not None else text


def code_messages(steps: Sequence[Step]) -> list[str]:
    """Name the firmwares whose code differs between board and emulator."""
    return [
        f"{step.title}: board and emulator ran different code (another compiler, version of the "
        "engine); run it again on the board"
        for step in steps
        if step.board_run and step.emulated_run and not same_code(step.emulated_run, step.board_run)
    ]
