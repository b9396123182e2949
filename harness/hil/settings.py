"""Configuration: flags, then ``HIL_*``, then ``hil.toml``, then the user's file, then built-in.

``hil.toml`` is searched from the current folder upward; the user's file is ``config.toml`` in the
user's configuration folder (``~/.config/hil`` on Linux). Both hold the keys of ``Settings`` at the
top. Relative paths in a file are relative to that file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from hil.errors import UsageError

PROJECT_FILE = "hil.toml"
OriginKind = Literal["flag", "environment", "project", "user", "built-in"]
_PATH_KEYS = ("db", "cache_dir", "overlay_dir", "qemu", "profile")
_TABLES = ("gate",)
_EXPORTED = ("cache_dir", "overlay_dir", "qemu", "cc_prefix")


@dataclass(frozen=True)
class Origin:
    """Which layer a value comes from, and where it stands there (flag, variable or file)."""

    kind: OriginKind
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".strip()


class GateSettings(BaseModel):
    """The table ``[gate]`` of a file: what `hil gate` does unless flags say otherwise.

    Limits are texts such as ``2%``, ``1 KiB`` or ``off`` (``hil.gate.limits``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: str | None = None
    max_regression: str | float | None = None
    require_baseline: bool = False
    limits: dict[str, str | float] = Field(default_factory=dict)

    def __str__(self) -> str:
        given = self.model_dump(exclude_defaults=True)
        limits = [f"{name} {limit}" for name, limit in given.pop("limits", {}).items()]
        return ", ".join([*(f"{key} {value}" for key, value in given.items()), *limits]) or "-"


class Settings(BaseModel):
    """The values that win. None means: no preference, the room that needs it decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    db: str | None = Field(default=None, description="results database: a file or URL")
    profile: str | None = Field(default=None, description="device profile of `hil run`")
    engine: str = Field(default="aot", description="inference engine")
    cache_dir: str | None = Field(default=None, description="folder for rebuildable files")
    overlay_dir: str | None = Field(default=None, description="folder of calibrations")
    qemu: str | None = Field(default=None, description="the qemu-system-arm to use")
    cc_prefix: str = Field(default="arm-none-eabi-", description="prefix of the cross compiler")
    optimize: Literal["-O2", "-O3", "-Os"] = Field(
        default="-O3", description="optimization of the kernels"
    )
    timeout_s: float = Field(default=60.0, gt=0, description="seconds one answer may take")
    samples: int = Field(default=3, ge=1, le=100_000, description="random inputs of a run")
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
    """Resolve the settings and make them hold for this process and its children.

    ``cache_dir``, ``overlay_dir``, ``qemu`` and ``cc_prefix`` are looked up deep below, by their
    environment variables; where a flag or a file sets them, the variable is set.

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
    """Return the settings and their origins, without side effects. A None flag was not given.

    Raises:
        UsageError: a file cannot be read, a key is unknown (with the nearest in the hint) or a
            value is not acceptable; the message names the layer.
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


def variable(key: str) -> str:
    """Return the environment variable of a key, "" for a table, which has none."""
    return "" if key in _TABLES else f"HIL_{key.upper()}"


def flag(key: str) -> str:
    """Return the command-line flag of a key."""
    return {"timeout_s": "--timeout"}.get(key, "--" + key.replace("_", "-"))


def user_config_file() -> Path:
    """Return where the user's own configuration is looked for."""
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
    assert not unknown, f"no such setting: {unknown}"  # a caller's mistake, not a user's
    given = {key: value for key, value in flags.items() if value is not None}
    return _Layer("flag", given, {key: flag(key) for key in given})


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    """Known variables that are not empty. Others named ``HIL_*`` belong to other parts."""
    keys = [key for key in Settings.model_fields if key not in _TABLES]
    given = {key: environ[variable(key)] for key in keys if environ.get(variable(key))}
    return _Layer("environment", given, {key: variable(key) for key in given})


def _file_layer(kind: Literal["project", "user"], path: Path) -> _Layer:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="check the file's permissions"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint="mend the file") from error
    _refuse_unknown(values, path)
    relative = {key: _beside(path, value) for key, value in values.items() if key in _PATH_KEYS}
    return _Layer(kind, {**values, **relative}, dict.fromkeys(values, str(path)))


def _refuse_unknown(keys: Iterable[str], path: Path) -> None:
    known = list(Settings.model_fields)
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise UsageError(
                f"{path}: there is no setting '{key}'",
                hint=f"{hint}the settings are {', '.join(known)}",
            )


def _beside(file: Path, value: Any) -> Any:
    """Resolve a relative path against the file's folder; names and URLs stay as they are."""
    if not isinstance(value, str) or "://" in value:
        return value
    if "/" not in value and not value.endswith((".db", ".toml")):
        return value
    return str(file.parent / Path(value).expanduser())


def _merge(layers: list[_Layer]) -> Settings:
    """Let the first layer that has a key decide; check all that was decided at once."""
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
    first = error.errors()[0]
    key = str(first["loc"][0])
    where = origins[key].where
    text = first["msg"][0].lower() + first["msg"][1:]
    if key in _TABLES:
        return _explain_table(first["loc"], first["type"], text, where)
    return UsageError(
        f"{where}: '{first['input']}' is no value for {key}: {text}",
        hint=f"correct {where}; `hil config show --origin` shows what holds now",
    )


def _explain_table(place: tuple[Any, ...], kind: str, text: str, where: str) -> UsageError:
    """A mistake inside of a table: its place is ``gate.limits.latency_us``."""
    name = ".".join(str(part) for part in place if part not in ("str", "float"))
    known = ", ".join(GateSettings.model_fields)
    if kind == "extra_forbidden":
        return UsageError(
            f"{where}: there is no setting '{name}'", hint=f"[{place[0]}] takes {known}"
        )
    return UsageError(f"{where}: {name}: {text}", hint=f"correct {where}; it takes {known}")
