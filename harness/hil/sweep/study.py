"""The study file: one TOML that says which runs make a study, unknown keys refused.

Paths in it are relative to the file. ``docs/sweep.md`` describes every key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from hil.errors import UsageError, did_you_mean
from hil.forms import read_toml, validated
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
            guess = did_you_mean(scheme, SCHEMES)
            raise ValueError(f"there is no scheme '{scheme}': {guess}{', '.join(SCHEMES)}")
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


class Axes(_Strict):
    """Members by their names on the axes: all globs that are given must match."""

    model: str = "*"
    scheme: str = "*"
    engine: str = "*"
    profile: str = "*"
    optimize: str = "*"


class Requirement(Axes):
    """Resources that a cluster's worker must offer for these members."""

    resources: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)


class Study(_Strict):
    """A validated study. ``path`` is the file it came from.

    With ``boards`` it runs on these, each with the profiles that are of its chip; without
    ``profiles`` with its own.
    """

    schema_version: Literal[1] = Field(alias="schema")
    title: str = ""
    description: str = ""
    models: tuple[str, ...] = Field(min_length=1)
    profiles: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    schemes: tuple[StudyScheme, ...] = (StudyScheme(name=GIVEN, scheme=GIVEN),)
    engines: tuple[str, ...] = Field(default=("aot",), min_length=1)
    optimize: tuple[Literal["-O2", "-O3", "-Os"], ...] = Field(default=("-O3",), min_length=1)
    baseline: str = ""
    x: Literal["parameters", "macs"] = "parameters"
    calibration: Quantization = Quantization()
    inputs: Inputs = Inputs()
    target: str | None = None
    memory_model: Literal["ideal", "cache"] | None = None
    timeout_s: float = Field(default=60.0, gt=0)
    exclude: tuple[Axes, ...] = ()
    require: tuple[Requirement, ...] = ()
    path: SkipJsonSchema[Path] = Path()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [scheme.name for scheme in self.schemes]
        if not names:
            raise ValueError("schemes is empty")
        if not self.profiles and not self.boards:
            raise ValueError("profiles is missing or empty; a study on boards may have boards")
        if self.boards and self.target not in (None, "board"):
            raise ValueError(f"boards and target '{self.target}' exclude each other")
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
    data = read_toml(path, "the study")
    what = f"the study {path}"
    if "path" in data:
        raise UsageError(f"{what} is invalid: path: unknown key", hint="remove it")
    values = {"title": path.stem, **data, "path": path}
    return validated(Study, values, what, hint="docs/sweep.md describes every key")


def located(study: Study, board: str | None, flag: str | None, default: str | None) -> Study:
    """Return the study with the board and the target of the command line (``flag``) in place of its
    own; ``default`` is the target where neither says one.

    Raises:
        UsageError: a board and another target than the boards' are asked for.
    """
    boards = (board,) if board is not None else study.boards
    if board is not None and flag not in (None, "board"):
        raise UsageError(
            f"--board and --target {flag} exclude each other", hint="leave --target out"
        )
    if flag not in (None, "board"):
        boards = ()
    if boards:
        return study.model_copy(update={"boards": boards, "target": "board"})
    if not study.profiles:
        raise UsageError(
            f"the study {study.path} has boards and no profiles, which the target '{flag}' needs",
            hint="leave --target out, or add profiles to the study",
        )
    return study.model_copy(update={"boards": (), "target": flag or study.target or default})
