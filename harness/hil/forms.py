"""Reads and validates TOML files; an error names the file, the place and the nearest known key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hil.errors import HilError, UsageError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Form = TypeVar("Form", bound=BaseModel)


class Problem(NamedTuple):
    """One validation error: the dotted place, the message, the question for the nearest key."""

    place: str
    text: str
    guess: str = ""


def read_toml(
    path: Path,
    what: str,
    *,
    failure: type[HilError] = UsageError,
    hint: str = "fix the file",
) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Args:
        path: the file.
        what: what the file is, such as ``the study``.
        failure: the class of error to raise.
        hint: hint for a file that is not TOML.

    Raises:
        failure: the file cannot be read or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise failure(
            f"cannot read {what} {path}: {error.strerror}", hint="check path and permissions"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise failure(f"{path} is not valid TOML: {error}", hint=hint) from error
    except RecursionError as error:
        raise failure(f"{path} is nested too deeply", hint=hint) from error


def validated(
    form: type[Form],
    data: Mapping[str, Any],
    what: str,
    *,
    failure: type[HilError] = UsageError,
    hint: str,
) -> Form:
    """Return ``data`` as an instance of ``form``.

    Args:
        form: the pydantic model; ``SkipJsonSchema`` marks the fields that a file does not have.
        data: the values, as ``read_toml`` returns them.
        what: the subject of the message, such as ``the study a.toml``.
        failure: the class of error to raise.
        hint: hint, which follows the nearest known key.

    Raises:
        failure: the data is invalid; the message has every problem with its place.
    """
    from pydantic import ValidationError

    try:
        return form.model_validate(data)
    except ValidationError as error:
        found = problems(error, form)
        text = "; ".join(f"{one.place or 'the file'}: {one.text}" for one in found)
        guesses = "".join(one.guess for one in found)
        raise failure(f"{what} is invalid: {text}", hint=guesses + hint) from error


def problems(error: ValidationError, form: type[BaseModel]) -> list[Problem]:
    """Return what pydantic reports about data for ``form``, each unknown key with the nearest."""
    found = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            key = str(item["loc"][-1])
            guess = did_you_mean(key, keys(form, inner=len(item["loc"]) > 1))
            found.append(Problem(place, f"unknown key '{key}'", guess))
        else:
            found.append(Problem(place, item["msg"].removeprefix("Value error, ")))
    return found


def keys(form: type[BaseModel], *, inner: bool = True) -> list[str]:
    """Return the keys that a file of this form may have, with ``inner`` also its tables' keys."""
    schema = form.model_json_schema(by_alias=True)
    tables = [schema, *(schema.get("$defs", {}).values() if inner else ())]
    return list(dict.fromkeys(key for table in tables for key in table.get("properties", ())))
