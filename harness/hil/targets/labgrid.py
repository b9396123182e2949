"""Places of a labgrid coordinator, through its ``labgrid-client``.

labgrid runs in an environment of its own, because its ``pyserial-labgrid`` overwrites pyserial:
only the command line is used. It finds the coordinator as it always does (``LG_COORDINATOR``), and
a place is acquired for its user (``LG_USERNAME``, ``LG_HOSTNAME``). Tried with labgrid 26.0.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hil import children
from hil.errors import HilError, MissingTool, UsageError

CLIENT = "labgrid-client"
_CALL_S = 30.0
_POLL_S = 0.5
_EXPORT_S = 10.0  # until the exporter started its server after a place was acquired
_RESOURCE = re.compile(r"^Acquired resource '(.*)' \((.*)\):$", re.MULTILINE)
_PLACE = re.compile(r"^Place '(.*)':$", re.MULTILINE)
_OWN = re.compile(r"You have already acquired place \S+\.$")
_UNKNOWN = re.compile(r"place pattern .* matches nothing")
_TAKEN = re.compile(r"already acquired by (\S+)\. |already acquired place \S+ on (\S+)\. ")


class PlaceTaken(MissingTool):
    """Another user, or this user on another machine, has the place."""


@dataclass(frozen=True)
class Place:
    """A place of the coordinator; ``acquired`` is ``HOST/USER``, '' where nobody has it."""

    name: str
    comment: str = ""
    acquired: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def installed() -> bool:
    """Whether the client is on this machine."""
    return shutil.which(CLIENT) is not None


def places() -> list[Place]:
    """Return the places of the coordinator.

    Raises:
        MissingTool: the client is not on this machine, or the coordinator does not answer.
    """
    return [_place(head[1], text) for head, text in _parts(_PLACE, _call("-v", "places"))]


@contextmanager
def acquired(place: str, *, wait_s: float = 0.0) -> Iterator[str]:
    """Acquire a place and give the URL of its serial port; release it on every way out.

    A place that this user had acquired on this machine before is used, and kept.

    Args:
        place: its name.
        wait_s: how long to wait for a place that somebody else has.

    Raises:
        UsageError: there is no such place, or it has no serial port.
        PlaceTaken: somebody else has it; the message says who.
        MissingTool: the client is not on this machine, or the coordinator or the exporter does not
            answer; also when the place cannot be released.
    """
    ours = False
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                with children.uninterrupted():
                    ours = _acquire(place)
                break
            except PlaceTaken:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_S)
        yield _url(place)
    except BaseException:
        if ours:
            _release(place, quietly=True)
        raise
    if ours:
        _release(place)


def _acquire(place: str) -> bool:
    """Whether the place was free and is this process's now; False where the user had it before."""
    try:
        _call("-p", place, "acquire")
    except MissingTool as error:
        if found := _TAKEN.search(error.message):
            raise PlaceTaken(
                f"the labgrid place '{place}' is acquired by {found[1] or found[2]}",
                hint="wait with --wait, or ask for it: `labgrid-client who` lists all",
            ) from error
        if _OWN.search(error.message):
            return False
        if _UNKNOWN.search(error.message):
            raise UsageError(
                f"there is no labgrid place '{place}'",
                hint=f"`{CLIENT} places` lists those of the coordinator that LG_COORDINATOR names",
            ) from error
        raise
    return True


def _release(place: str, *, quietly: bool = False) -> None:
    with children.uninterrupted():
        try:
            _call("-p", place, "release")
        except HilError as error:
            if not quietly:
                raise MissingTool(
                    f"the labgrid place '{place}' could not be released: {error.message}",
                    hint=f"release it by hand: {CLIENT} -p {place} release",
                ) from error


def _url(place: str) -> str:
    """The URL of the serial port of an acquired place, once the exporter serves it."""
    deadline = time.monotonic() + _EXPORT_S
    while True:
        ports = _serial_ports(_call("-p", place, "show"))
        if len(ports) > 1:
            raise UsageError(
                f"the labgrid place '{place}' has {len(ports)} serial ports: {', '.join(ports)}",
                hint="make a place with one: the match patterns of a place choose its resources",
            )
        for params in ports.values():
            if params.get("port"):
                return _url_of(place, params)
        if not ports:
            raise UsageError(
                f"the labgrid place '{place}' has no serial port",
                hint=f"`{CLIENT} -p {place} add-match EXPORTER/GROUP/NetworkSerialPort` adds one",
            )
        if time.monotonic() >= deadline:
            raise MissingTool(
                f"the exporter of the labgrid place '{place}' does not serve its serial port",
                hint="look at the exporter's log; it needs ser2net, and the board plugged in",
            )
        time.sleep(_POLL_S)


def _serial_ports(text: str) -> dict[str, dict[str, Any]]:
    """Parameters of the serial ports in the output of ``labgrid-client show``, by path."""
    found = {}
    for head, described in _parts(_RESOURCE, text):
        try:
            resource = ast.literal_eval(described.strip())
            if resource["cls"] == "NetworkSerialPort":
                found[head[2]] = dict(resource["params"]) if resource["avail"] else {}
        except (ValueError, SyntaxError, KeyError, TypeError) as error:
            raise MissingTool(
                f"cannot read what {CLIENT} shows of the resource {head[2]}",
                hint="hil was written for labgrid 26; install that version",
            ) from error
    return found


def _parts(heading: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each heading in an output of the client, with the text below it."""
    heads = list(heading.finditer(text))
    for at, head in enumerate(heads, start=1):
        yield head, text[head.end() : heads[at].start() if at < len(heads) else len(text)]


def _url_of(place: str, params: Mapping[str, Any]) -> str:
    extra = params.get("extra") or {}
    if extra.get("proxy_required"):
        raise UsageError(
            f"the labgrid place '{place}' can only be reached through a proxy ({extra['proxy']})",
            hint="forward its port with ssh -L, and give the board port = 'rfc2217://localhost:…'",
        )
    scheme = "socket" if params.get("protocol") == "raw" else "rfc2217"
    return f"{scheme}://{params['host']}:{params['port']}"


def _place(name: str, text: str) -> Place:
    pairs = (line.partition(": ") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    tags = dict(pair.split("=", 1) for pair in fields.get("tags", "").split(", ") if "=" in pair)
    holder = fields.get("acquired", "")
    return Place(name, fields.get("comment", ""), "" if holder == "None" else holder, tags)


def _path() -> str:
    if (path := shutil.which(CLIENT)) is None:
        raise MissingTool(
            f"{CLIENT} is not on the PATH",
            hint="install labgrid in an environment of its own: `pipx install labgrid` "
            "(docs/boards.md); in hil's it would replace pyserial",
        )
    return path


def _call(*arguments: str) -> str:
    """Return what the client prints; an error is raised with its last line."""
    command = [_path(), *arguments]
    try:
        done = children.run(command, timeout_s=_CALL_S)
    except subprocess.TimeoutExpired as error:
        raise MissingTool(
            f"{CLIENT} did not end within {_CALL_S:g} s", hint=_COORDINATOR_HINT
        ) from error
    except OSError as error:
        raise MissingTool(f"{CLIENT} cannot be run: {error.strerror}", hint="install it") from error
    if done.returncode == 0:
        return done.stdout
    said = " ".join((done.stderr + done.stdout).split())[-400:] or f"exit code {done.returncode}"
    raise MissingTool(f"{CLIENT} {' '.join(arguments)}: {said}", hint=_COORDINATOR_HINT)


_COORDINATOR_HINT = "LG_COORDINATOR=HOST:PORT names the coordinator; `labgrid-client places` tries"
