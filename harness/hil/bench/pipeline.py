"""One run, from a .tflite file and a profile to a stored record. Reads like docs/design.md."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hil import cores
from hil.bench import provenance
from hil.bench.arena_search import find_arena
from hil.bench.expected import Expected, reference_outputs
from hil.bench.keeper import Keeper
from hil.bench.mlperf_build import check_model, for_task
from hil.bench.outputs import compare
from hil.devices import Profile
from hil.engines.interface import Engine, SizedByRunning
from hil.engines.registry import engine as find_engine
from hil.errors import DoesNotFit, HilError, RunFailed, UsageError, WrongOutput
from hil.firmware.build import build, keep_error
from hil.firmware.fit import check_fit
from hil.measure import measure, op_listing
from hil.measure.cycles.memory_system import MemoryModel, memory_model
from hil.measure.memory import arena_figures
from hil.records import (
    ArenaUse,
    Array,
    Check,
    EngineSources,
    ErrorInfo,
    Firmware,
    InputSpec,
    Measurements,
    Platform,
    Progress,
    RunRecord,
    RunStatus,
    Trace,
    Variant,
    VariantRequest,
)
from hil.resources import cache_dir
from hil.targets import session
from hil.targets.interface import LoadPath, Options, Target
from hil.targets.registry import target as find_target
from hil.tflite.graph import Graph
from hil.tflite.inputs import DEFAULT_SPEC, extremes, make_inputs
from hil.tflite.interpreter import prestart
from hil.tflite.model import Model


@dataclass(frozen=True)
class Request:
    """What to run. Random inputs are followed by the two extremes (all-min, all-max).

    ``target`` None is the default one, ``machine`` None the target's most faithful one.
    ``memory_model`` None lets the profile decide: ``cache`` where its flash has wait states.
    With ``variant`` the model is quantized first, and its variant is what runs; ``inputs`` of a
    file are then the float model's, and are quantized as well. ``known`` is what the caller knows
    of a model that hil quantized before. With ``mlperf`` the firmware takes the data of that task
    of MLPerf Tiny (``kws01``) and answers its runner. ``warmup`` inferences come before those that
    count (None: one on an attached device, else none). ``wait_s`` is how long to wait for a device
    in use. ``energy`` is whether its meter records (None: where it has one).
    """

    model: Model
    profile: Profile
    engine: str = "aot"
    inputs: str | InputSpec | None = None
    samples: int | None = None
    repeat: int = 1
    target: str | None = None
    machine: str | None = None
    optimize: str = "-O3"
    load: LoadPath = "auto"
    memory_model: MemoryModel | None = None
    timeout_s: float = 60.0
    wait_s: float = 0.0
    warmup: int | None = None
    energy: bool | None = None
    keep: Path | None = None
    command: tuple[str, ...] = ()
    variant: VariantRequest | None = None
    known: Variant | None = None
    mlperf: str | None = None


@dataclass(frozen=True)
class Job:
    """A request that was understood: the model lowered, the platform and the inputs chosen.

    ``inputs[:timed]`` are the ones whose time counts; the extremes after them are only checked. A
    job whose model does not fit has none.
    ``arena`` is set once it was found, for engines whose arena has to be found by running.
    ``variant`` is what is known of the model where the request had it quantized.
    """

    request: Request
    model: Model
    engine: Engine
    sources: EngineSources
    target: Target
    platform: Platform
    inputs: list[tuple[Array, ...]]
    timed: int
    variant: Variant | None = None
    arena: ArenaUse | None = None

    @property
    def graph(self) -> Graph:
        """The graph of the model that runs."""
        return self.model.graph

    @property
    def running(self) -> Graph:
        """The graph with those of its ops that the engine has run."""
        ops = tuple(op for op in self.graph.ops if op.index not in self.sources.folded)
        return dataclasses.replace(self.graph, ops=ops)


@dataclass
class _Stages:
    """Reports the current stage to the progress callback, and measures how long each took."""

    progress: Progress | None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.report(name, 0, 0)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 4)

    def report(self, name: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(name, done, total)


def prepare(request: Request, progress: Progress | None = None) -> Job:
    """Understand a request without building or storing anything; quantize where it asks for that.

    Raises:
        UsageError: the model, an op, the inputs, the target, its machine or the calibration is not
            usable.
        MissingTool: the target's tool is not here, or no quantizer.
    """
    model, variant = request.model, None
    if request.variant is not None:
        from hil.quantization.cache import cached

        made = cached(cache_dir(), model, request.variant, progress)
        model, variant = made.model, made.variant
    if request.mlperf is not None:
        check_model(request.mlperf, model.graph)
    engine = find_engine(request.engine)
    sources = engine.sources(model)
    target = find_target(request.target)
    platform = target.platform(request.profile, request.machine)
    if request.energy and platform.meter is None:
        raise UsageError(
            f"{platform.machine} has no energy meter",
            hint="give the board a `meter` in boards.toml (docs/energy.md), or leave --energy out",
        )
    _check_core(request, sources, target, platform)
    known = variant or request.known
    job = Job(request, model, engine, sources, target, platform, [], 0, known)
    return _with_inputs(job) if _may_fit(job) else job


def _may_fit(job: Job) -> bool:
    """Whether it can make sense to draw inputs: some bytes of model can declare gigabytes."""
    try:
        _check_fit(job)
    except DoesNotFit:
        return False
    return sum(tensor.nbytes for tensor in job.graph.input_tensors) <= job.platform.ram.size


def _with_inputs(job: Job) -> Job:
    inputs = _inputs(job.request, job.graph)
    timed = len(inputs)
    if InputSpec.of(job.request.inputs or DEFAULT_SPEC).rule == "random":
        inputs = [*inputs, *extremes(job.graph)]
    return dataclasses.replace(job, inputs=inputs, timed=timed)


def _inputs(request: Request, graph: Graph) -> list[tuple[Array, ...]]:
    """Random inputs of what runs; samples are of the model as it was given."""
    spec = InputSpec.of(request.inputs or DEFAULT_SPEC)
    if request.variant is None or spec.rule not in ("", "normal"):
        return make_inputs(spec, graph, request.samples)
    from hil.quantization.quality import fed

    given = make_inputs(spec, request.model.graph, request.samples)
    return [fed(inputs, graph) for inputs in given]


def run(
    request: Request,
    store: Keeper,
    progress: Progress | None = None,
    facts: Mapping[str, str] | None = None,
) -> RunRecord:
    """Carry out a request and keep what came of it, whatever came of it.

    ``facts`` are added to the provenance, such as the study that the run belongs to.
    The returned record's status is ``passed``, ``failed`` (the device was asked and did not
    deliver, or the model does not fit) or ``error`` (something here stood in the way). Errors of
    the request itself are raised before anything is stored; an interrupt is stored and re-raised.
    """
    stages = _Stages(progress)
    prestart()
    with stages.stage("plan"):
        job = prepare(request, progress)
    record = provenance.begin(job.request, job.model, job.platform, job.engine, job.sources)
    record = _with_variant(record, job, store)
    record = dataclasses.replace(record, provenance={**record.provenance, **(facts or {})})
    store.begin(record)
    try:
        record = _carry_out(job, record, stages)
    except KeyboardInterrupt:
        store.finish(
            _ended(record, "interrupted", ErrorInfo("interrupted", "run it again")), keep=True
        )
        raise
    except HilError as error:
        status: RunStatus = "failed" if isinstance(error, RunFailed) else "error"
        record = _ended(record, status, ErrorInfo.of(error))
    except BaseException as error:
        store.finish(_ended(record, "error", ErrorInfo.of(error)), keep=True)
        raise
    record = dataclasses.replace(
        record, provenance={**record.provenance, "stage_s": dict(stages.seconds)}
    )
    store.finish(record, keep=True)
    return record


def _with_variant(record: RunRecord, job: Job, store: Keeper) -> RunRecord:
    """Say of a variant that hil made, now or before, what it is a variant of and how good it is."""
    variant = known_variant(job, store)
    return record if variant is None else provenance.of_variant(record, variant)


def known_variant(job: Job, store: Keeper) -> Variant | None:
    """What is known of a job's model that hil quantized, now or before; what is new is kept."""
    known = store.variants.get(job.model.sha256)
    made = job.variant
    if made is not None and (known is None or known.created_at < made.created_at):
        store.variants.keep(made)
    return made or known


def _carry_out(job: Job, record: RunRecord, stages: _Stages) -> RunRecord:
    with stages.stage("arena"):
        job = fitted(job)
    record = dataclasses.replace(record, plan=job.sources.plan)
    with reference_outputs(job.model, job.inputs) as expected:
        with stages.stage("build"):
            firmware = build_firmware(job)
        with stages.stage("run"):
            trace = _run_on_target(job, firmware, stages)
        with stages.stage("measure"):
            measurements = _measure(job, firmware, trace)
        with stages.stage("check"):
            check = _check(job, trace, expected)
    record = _with_results(record, job, firmware, trace, measurements, check)
    if job.request.keep is not None:
        _keep(job.request.keep, job, firmware, trace)
    if not check.passed:
        return _ended(record, "failed", ErrorInfo.of(_wrong_output(check)))
    return _ended(record, "passed")


def _check_core(
    request: Request, sources: EngineSources, target: Target, platform: Platform
) -> None:
    """A library is for one core; this is found out before anything is built."""
    external = sources.external
    if external is None or external.core == platform.core:
        return
    what = f"the library of engine '{request.engine}' is for a {external.core}"
    if external.core == request.profile.chip.core:
        raise UsageError(
            f"{what}, the target '{target.name}' runs code for {cores.find(platform.core).title}",
            hint="choose another target, or an engine without a library, such as aot",
        )
    raise UsageError(
        f"{what}, '{request.profile.name}' has a {request.profile.chip.core}",
        hint=f"build {external.library.name} for a {request.profile.chip.core} and add it under "
        "another name (`hil engine add`)",
    )


def fitted(job: Job) -> Job:
    """Return the job with its arena known, by running where the engine cannot plan it.

    Raises:
        DoesNotFit: the device has not the flash or the RAM for it; what cannot be planned is
            looked at before and after the arena is found.
        HilError: as ``hil.bench.arena_search.find_arena``.
    """
    _check_fit(job)
    if not isinstance(job.engine, SizedByRunning):
        return job
    job = _with_smallest_arena(job, job.engine)
    _check_fit(job)
    return job


def _with_smallest_arena(job: Job, engine: SizedByRunning) -> Job:
    config = job.request.profile.firmware
    use = find_arena(
        engine,
        job.model,
        job.target,
        job.platform,
        stack_bytes=config.stack_bytes,
        heap_bytes=config.heap_bytes,
        baud=job.platform.baud or config.baud,
        optimize=job.request.optimize,
        cache=cache_dir(),
        timeout_s=job.request.timeout_s,
        wait_s=job.request.wait_s,
    )
    sources = engine.sized(job.model, use)
    return dataclasses.replace(job, sources=sources, arena=use)


def _measure(job: Job, firmware: Firmware, trace: Trace) -> Measurements:
    timed = trace.inferences[: job.timed * job.request.repeat]
    counted = dataclasses.replace(trace, inferences=timed)
    found = measure(job.request.profile, firmware, counted, job.graph)
    if job.arena is None:
        return found
    return dataclasses.replace(found, figures={**found.figures, **arena_figures(job.arena)})


def _check_fit(job: Job) -> None:
    config = job.request.profile.firmware
    check_fit(
        job.sources,
        device=job.request.profile.name,
        flash_bytes=job.platform.flash.size,
        ram_bytes=job.platform.ram.size,
        stack_bytes=config.stack_bytes,
        heap_bytes=config.heap_bytes,
    )


def build_firmware(job: Job) -> Firmware:
    """Build the job's firmware, or take it from the cache; errors as ``hil.firmware.build``."""
    config = job.request.profile.firmware
    return build(
        for_task(job.sources, job.request.mlperf),
        job.platform,
        stack_bytes=config.stack_bytes,
        heap_bytes=config.heap_bytes,
        baud=job.platform.baud or config.baud,
        optimize=job.request.optimize,
        cache=cache_dir(),
        keep=job.request.keep,
    )


def output_specs(job: Job) -> list[session.OutputSpec]:
    """Shape and dtype of each of the model's outputs."""
    tensors = [job.graph.tensors[index] for index in job.graph.outputs]
    return [(tensor.shape, tensor.dtype) for tensor in tensors]


def _run_on_target(job: Job, firmware: Firmware, stages: _Stages) -> Trace:
    request = job.request
    flash = request.profile.flash
    simulated = memory_model(flash, request.memory_model) == "cache"
    return session.run(
        job.target,
        firmware,
        job.platform,
        job.inputs,
        output_specs(job),
        Options(
            timeout_s=request.timeout_s,
            load=request.load,
            profile_windows=job.timed * request.repeat,
            flash=flash if simulated else None,
            wait_s=request.wait_s,
            energy=job.platform.meter is not None and request.energy is not False,
        ),
        n_ops=len(job.graph.ops),
        repeat=request.repeat,
        warmup=int(job.platform.attached) if request.warmup is None else request.warmup,
        progress=lambda done, total: stages.report("run", done, total),
    )


def _check(job: Job, trace: Trace, expected: Future[Expected]) -> Check:
    reference, outputs = expected.result()
    repeat = job.request.repeat
    got = [
        tuple(tensor for one in trace.inferences[first : first + repeat] for tensor in one.outputs)
        for first in range(0, len(trace.inferences), repeat)
    ]
    return compare(got, [tensors * repeat for tensors in outputs], reference)


def _wrong_output(check: Check) -> WrongOutput:
    return WrongOutput(
        f"outputs differ from {check.reference} on {check.mismatches} of {check.inputs} inputs "
        f"(largest difference {check.max_abs_diff:g})",
        hint="the time of a wrong answer does not count; rerun with --keep DIR and compare",
    )


def _with_results(
    record: RunRecord,
    job: Job,
    firmware: Firmware,
    trace: Trace,
    measurements: Measurements,
    check: Check,
) -> RunRecord:
    return dataclasses.replace(
        record,
        measurements=measurements.figures,
        energy=measurements.energy,
        ops=tuple(op for op in measurements.ops if op.index not in job.sources.folded),
        functions=measurements.functions,
        flash_by_owner=firmware.flash_by_owner,
        ram_by_owner=firmware.ram_by_owner,
        check=check,
        notes=(*record.notes, *_fold_notes(job), *measurements.notes),
        provenance={
            **record.provenance,
            **provenance.of_results(firmware, trace, check, job.inputs),
        },
    )


def _fold_notes(job: Job) -> tuple[str, ...]:
    """Say which ops do not run because their results are constants."""
    folded = [op for op in job.graph.ops if op.index in job.sources.folded]
    if not folded:
        return ()
    kinds = ", ".join(dict.fromkeys(op.name for op in folded))
    return (f"{len(folded)} of {len(job.graph.ops)} ops are folded into constants ({kinds})",)


def _ended(record: RunRecord, status: RunStatus, *errors: ErrorInfo) -> RunRecord:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return dataclasses.replace(
        record, status=status, finished_at=now, errors=(*record.errors, *errors)
    )


def _keep(folder: Path, job: Job, firmware: Firmware, trace: Trace) -> None:
    """Add what the run gave to the folder in which the build kept its sources and the ELF."""
    texts = {
        "transcript.txt": trace.transcript,
        "target-command.txt": shlex.join(trace.command) + "\n",
        "listing.txt": op_listing(job.request.profile, firmware, trace, job.running),
    }
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise keep_error(folder, error) from error
