"""The runs of a study, its members; an invalid study is an error before any run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from hil.bench.command_line import run_command
from hil.bench.pipeline import Request
from hil.engines.registry import engine as find_engine
from hil.errors import InputError, ModelError, UsageError
from hil.quantization import check_request
from hil.records import InputSpec, VariantRequest
from hil.sweep.places import BOARD, Device, placed
from hil.sweep.study import FLOAT, Axes, Quantization, Study, StudyScheme
from hil.targets.registry import target as find_target
from hil.tflite.model import Model


@dataclass(frozen=True)
class Member:
    """One run of a study: the scheme by the study's name for it, and the request.

    ``needs`` are the resources that a cluster's worker has to offer to carry it out.
    """

    scheme: StudyScheme
    request: Request
    needs: Mapping[str, float] = field(default_factory=dict)

    @property
    def axes(self) -> dict[str, str]:
        """The name of the member on each axis of the matrix."""
        return {
            "model": self.request.model.name,
            "scheme": self.scheme.name,
            "engine": self.request.engine,
            "profile": self.request.profile.name,
            "optimize": self.request.optimize,
        }

    @property
    def label(self) -> str:
        """``model/scheme/engine/profile/-O3``: what ``--only`` matches."""
        return "/".join(self.axes.values())

    @property
    def family(self) -> str:
        """Dtype and ops of the model: models that share both differ only in sizes."""
        graph = self.request.model.graph
        return " ".join([graph.dtype, *(op.name for op in graph.ops)])


def members(study: Study, only: str | None = None, wait_s: float = math.inf) -> list[Member]:
    """Return the study's runs: profile by profile, then model by model, then by scheme.

    With the profile outermost, the second profile finds every variant already made. ``only`` is a
    glob over labels; without ``*``, ``?`` or ``[`` it is any part of one. ``wait_s`` is how long a
    run waits for a board that another one uses, of this study or of others.

    Raises:
        UsageError: a model, profile, engine or calibration file is not there or not usable, a
            scheme does not apply to a model, or nothing is left to run.
    """
    models = [Model.read(path) for path in _model_paths(study)]
    devices = placed(study)
    for name in study.engines:
        find_engine(name)
    _check_files(study)
    for scheme in study.schemes:
        if scheme.quantizes:
            check_request(_variant(study, scheme))
        for model in models:
            _check_scheme(model, scheme)
    every = [
        Member(scheme, _request(study, model, scheme, engine, optimize, device, wait_s))
        for device in devices
        for engine in dict.fromkeys(study.engines)
        for optimize in dict.fromkeys(study.optimize)
        for model in models
        for scheme in study.schemes
    ]
    every = [dataclasses.replace(member, needs=_needs(study, member)) for member in every]
    found = [member for member in every if not any(_matches_axes(r, member) for r in study.exclude)]
    chosen = [member for member in found if only is None or _matches(member.label, only)]
    if not chosen:
        what = f"matches --only '{only}'" if found else "is left by its excludes"
        example = f"; labels are such as {found[0].label}" if found else ""
        raise UsageError(
            f"no run of {study.path} {what}", hint=f"see `hil sweep --dry-run`{example}"
        )
    return chosen


def _matches(label: str, only: str) -> bool:
    pattern = only if any(c in only for c in "*?[") else f"*{only}*"
    return fnmatchcase(label, pattern)


def _model_paths(study: Study) -> list[Path]:
    paths: dict[Path, None] = {}
    for pattern in study.models:
        given = Path(pattern)
        folder = Path(given.anchor) if given.is_absolute() else study.folder
        relative = str(given.relative_to(given.anchor)) if given.is_absolute() else pattern
        found = sorted(folder.glob(relative))
        if not found:
            raise ModelError(
                f"the study {study.path} names '{pattern}', and no file is there",
                hint=f"paths are relative to {study.folder.absolute()}",
            )
        paths.update(dict.fromkeys(found))
    names = [path.stem for path in paths]
    for path in paths:
        if names.count(path.stem) > 1:
            raise ModelError(
                f"the study {study.path} has two models called '{path.stem}'",
                hint="results go by the model's name: rename one of the files",
            )
    return list(paths)


def _check_files(study: Study) -> None:
    specs = [study.inputs.spec]
    for scheme in study.schemes:
        if scheme.quantizes:
            calibration = scheme.calibration or study.calibration
            specs += [
                calibration.samples,
                *([calibration.held_out] if calibration.held_out else []),
            ]
    for spec in specs:
        if InputSpec.of(spec).is_file and not (study.folder / spec).is_file():
            raise InputError(
                f"the study {study.path} names the samples '{spec}', and no file is there",
                hint=f"paths are relative to {study.folder.absolute()}",
            )


def _check_scheme(model: Model, scheme: StudyScheme) -> None:
    if (scheme.quantizes or scheme.scheme == FLOAT) and model.graph.dtype != "float32":
        raise UsageError(
            f"the scheme '{scheme.name}' needs a float32 model, and {model.path} is "
            f"{model.graph.dtype}",
            hint="use scheme 'given' for models that are quantized already, or leave it out",
        )


def _needs(study: Study, member: Member) -> dict[str, float]:
    """Resources by name: those of all rules that match, and the board, or the target where it is
    scarce.
    """
    target, machine = find_target(member.request.target), member.request.machine
    name = target.name if machine is None else f"{target.name}:{machine}"
    needs = {name: 1.0} if target.scarce else {}
    for rule in study.require:
        if _matches_axes(rule, member):
            needs |= rule.resources
    return needs


def _matches_axes(rule: Axes, member: Member) -> bool:
    return all(fnmatchcase(name, getattr(rule, axis)) for axis, name in member.axes.items())


def _request(
    study: Study,
    model: Model,
    scheme: StudyScheme,
    engine: str,
    optimize: str,
    device: Device,
    wait_s: float,
) -> Request:
    inputs = study.inputs
    target = study.target if device.board is None else BOARD
    request = Request(
        model=model,
        profile=device.profile,
        engine=engine,
        inputs=_located(study, inputs.spec),
        samples=inputs.samples,
        repeat=inputs.repeat,
        target=target,
        machine=device.board,
        wait_s=wait_s if target == BOARD else 0.0,
        optimize=optimize,
        memory_model=study.memory_model,
        timeout_s=study.timeout_s,
        variant=_variant(study, scheme) if scheme.quantizes else None,
    )
    return dataclasses.replace(request, command=run_command(request, device.given))


def _located(study: Study, spec: str) -> str:
    return str(InputSpec.of(spec).below(study.folder))


def _variant(study: Study, scheme: StudyScheme) -> VariantRequest:
    calibration: Quantization = scheme.calibration or study.calibration
    return VariantRequest(
        scheme=scheme.scheme,  # type: ignore[arg-type]  # checked by StudyScheme
        calibration=_located(study, calibration.samples),
        calibration_samples=calibration.count,
        method=calibration.method,
        q_format=scheme.q_format,
        io=scheme.io,
        held_out=_located(study, calibration.held_out) if calibration.held_out else "",
    )
