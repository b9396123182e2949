"""The functions that do the work: ``hil.run``, ``hil.quantize`` and ``hil.accuracy``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hil import errors, files, settings
from hil._api import given
from hil._api.accuracies import Accuracy
from hil._api.runs import Run
from hil._api.variants import Variant
from hil.bench.command_line import run_command
from hil.bench.keeper import Nowhere
from hil.bench.pipeline import Request
from hil.bench.pipeline import run as carry_out
from hil.devices import Profile
from hil.quantization.cache import cached
from hil.records import ErrorInfo, Progress, Scheme
from hil.resources import cache_dir

if TYPE_CHECKING:
    from hil._api.stores import Store


def run(
    model: given.ModelLike,
    profile: str | Path | Profile,
    *,
    inputs: given.Samples | None = None,
    samples: int | None = None,
    repeat: int = 1,
    quantize: Scheme | None = None,
    calibration: given.Samples | None = None,
    engine: str | None = None,
    target: str | None = None,
    machine: str | None = None,
    optimize: Literal["-O2", "-O3", "-Os"] | None = None,
    memory_model: Literal["ideal", "cache"] | None = None,
    timeout_s: float | None = None,
    keep: str | Path | None = None,
    name: str | None = None,
    store: str | Path | Store | None = None,
    progress: Progress | None = None,
    raises: bool = True,
) -> Run:
    """Compile a model into firmware, run it on a device and compare its outputs with a reference.

    Defaults that are not given come from the configuration of the command line
    (``hil config show``). Nothing is stored unless ``store`` is given.

    Args:
        model: path of a .tflite, its bytes, or what :func:`hil.quantize` returned.
        profile: name of a device profile, path of a profile's TOML file, or a :class:`Profile`.
        inputs: what is fed: ``random:SEED`` (the default is ``random:0``), ``normal:SEED``,
            ``zeros``, ``min``, ``max``, a .npy or .npz file, an array of samples, or a mapping of
            arrays by input name. With ``quantize`` samples are the float model's.
        samples: how many inputs; by default 3 random ones, or all that are given.
        repeat: inferences for each input.
        quantize: quantize a float model first: ``int8``, ``int8-per-tensor``, ``int16x8``,
            ``dynamic``, ``q8`` or ``q16``; needs ``calibration``.
        calibration: samples to calibrate with: ``normal:SEED``, a file, or arrays.
        engine: inference engine, such as ``aot``.
        target: name of what runs the firmware, such as ``host``; by default the first of all.
        machine: the target's machine, in place of the most faithful one.
        optimize: optimization of the kernels.
        memory_model: ``ideal`` or ``cache``: without or with the flash's caches and wait states.
        timeout_s: how long one answer of the device may take, in seconds.
        keep: folder in which the sources, the ELF and the transcript are left.
        name: name of the model in the results; by default the file's.
        store: database to keep the run in: a file, a URL or an open :class:`Store`.
        progress: called with the stage, inferences done, and of how many (0: unknown).
        raises: raise the error of a run that did not pass. With False such a run is returned,
            and its ``errors`` say why.

    Raises:
        UsageError: the model, the profile, the inputs or an option is not usable.
        RunFailed: the model does not fit, the device failed, or (:class:`WrongOutput`) the outputs
            differ from the reference.
        MissingTool: the emulator, the compiler or a library is not installed.
        StoreError: the database cannot be used.
    """
    defaults = settings.load(engine=engine, optimize=optimize, timeout_s=timeout_s)
    request = Request(
        model=given.model_of(model, name),
        profile=given.profile_of(profile),
        engine=defaults.engine,
        inputs=given.samples_of(inputs, "inputs"),
        samples=samples or (defaults.samples if inputs is None else None),
        repeat=repeat,
        target=target,
        machine=machine,
        optimize=defaults.optimize,
        memory_model=memory_model,
        timeout_s=defaults.timeout_s,
        keep=None if keep is None else Path(keep),
        variant=given.variant_request(quantize, calibration),
        known=model._made.variant if isinstance(model, Variant) else None,
    )
    where = profile.name if isinstance(profile, Profile) else str(profile)
    request = dataclasses.replace(request, command=run_command(request, where))
    with given.database(store) as database:
        record = carry_out(request, database or Nowhere(), progress)
    if raises:
        _raise_first(record.errors)
    return Run(record)


def quantize(
    model: given.ModelLike,
    scheme: Scheme,
    calibration: given.Samples,
    *,
    samples: int | None = None,
    held_out: given.Samples | None = None,
    method: str = "minmax",
    q_format: str = "",
    io: str = "",
    name: str | None = None,
    progress: Progress | None = None,
) -> Variant:
    """Quantize a float model, and compare the variant with it.

    The same request on the same data gives the same bytes; it is taken from the cache where it was
    made before.

    Args:
        model: path of a float32 .tflite, or its bytes.
        scheme: ``int8``, ``int8-per-tensor``, ``int16x8``, ``dynamic``, ``q8`` or ``q16``.
        calibration: samples to calibrate with: ``normal:SEED``, ``random:SEED``, a .npy or .npz
            file, an array, or a mapping of arrays by input name; labels in it are called ``y``.
        samples: how many of them calibrate; by default 100 drawn ones, or all that are given.
        held_out: samples that only evaluate; by default a fifth of the calibration samples.
        method: ``minmax``, ``percentile:P`` or ``moving-average:M``.
        q_format: one format for all tensors (q8, q16), such as ``Q7.9``.
        io: dtype of inputs and outputs: the scheme's own, or ``float32``.
        name: name of the float model; by default the file's.
        progress: called with the stage, samples done, and of how many.

    Raises:
        UsageError: the model, the samples or an option is not usable.
        MissingTool: the scheme needs a library that is not installed.
    """
    settings.load()
    request = given.variant_request(
        scheme,
        calibration,
        calibration_samples=samples,
        held_out=given.samples_of(held_out, "held_out") or "",
        method=method,
        q_format=q_format,
        io=io,
    )
    assert request is not None
    return Variant(cached(cache_dir(), given.model_of(model, name), request, progress))


def accuracy(
    model: given.ModelLike,
    profile: str | Path | Profile,
    data: given.LabelledSamples,
    *,
    metric: Literal["auto", "top1", "auc"] = "auto",
    limit: int | None = None,
    seed: int | None = None,
    data_type: str = "auto",
    jobs: int | None = None,
    quantize: Scheme | None = None,
    calibration: given.Samples | None = None,
    engine: str | None = None,
    target: str | None = None,
    machine: str | None = None,
    optimize: Literal["-O2", "-O3", "-Os"] | None = None,
    timeout_s: float | None = None,
    name: str | None = None,
    store: str | Path | Store | None = None,
    restart: bool = False,
    progress: Progress | None = None,
    raises: bool = True,
) -> Accuracy:
    """Run labelled samples on a device and count how many the model gets right.

    Args:
        model: path of a .tflite, its bytes, or what :func:`hil.quantize` returned.
        profile: name of a device profile, path of a profile's TOML file, or a :class:`Profile`.
        data: a .npz with ``x`` and ``y``, a folder with ``y_labels.csv``, ``module:function``, the
            arrays ``(x, y)``, or a mapping of arrays by input name with the labels as ``y``. Float
            samples are quantized for a model with integer inputs.
        metric: what is counted; ``auto`` decides by the model's output.
        limit: at most so many labelled items: the first ones, or with ``seed`` drawn by class.
        seed: of the draw.
        data_type: what the files of a folder hold: ``int8``, ``uint8``, ``float32`` or ``auto``.
        jobs: devices side by side; by default one for each processor core.
        quantize: quantize a float model first, as in :func:`hil.run`; needs ``calibration``.
        calibration: samples to calibrate with.
        engine: inference engine, such as ``aot``.
        target: name of what runs the firmware, such as ``host``; by default the first of all.
        machine: the target's machine, in place of the most faithful one.
        optimize: optimization of the kernels.
        timeout_s: how long one answer of the device may take, in seconds.
        name: name of the model in the results; by default the file's.
        store: database to keep the evaluation in; an interrupted one is continued from there.
        restart: begin anew where the database has results of the same evaluation.
        progress: called with the stage, samples done, and of how many (0: unknown).
        raises: raise the error of an evaluation that did not pass; with False it is returned.

    Raises:
        UsageError: the model, the profile, the data or an option is not usable.
        RunFailed: the firmware does not fit, the device failed, or (:class:`WrongOutput`) outputs
            differ from the reference.
        MissingTool: the emulator, the compiler or a library is not installed.
        StoreError: the database cannot be used.
    """
    from hil.evaluation import DataRequest, evaluate

    defaults = settings.load(engine=engine, optimize=optimize, timeout_s=timeout_s)
    request = Request(
        model=given.model_of(model, name),
        profile=given.profile_of(profile),
        engine=defaults.engine,
        target=target,
        machine=machine,
        optimize=defaults.optimize,
        timeout_s=defaults.timeout_s,
        variant=given.variant_request(quantize, calibration),
        known=model._made.variant if isinstance(model, Variant) else None,
    )
    asked = DataRequest(given.labelled(data), metric, limit, seed, data_type, jobs, restart)
    with (
        files.temporary_folder("accuracy") as folder,
        given.database(store or folder / "accuracy.db") as database,
    ):
        assert database is not None
        found = evaluate(request, asked, database, progress)
    if raises:
        _raise_first(found.errors)
    return Accuracy(found)


def _raise_first(found: tuple[ErrorInfo, ...]) -> None:
    """Raise the first of the errors of a run or an evaluation, if there is one."""
    for info in found:
        kind = getattr(errors, info.kind, errors.RunFailed)
        raise kind(info.message, hint=info.hint)
