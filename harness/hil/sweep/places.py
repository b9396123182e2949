"""The devices of a study: its profiles, or its boards with the profiles of their chips."""

from __future__ import annotations

from dataclasses import dataclass

from hil import boards, devices
from hil.devices import Profile
from hil.errors import UsageError
from hil.sweep.study import Study

BOARD = "board"
"""The name of the target for boards."""


@dataclass(frozen=True)
class Device:
    """A place on the axis of profiles. ``given`` is what loads the profile, ``board`` the board's
    name, None where the target chooses a machine.
    """

    given: str
    profile: Profile
    board: str | None = None


def placed(study: Study) -> list[Device]:
    """Return the study's devices in its order.

    Raises:
        UsageError: a profile or board is not known or not usable, or two devices have profiles
            of the same name.
    """
    profiles = _profiles(study)
    if not study.boards:
        return profiles
    found: dict[str, Device] = {}
    for device in _on_boards(study, profiles):
        other = found.setdefault(device.profile.name, device)
        if other is not device:
            raise UsageError(
                f"the study {study.path} has two boards with the profile '{device.profile.name}': "
                f"{other.board} and {device.board}",
                hint="results go by the profile's name: make a study for each",
            )
    return list(found.values())


def _on_boards(study: Study, profiles: list[Device]) -> list[Device]:
    """The profiles on the boards of their chips, or each board with its own profile."""
    found: list[Device] = []
    for name in dict.fromkeys(study.boards):
        own = boards.load(name).profile
        loaded = devices.load(own)
        mine = [Device(p.given, p.profile, name) for p in profiles if p.profile.chip == loaded.chip]
        if profiles and not mine:
            raise UsageError(
                f"no profile of the study {study.path} is of the board '{name}', a "
                f"{loaded.chip.part}",
                hint=f"leave profiles out, or add one such as {own}",
            )
        found += mine or [Device(own, loaded, name)]
    for device in profiles:
        if all(device.given != one.given for one in found):
            raise UsageError(
                f"no board of the study {study.path} has the chip of the profile "
                f"'{device.profile.name}'",
                hint="leave the profile out, or add a board to the study's boards",
            )
    return found


def _profiles(study: Study) -> list[Device]:
    """Profiles by what loads them: a name as it is, a path relative to the study."""
    loaded: dict[str, Profile] = {}
    for name in study.profiles:
        is_path = "/" in name or name.partition("@")[0].endswith(".toml")
        given = str(study.folder / name) if is_path else name
        profile = devices.load(given)
        same = next((p for p in loaded.values() if p.name == profile.name), None)
        if same is None:
            loaded[given] = profile
        elif same != profile:
            raise UsageError(
                f"the study {study.path} has two different profiles called '{profile.name}'",
                hint="results go by the profile's name: rename one of the files",
            )
    return [Device(given, profile) for given, profile in loaded.items()]
