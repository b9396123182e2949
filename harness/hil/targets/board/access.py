"""Whether this user may open a serial port, and who else uses it (Linux)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hil.errors import MissingTool
from hil.targets.dut.serial_port import users_of

_MODEM_MANAGER = "ModemManager"
_MAY_BE_MODEMS = ("ttyACM", "ttyUSB")


def permission(tty: str) -> str:
    """Return who may use a tty.

    Raises:
        MissingTool: not this user; the hint has the command that changes it.
    """
    import grp
    import pwd

    owner = os.stat(tty)
    with contextlib.suppress(KeyError):  # a group that has no name here
        group = grp.getgrgid(owner.st_gid)
        if os.access(tty, os.R_OK | os.W_OK):
            return f"readable and writable (group {group.gr_name})"
        user = pwd.getpwuid(os.geteuid()).pw_name
        if user in group.gr_mem:
            hint = f"you are in the group '{group.gr_name}' since your last log-in: log in again"
        else:
            hint = f"`sudo adduser {user} {group.gr_name}`, then log in again"
        raise MissingTool(
            f"the user {user} may not open {tty}: it belongs to the group '{group.gr_name}'",
            hint=f"{hint}; or install udev rules for the board (docs/boards.md)",
        )
    if os.access(tty, os.R_OK | os.W_OK):
        return "readable and writable"
    raise MissingTool(
        f"{tty} may not be opened by this user", hint="install udev rules (docs/boards.md)"
    )


def other_users(tty: str) -> str:
    """Return that no other process has a tty open, as far as this user may see them.

    Raises:
        MissingTool: another process has it open.
    """
    own = f"process {os.getpid()}:"
    if users := [user for user in users_of(tty) if not user.startswith(own)]:
        manager = any(_MODEM_MANAGER in user for user in users)
        raise MissingTool(
            f"{tty} is open in another program: {'; '.join(users)}",
            hint="ModemManager looks for modems: a udev rule keeps it away from the board "
            "(docs/boards.md)"
            if manager
            else "end that program: it takes bytes away from this one",
        )
    if Path(os.path.realpath(tty)).name.startswith(_MAY_BE_MODEMS) and _runs(_MODEM_MANAGER):
        return "none now, but ModemManager opens new ports for some seconds (docs/boards.md)"
    return "no other program has it open"


def _runs(name: str) -> bool:
    """Whether a process of this name runs."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().strip() == name:
                return True
    return False
