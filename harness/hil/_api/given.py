"""What callers give: models, profiles, samples and stores in the forms that the API takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import devices
from hil._api.stores import Store
from hil._api.variants import Variant
from hil.devices import Profile
from hil.errors import InputError, UsageError
from hil.records import Array, InputSpec, Scheme, VariantRequest
from hil.tflite.model import Model

if TYPE_CHECKING:
    from hil.store import Store as Database

ModelLike = str | Path | bytes | Variant
Samples = str | Path | Array | Mapping[str, Array]
LabelledSamples = str | Path | tuple[Array, Array] | Mapping[str, Array]


def model_of(given: ModelLike, name: str | None) -> Model:
    """Return the parsed model of a path, the bytes of a .tflite, or a variant.

    Raises:
        ModelError: as :meth:`hil.tflite.model.Model.read`.
    """
    if isinstance(given, Variant):
        return given._made.model
    if isinstance(given, bytes):
        return Model.parse(given, name or "model")
    model = Model.read(Path(given))
    return model if name is None else Model.parse(model.content, name, model.path)


def profile_of(given: str | Path | Profile) -> Profile:
    """Return the profile of a name or a TOML file, or the profile itself.

    Raises:
        ProfileError: as :func:`hil.devices.load`.
    """
    if isinstance(given, Profile):
        return given
    text = str(given)
    is_file = isinstance(given, Path) and "/" not in text and not text.endswith(".toml")
    return devices.load(f"./{text}" if is_file else text)


def profiles() -> dict[str, Profile]:
    """Return the device profiles that hil knows, by name.

    Raises:
        ProfileError: a calibration of this host is invalid.
    """
    return {name: devices.load(name) for name in devices.names()}


def samples_of(given: Samples | None, what: str) -> InputSpec | None:
    """Return inputs as a specification; ``what`` names arrays in messages."""
    if given is None:
        return None
    if isinstance(given, str | Path):
        return InputSpec(str(given))
    return InputSpec(what, _arrays(given, what))


def labelled(given: LabelledSamples) -> InputSpec:
    """Return labelled samples as a specification.

    Raises:
        InputError: arrays without labels.
    """
    if isinstance(given, str | Path):
        return InputSpec(str(given))
    if isinstance(given, tuple):
        if len(given) != 2:
            raise InputError(
                f"data is a tuple of {len(given)}, not the pair (x, y)",
                hint="give (samples, labels), or a mapping with the labels as 'y'",
            )
        given = {"x": given[0], "y": given[1]}
    arrays = _arrays(given, "data")
    return InputSpec("data", arrays)


def _arrays(given: Array | Mapping[str, Array], what: str) -> Array | Mapping[str, Array]:
    import numpy as np

    try:
        if isinstance(given, Mapping):
            return {name: np.asarray(array) for name, array in given.items()}
        return np.asarray(given)
    except ValueError as error:
        raise InputError(
            f"{what} cannot be made an array: {error}",
            hint="give one array of samples, or for several inputs a mapping by their names",
        ) from error


@contextlib.contextmanager
def database(store: str | Path | Store | None) -> Iterator[Database | None]:
    """Open the database that a caller names; one that the caller opened stays open.

    Raises:
        UsageError: it is not a database.
        StoreError: as :meth:`hil.store.Store.open`.
    """
    if store is None:
        yield None
    elif isinstance(store, Store):
        yield store._database
    elif isinstance(store, str | Path):
        from hil.store import Store as Database

        with Database.open(str(store)) as opened:
            yield opened
    else:
        raise UsageError(
            f"store is a {type(store).__name__}",
            hint="give a file name, a URL, or what hil.open_store returned",
        )


def variant_request(
    scheme: Scheme | None, calibration: Samples | None, **options: Any
) -> VariantRequest | None:
    """Return how a model is to be quantized; None without a scheme.

    Raises:
        UsageError: samples without a scheme, a scheme without samples, or an invalid option.
    """
    if scheme is None and calibration is None:
        return None
    if scheme is None or calibration is None:
        raise UsageError(
            "quantize and calibration belong together",
            hint="such as quantize='int8', calibration='samples.npz' (or 'normal:0')",
        )
    from hil.quantization import check_request

    spec = samples_of(calibration, "calibration")
    assert spec is not None
    return check_request(VariantRequest(scheme, spec, **options))
