"""The study file: one TOML that says which runs make a study, unknown keys refused.

Paths in it are relative to the file. ``docs/sweep.md`` describes every key.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hil.errors import UsageError
from hil.forms import explain
from hil.records import Scheme

GIVEN = "given"
FLOAT = "float32"
QUANTIZED: tuple[str, ...] = get_args(Scheme)
SCHEMES = (GIVEN, FLOAT, *QUANTIZED)
"""What a study may ask for; the first two run a model as it is."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quantization(_Strict):
    """How models are quantized; keys as in ``hil.records.VariantRequest``."""

    samples: str = "normal:0"
    count: int | None = Field(default=None, ge=1)
    method: str = "minmax"
    held_out: str = ""


class StudyScheme(_Strict):
    """One data type of the matrix: a scheme under a name of its own, with its own settings.

    ``calibration`` None takes the study's.
    """

    name: str = Field(min_length=1)
    scheme: str
    q_format: str = ""
    io: str = ""
    calibration: Quantization | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, data: Any) -> Any:
        """``"q8"`` alone is ``{name = "q8", scheme = "q8"}``."""
        if isinstance(data, str):
            return {"name": data, "scheme": data}
        if isinstance(data, dict) and "name" not in data and "scheme" in data:
            return {"name": data["scheme"], **data}
        return data

    @field_validator("scheme")
    @classmethod
    def _known(cls, scheme: str) -> str:
        if scheme not in SCHEMES:
            near = difflib.get_close_matches(scheme, SCHEMES, n=1)
            guess = f", did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"there is no scheme '{scheme}'{guess} ({', '.join(SCHEMES)})")
        return scheme

    @model_validator(mode="after")
    def _settings_of_quantized(self) -> Self:
        if not self.quantizes and (self.q_format or self.io or self.calibration):
            raise ValueError(f"'{self.name}' runs models as they are: no settings apply")
        if "/" in self.name:
            raise ValueError("a name has no '/'")
        return self

    @property
    def quantizes(self) -> bool:
        """Whether models are quantized, rather than run as they are."""
        return self.scheme in QUANTIZED


class Inputs(_Strict):
    """What each run is fed: as ``--inputs``, ``--samples`` and ``--repeat`` of ``hil run``."""

    spec: str = "random:0"
    samples: int | None = Field(default=None, ge=1, le=100_000)
    repeat: int = Field(default=1, ge=1, le=10_000)


class Exclude(_Strict):
    """Members to leave out: all globs that are given must match."""

    model: str = "*"
    scheme: str = "*"
    engine: str = "*"
    profile: str = "*"
    optimize: str = "*"


class Study(_Strict):
    """A validated study. ``path`` is the file it came from."""

    schema_version: Literal[1] = Field(alias="schema")
    title: str = ""
    description: str = ""
    models: tuple[str, ...] = Field(min_length=1)
    profiles: tuple[str, ...] = Field(min_length=1)
    schemes: tuple[StudyScheme, ...] = (StudyScheme(name=GIVEN, scheme=GIVEN),)
    engines: tuple[str, ...] = Field(default=("aot",), min_length=1)
    optimize: tuple[Literal["-O2", "-O3", "-Os"], ...] = Field(default=("-O3",), min_length=1)
    baseline: str = ""
    x: Literal["parameters", "macs"] = "parameters"
    calibration: Quantization = Quantization()
    inputs: Inputs = Inputs()
    memory_model: Literal["ideal", "cache"] | None = None
    timeout_s: float = Field(default=60.0, gt=0)
    exclude: tuple[Exclude, ...] = ()
    path: Path = Path()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [scheme.name for scheme in self.schemes]
        if not names:
            raise ValueError("schemes is empty")
        if len(set(names)) < len(names):
            raise ValueError("two schemes have the same name")
        if self.baseline and self.baseline not in names:
            raise ValueError(f"baseline '{self.baseline}' is none of the schemes {names}")
        return self

    @property
    def folder(self) -> Path:
        """The folder that the study's paths are relative to."""
        return self.path.parent


def load(path: Path) -> Study:
    """Read and validate a study file.

    Raises:
        UsageError: it cannot be read, is not TOML or no study (the hint has the nearest key).
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the study {path}: {error.strerror}", hint="check the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint="mend the file") from error
    if "path" in data:
        raise UsageError(f"the study {path} is invalid: path: it is no key", hint="remove it")
    try:
        return Study.model_validate({"title": path.stem, **data, "path": path})
    except ValidationError as error:
        problems, near = explain(error, Study, known_keys())
        raise UsageError(
            f"the study {path} is invalid: {problems}",
            hint=f"{near}docs/sweep.md describes every key",
        ) from error


def known_keys() -> list[str]:
    """Every key that a study file may have, inner tables' too."""
    parts = (Study, StudyScheme, Quantization, Inputs, Exclude)
    return [
        f.alias or key for part in parts for key, f in part.model_fields.items() if key != "path"
    ]
