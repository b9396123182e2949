"""What a calibration with a board needs: the board's runs, and emulated runs of the same firmware.

Runs that are stored are used again, so that a calibration that was interrupted goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.boards import Board
from hil.calibrate.calibration import MIN_FIRMWARES
from hil.calibrate.matching import is_usable, timing_part
from hil.devices import Profile
from hil.errors import ModelError, UsageError
from hil.records import RunRecord, Variant
from hil.store import Store
from hil.tflite.model import Model
from hil.verdict.kinship import BOARD, is_virtual, on_board, unlike_firmware

_SAME_CODE = ("compiler", "engine_version")


@dataclass(frozen=True)
class Source:
    """A model at hand, and what is known of it where hil quantized it."""

    model: Model
    known: Variant | None = None


@dataclass(frozen=True)
class Subject:
    """What is calibrated: ``profile`` without a calibration, with ``board``.

    ``engine`` and ``optimize`` None take stored runs of any.
    """

    profile: Profile
    board: Board
    engine: str | None = None
    optimize: str | None = None


@dataclass(frozen=True)
class Step:
    """One firmware, and its two runs; one that is None has to be made, of ``source``."""

    model: str
    model_sha256: str
    engine: str
    optimize: str
    source: Source | None = None
    board_run: RunRecord | None = None
    emulated_run: RunRecord | None = None

    @property
    def title(self) -> str:
        """What messages call the firmware."""
        return f"{self.model} ({self.engine}, {self.optimize})"


@dataclass(frozen=True)
class Plan:
    """The steps of a calibration, and messages about stored runs that are left out."""

    steps: tuple[Step, ...]
    messages: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[int, int]:
        """How many runs on the board and in emulation have to be made."""
        board = sum(step.board_run is None for step in self.steps)
        return board, sum(step.emulated_run is None for step in self.steps)


def stored_plan(subject: Subject, store: Store) -> Plan:
    """Plan a calibration from the board's stored runs; it may have too few firmwares.

    Raises:
        StoreError: the database cannot be read.
    """
    messages: list[str] = []
    steps = []
    for run in _board_runs(subject, store, messages):
        assert run.model is not None
        optimize = str(run.provenance.get("optimize") or "")
        step = Step(run.model.name, run.model.sha256, run.engine, optimize, board_run=run)
        steps.append(_with_emulated(subject, dataclasses.replace(step, source=_source(run)), store))
    steps.sort(key=lambda step: (step.model, step.engine, step.optimize))
    return Plan(tuple(steps), tuple(messages))


def plan_of_models(
    subject: Subject, sources: Sequence[Source], store: Store, engine: str, optimize: str
) -> Plan:
    """Plan a calibration with these models, built with ``engine`` and ``optimize``.

    Raises:
        StoreError: the database cannot be read.
    """
    messages: list[str] = []
    wanted = dataclasses.replace(subject, engine=engine, optimize=optimize)
    runs = {run.model.sha256: run for run in _board_runs(wanted, store, messages) if run.model}
    steps = []
    for source in {source.model.sha256: source for source in sources}.values():
        model = source.model
        run = runs.get(model.sha256)
        step = Step(model.name, model.sha256, engine, optimize, source, board_run=run)
        steps.append(_with_emulated(wanted, step, store))
    return Plan(tuple(steps), tuple(messages))


def enough(plan: Plan) -> bool:
    """Whether a plan has as many firmwares as a fit needs."""
    return len(plan.steps) >= MIN_FIRMWARES


def _board_runs(subject: Subject, store: Store, messages: list[str]) -> Iterator[RunRecord]:
    """The newest usable run of each firmware on the board, the newest first."""
    profile, board = subject.profile, subject.board
    seen: set[tuple[str, str, str]] = set()
    for head in store.find(profile=profile.name, engine=subject.engine, status="passed"):
        if (head.target, head.machine) != (BOARD, board.name) or head.model is None:
            continue
        run = store.get(head.run_id)
        optimize = str(run.provenance.get("optimize") or "")
        key = (head.model.sha256, run.engine, optimize)
        if key in seen or subject.optimize not in (None, optimize):
            continue
        if why := _unusable(run, profile, board):
            messages.append(f"the board's run {run.run_id} of {head.model.name} is left out: {why}")
            continue
        seen.add(key)
        yield run


def _unusable(run: RunRecord, profile: Profile, board: Board) -> str:
    """Why a run of a board cannot be used; '' where it can."""
    if "cycles" not in run.measurements:
        return "it has no cycles"
    if is_virtual(run) != board.virtual:
        return "its board was " + ("virtual" if is_virtual(run) else "a real one") + " then"
    if timing_part(run.profile) != timing_part(profile.model_dump(mode="json", by_alias=True)):
        return "the profile has changed since"
    return ""


def _with_emulated(subject: Subject, step: Step, store: Store) -> Step:
    """The step with the newest emulated run of its firmware, where there is one.

    One of other code (another compiler or version of the engine) is used only where a new one
    would be no better: where it is newer than the board's run, or the model is not at hand.
    """
    runs = list(_emulated_runs(subject.profile, step, store))
    board = step.board_run
    same = [run for run in runs if board is None or same_code(run, board)]
    if same:
        return dataclasses.replace(step, emulated_run=same[0])
    if runs and board and (step.source is None or runs[0].started_at > board.started_at):
        return dataclasses.replace(step, emulated_run=runs[0])
    return step


def _emulated_runs(profile: Profile, step: Step, store: Store) -> Iterable[RunRecord]:
    for head in store.find(
        model_sha256=step.model_sha256, profile=profile.name, engine=step.engine, status="passed"
    ):
        if head.target == BOARD:
            continue
        run = store.get(head.run_id)
        same = str(run.provenance.get("optimize") or "") == step.optimize
        if same and not on_board(run) and is_usable(profile, run):
            yield run


def same_code(emulated: RunRecord, board: RunRecord) -> bool:
    """Whether the model's code in two firmwares is the same, as far as their records say."""
    sizes = [run.measurements["code_bytes"].value if "code_bytes" in run.measurements else None
             for run in (emulated, board)]  # fmt: skip
    facts = [[run.provenance.get(key) for key in _SAME_CODE] for run in (emulated, board)]
    return sizes[0] == sizes[1] and facts[0] == facts[1] and not unlike_firmware(emulated, board)


def _source(run: RunRecord) -> Source | None:
    """The model of a stored run, where its file is still there and the same."""
    if run.model is None or not run.model.path:
        return None
    try:
        model = Model.read(Path(run.model.path))
    except ModelError:
        return None
    return Source(model) if model.sha256 == run.model.sha256 else None


def require_sources(plan: Plan, profile: Profile) -> None:
    """Refuse a plan whose missing runs cannot be made.

    Raises:
        UsageError: an emulated run is missing, and so is the model's file.
    """
    for step in plan.steps:
        if step.emulated_run is None and step.source is None:
            raise UsageError(
                f"there is no emulated run of {step.title} on '{profile.name}', and its model "
                f"({step.model_sha256[:12]}) is not where it was",
                hint=f"`hil run --profile {profile.name} MODEL` makes one, or name the MODEL here",
            )
