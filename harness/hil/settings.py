"""Configuration: flags, ``HIL_*`` variables, ``hil.toml``, the user's file, built-in defaults.

The first of these layers that has a key decides its value. ``hil.toml`` is searched from the
current folder upward; the user's file is ``config.toml`` in the user's configuration folder
(``~/.config/hil`` on Linux). Both have the keys of ``Settings`` at the top level. Relative paths in
a file are relative to that file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from hil.errors import UsageError
from hil.forms import problems, read_toml

PROJECT_FILE = "hil.toml"
OriginKind = Literal["flag", "environment", "project", "user", "built-in"]
# Up to the last @, so that a password with an @ in it is hidden as a whole.
_USERINFO = re.compile(r"(://[^:/@?\s]*):\S*@")
_SECRETS = re.compile(r"(?<=[?&])(password|sslpassword)=[^&\s]*", re.IGNORECASE)
_PATH_KEYS = ("db", "cache_dir", "overlay_dir", "boards", "emulator", "renode", "profile")
_TABLES = ("gate",)
_EXPORTED = ("cache_dir", "overlay_dir", "boards", "emulator", "renode", "cc_prefix", "label")


@dataclass(frozen=True)
class Origin:
    """The layer that a value comes from, and the flag, variable or file in it."""

    kind: OriginKind
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".strip()


class GateSettings(BaseModel):
    """The table ``[gate]`` of a file: defaults of `hil gate`.

    Limits are strings such as ``2%``, ``1 KiB`` or ``off`` (``hil.gate.limits``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: str | None = None
    max_regression: str | float | None = None
    require_baseline: bool = False
    allow_new: bool = False
    match: Literal["auto", "sha256", "name"] = "auto"
    limits: dict[str, str | float] = Field(default_factory=dict)

    def __str__(self) -> str:
        given = self.model_dump(exclude_defaults=True)
        limits = [f"{name} {limit}" for name, limit in given.pop("limits", {}).items()]
        return ", ".join([*(f"{key} {value}" for key, value in given.items()), *limits]) or "-"


class Settings(BaseModel):
    """The values in force. None means no preference: the module that needs the value decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    db: str | None = Field(default=None, description="results database: a file or URL")
    profile: str | None = Field(default=None, description="device profile of `hil run`")
    engine: str = Field(default="aot", description="inference engine")
    target: str | None = Field(default=None, description="where firmware runs")
    cache_dir: str | None = Field(default=None, description="folder for rebuildable files")
    overlay_dir: str | None = Field(default=None, description="folder of calibrations")
    boards: str | None = Field(default=None, description="file of the boards attached here")
    emulator: str | None = Field(default=None, description="the emulator's executable")
    renode: str | None = Field(default=None, description="Renode's launcher")
    cc_prefix: str = Field(default="arm-none-eabi-", description="prefix of the cross compiler")
    optimize: Literal["-O2", "-O3", "-Os"] = Field(
        default="-O3", description="optimization of the kernels"
    )
    timeout_s: float = Field(default=60.0, gt=0, description="seconds one answer may take")
    samples: int = Field(default=3, ge=1, le=100_000, description="random inputs of a run")
    db_timeout_s: float = Field(
        default=60.0, gt=0, description="seconds to wait for a database in use or a lost server"
    )
    scheduler: str | None = Field(
        default=None, description="Dask scheduler of sweeps and evaluations, tcp://HOST:8786"
    )
    scheduler_wait_s: float = Field(
        default=60.0, gt=0, description="seconds to wait for workers of the scheduler"
    )
    label: str | None = Field(
        default=None, max_length=80, description="name of the revision that runs measure"
    )
    gate: GateSettings = Field(
        default_factory=GateSettings, description="table of `hil gate`, in files only"
    )

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    def origin(self, key: str) -> Origin:
        """Return where the value of ``key`` comes from."""
        return self._origins.get(key, Origin("built-in"))


@dataclass(frozen=True)
class _Layer:
    kind: OriginKind
    values: Mapping[str, Any]
    where: Mapping[str, str]


def load(**flags: Any) -> Settings:
    """Return the settings, and export some of them to this process's environment.

    ``cache_dir``, ``overlay_dir``, ``boards``, ``emulator``, ``renode``, ``cc_prefix`` and
    ``label`` are read from their environment variables by lower modules and child processes; where
    a flag or a file sets one, its variable is set.

    Raises:
        UsageError: see ``resolve``.
    """
    settings = resolve(flags)
    for key in _EXPORTED:
        if settings.origin(key).kind != "built-in":
            os.environ[variable(key)] = getattr(settings, key)
    return settings


def resolve(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user_file: Path | None = None,
) -> Settings:
    """Return the settings and their origins, without side effects. A flag of None is absent.

    Raises:
        UsageError: a file cannot be read, a key is unknown (the hint has the nearest one) or a
            value is invalid; the message names the flag, variable or file.
    """
    layers = [
        _flag_layer(flags or {}),
        _environment_layer(os.environ if environ is None else environ),
    ]
    if (project := find_project_file(folder or Path.cwd())) is not None:
        layers.append(_file_layer("project", project))
    user = user_config_file() if user_file is None else user_file
    if user.is_file():
        layers.append(_file_layer("user", user))
    return _merge(layers)


def without_password(text: str) -> str:
    """Return a text, which may have a database's URL in it, with the passwords as ``***``."""
    hidden = _USERINFO.sub(r"\1:***@", text)
    return _SECRETS.sub(r"\1=***", hidden)


def variable(key: str) -> str:
    """Return the environment variable of a key, '' for a table, which has none."""
    return "" if key in _TABLES else f"HIL_{key.upper()}"


def flag(key: str) -> str:
    """Return the command-line flag of a key."""
    return {"timeout_s": "--timeout"}.get(key, "--" + key.replace("_", "-"))


def user_config_file() -> Path:
    """Return the path of the user's configuration file, which need not exist."""
    import platformdirs

    return Path(platformdirs.user_config_dir("hil", appauthor=False)) / "config.toml"


def find_project_file(folder: Path) -> Path | None:
    """Return the nearest ``hil.toml`` in ``folder`` or above."""
    absolute = folder.resolve()
    for candidate in (absolute, *absolute.parents):
        if (candidate / PROJECT_FILE).is_file():
            return candidate / PROJECT_FILE
    return None


def _flag_layer(flags: Mapping[str, Any]) -> _Layer:
    unknown = set(flags) - set(Settings.model_fields)
    assert not unknown, f"no such setting: {unknown}"  # an error of the caller, not of the user
    given = {key: value for key, value in flags.items() if value is not None}
    return _Layer("flag", given, {key: flag(key) for key in given})


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    """Known variables that are not empty; other ``HIL_*`` variables are not settings."""
    keys = [key for key in Settings.model_fields if key not in _TABLES]
    given = {key: environ[variable(key)] for key in keys if environ.get(variable(key))}
    return _Layer("environment", given, {key: variable(key) for key in given})


def _file_layer(kind: Literal["project", "user"], path: Path) -> _Layer:
    values = read_toml(path, "the configuration")
    relative = {key: _beside(path, value) for key, value in values.items() if key in _PATH_KEYS}
    return _Layer(kind, {**values, **relative}, dict.fromkeys(values, str(path)))


def _beside(file: Path, value: Any) -> Any:
    """Resolve a relative path against the file's folder; names and URLs stay as they are."""
    if not isinstance(value, str) or "://" in value:
        return value
    if "/" not in value and not value.endswith((".db", ".toml")):
        return value
    return str(file.parent / Path(value).expanduser())


def _merge(layers: list[_Layer]) -> Settings:
    """Take each key from the first layer that has it, then validate the result."""
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for layer in reversed(layers):
        for key, value in layer.values.items():
            values[key] = value
            origins[key] = Origin(layer.kind, layer.where[key])
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _explain(error, origins) from error
    settings._origins.update(origins)
    return settings


def _explain(error: ValidationError, origins: Mapping[str, Origin]) -> UsageError:
    """Name the first problem and the layer that it comes from."""
    first = error.errors()[0]
    problem = problems(error, Settings)[0]
    key = str(first["loc"][0])
    where = origins[key].where
    name = ".".join(str(part) for part in first["loc"] if part not in ("str", "float"))
    of, form = (f" of [{key}]", GateSettings) if key in _TABLES else ("", Settings)
    takes = f"the keys{of} are {', '.join(form.model_fields)}"
    if first["type"] == "extra_forbidden":
        return UsageError(f"{where}: unknown key '{name}'", hint=problem.guess + takes)
    if key in _TABLES:
        return UsageError(f"{where}: {name}: {problem.text}", hint=f"correct {where}; {takes}")
    return UsageError(
        f"{where}: invalid value '{first['input']}' for {name}: {problem.text}",
        hint=f"correct {where}; `hil config show --origin` shows the values in force",
    )
