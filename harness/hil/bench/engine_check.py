"""``hil engine check``: whether an added engine links, runs and computes a model of one op."""

from __future__ import annotations

from hil import devices
from hil.bench.keeper import Nowhere
from hil.bench.pipeline import Request, run
from hil.devices import Profile
from hil.engines.registry import family_of
from hil.engines.tflm.one_op import one_op_model
from hil.errors import HilError, UsageError
from hil.records import RunRecord
from hil.targets.registry import target as find_target


def check_engine(
    name: str,
    profile: str | None = None,
    target: str | None = None,
    machine: str | None = None,
    *,
    wait_s: float = 0.0,
) -> RunRecord:
    """Build, link and run a model of one op with the engine on ``target`` (None: the default).

    ``profile`` is the device; None takes the first that has the engine's core and that the target
    can run. ``machine`` and ``wait_s`` are those of ``Request``. Nothing is stored.

    Raises:
        UsageError: no engine of that name was added, or no device of its core is known.
        MissingTool: a tool that every run needs is not here.
    """
    core = str(family_of(name).facts(name)["core"])
    device = devices.load(profile) if profile else _device(core, target)
    request = Request(
        one_op_model(),
        device,
        engine=name,
        target=target,
        machine=machine,
        wait_s=wait_s,
        command=("hil", "engine"),
    )
    return run(request, Nowhere())


def _device(core: str, target: str | None) -> Profile:
    """The first profile of a core that the target can run here."""
    where = find_target(target)
    for profile in (devices.load(name) for name in devices.names()):
        if profile.chip.core == core:
            try:
                where.platform(profile)
            except HilError:
                continue
            return profile
    raise UsageError(
        f"{where.title} has no device profile with a {core} that it can run here",
        hint="`hil profile list` shows the devices; choose one with --profile, or write your own",
    )
