"""Inputs for a model: random ones that repeat on every machine, extremes, or the user's file.

Integer tensors are drawn over their whole range. Float tensors carry no range in a .tflite; they
are drawn from [-1, 1), the range in which image, audio and sensor models are commonly fed, and
their extremes are all -1 and all +1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

import numpy as np

from hil.errors import InputError, did_you_mean
from hil.records import Array, InputSpec
from hil.tflite import normal
from hil.tflite.graph import Graph, Tensor

DEFAULT_SPEC = "random:0"
DEFAULT_SAMPLES = 3
_KEYWORDS = ("random", "normal", "zeros", "min", "max")
_FORMS = "--inputs takes random:SEED, normal:SEED, zeros, min, max, FILE.npy or FILE.npz"

Inputs = tuple[Array, ...]


def make_inputs(
    spec: str | InputSpec | None, graph: Graph, samples: int | None = None
) -> list[Inputs]:
    """Make the inputs that ``spec`` names: one tuple of arrays, one a model input, per sample.

    ``random:SEED`` gives ``samples`` random inputs (3 when None), ``normal:SEED`` standard normal
    ones for float inputs (:mod:`hil.tflite.normal`). ``zeros``, ``min`` and ``max``
    give one. A file gives its first ``samples`` inputs, or all: a .npy for a model with one input,
    or a .npz whose arrays are named after the input tensors (or ``x``, ``x_int8`` for one input,
    ``x0``, ``x1``... for several). Arrays hold N samples of the input's shape (its batch of 1 may
    be left out), or a single one; they are never cast.

    Raises:
        InputError: unknown spec, unreadable file, wrong shape or dtype, NaN or infinity, or fewer
            samples than asked for.
    """
    spec = InputSpec.of(spec or DEFAULT_SPEC)
    if spec.has_samples:
        return _samples(spec, graph, samples)
    rule = spec.rule
    if not rule:
        guess = did_you_mean(spec.text.partition(":")[0], _KEYWORDS)
        raise InputError(f"unknown inputs '{spec}'", hint=guess + _FORMS)
    if spec.is_drawn:
        draw = _draw if rule == "random" else _draw_normal
        return _random(graph, _seed(spec.argument or "0"), samples or DEFAULT_SAMPLES, draw)
    return [tuple(np.full(t.shape, _level(t.dtype, rule), t.dtype) for t in graph.input_tensors)]


def extremes(graph: Graph) -> list[Inputs]:
    """Return the all-minimum and the all-maximum input (floats: all -1 and all +1)."""
    return [make_inputs(spec, graph)[0] for spec in ("min", "max")]


def _level(dtype: str, spec: str) -> int:
    if spec == "zeros":
        return 0
    kind = np.dtype(dtype).kind
    if kind in "iu":
        limits = np.iinfo(dtype)
        return int(limits.min if spec == "min" else limits.max)
    if kind == "b":
        return int(spec == "max")
    return -1 if spec == "min" else 1


# Random inputs


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InputError(
            f"'{text}' is not a seed", hint="give a number from 0 up, such as random:7"
        )
    return int(text)


def _random(
    graph: Graph, seed: int, samples: int, draw: Callable[[Tensor, np.random.PCG64], Array]
) -> list[Inputs]:
    # numpy guarantees the raw stream of a bit generator across versions, but not distributions.
    stream = np.random.PCG64(seed)
    return [tuple(draw(t, stream) for t in graph.input_tensors) for _ in range(samples)]


def _draw(tensor: Tensor, stream: np.random.PCG64) -> Array:
    dtype = np.dtype(tensor.dtype)
    if dtype.kind in "iu":
        words = np.asarray(stream.random_raw(-(-tensor.nbytes // 8)), "<u8")
        array = np.frombuffer(words.tobytes(), dtype.newbyteorder("<"), count=tensor.elements)
        return array.astype(dtype).reshape(tensor.shape)
    words = np.asarray(stream.random_raw(tensor.elements), np.uint64)
    if dtype.kind == "b":
        return (words >> np.uint64(63)).astype(dtype).reshape(tensor.shape)
    # 24 bits fill a float32's significand: k / 2**23 - 1 is exact and lies in [-1, 1).
    unit = (words >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0
    return unit.astype(dtype).reshape(tensor.shape)


def _draw_normal(tensor: Tensor, stream: np.random.PCG64) -> Array:
    if np.dtype(tensor.dtype).kind != "f":
        raise InputError(
            f"normal draws are for float32 inputs, '{tensor.name}' is {tensor.dtype}",
            hint="random:0 draws integers over their whole range",
        )
    words = np.asarray(stream.random_raw(tensor.elements), np.uint64)
    return normal.from_bits(words).astype(tensor.dtype).reshape(tensor.shape)


# Inputs from a file or from memory


def _samples(spec: InputSpec, graph: Graph, samples: int | None) -> list[Inputs]:
    tensors = graph.input_tensors
    content = arrays_of(spec)
    if not isinstance(content, Mapping):
        if len(tensors) != 1:
            raise InputError(
                f"{spec} holds one array, the model has {len(tensors)} inputs",
                hint="give one array per input by name: " + ", ".join(t.name for t in tensors),
            )
        content = {tensors[0].name: content}
    found = (find_array(content, tensors, at, spec.text) for at in range(len(tensors)))
    columns = [
        list(as_samples(array, tensor, spec.text))
        for array, tensor in zip(found, tensors, strict=True)
    ]
    count = common_length(columns, spec.text)
    if samples is not None and samples > count:
        raise InputError(
            f"{spec} holds {count} samples, {samples} were asked for",
            hint=f"ask for {count} or fewer, or leave the number out",
        )
    return list(zip(*columns, strict=True))[:samples]


def arrays_of(spec: InputSpec) -> Array | Mapping[str, Array]:
    """Return the array of a .npy or the arrays of a .npz by name, or those in memory.

    Raises:
        InputError: the file is missing, unreadable, or holds Python objects.
    """
    if spec.arrays is not None:
        return spec.arrays
    path = spec.path
    try:
        with path.open("rb") as file:
            content: Any = np.load(file, allow_pickle=False)
            if isinstance(content, Mapping):
                return {name: content[name] for name in content}
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}", hint=_FORMS) from error
    except Exception as error:  # numpy, zipfile, zlib and tokenize raise a dozen classes here
        reason = error.strerror if isinstance(error, OSError) else None
        raise InputError(
            f"cannot read inputs from {path}: {reason or error or type(error).__name__}",
            hint="write it with numpy.save or numpy.savez, without Python objects",
        ) from error
    return np.asarray(content)


def find_array(
    arrays: Mapping[str, Array],
    tensors: Sequence[Tensor],
    at: int,
    where: str,
    *,
    raw_first: bool = True,
) -> Array:
    """Return the array for input ``at``: by the input's name, else ``x`` (``x0``, ``x1`` …).

    For one input ``x_int8`` (its dtype) is known too: data that was quantized for this model. With
    ``raw_first`` it comes before ``x``.

    Raises:
        InputError: there is no such array; ``where`` names their origin.
    """
    tensor = tensors[at]
    names = [f"x{at}"]
    if len(tensors) == 1:
        names = [f"x_{tensor.dtype}", "x"] if raw_first else ["x", f"x_{tensor.dtype}"]
    for name in (tensor.name, *names):
        if name in arrays and name != "y":
            return arrays[name]
    raise InputError(
        f"{where} has no array for the input '{tensor.name}', only {sorted(arrays)}",
        hint="name the array " + " or ".join(f"'{name}'" for name in (tensor.name, *names)),
    )


def common_length(columns: Sequence[Sized], where: str) -> int:
    """Return how many samples every input has.

    Raises:
        InputError: they differ.
    """
    counts = {len(column) for column in columns}
    if len(counts) != 1:
        raise InputError(
            f"the arrays in {where} hold different numbers of samples: {sorted(counts)}",
            hint="every input needs the same number of samples",
        )
    return counts.pop()


def as_samples(array: Array, tensor: Tensor, where: str) -> Array:
    """Return an array as (N, *shape of the tensor), contiguous; nothing is cast.

    ``where`` names its origin. A batch dimension of 1 may be left out.

    Raises:
        InputError: dtype or shape do not fit, there is no sample, or one has a NaN or an infinity.
    """
    array = np.asarray(array)
    if array.dtype.newbyteorder("=") != np.dtype(tensor.dtype):
        raise InputError(
            f"{where}: the input '{tensor.name}' is {tensor.dtype}, the samples are {array.dtype}",
            hint=_cast_hint(array, tensor),
        )
    batch = _as_batch(array, tensor.shape)
    if batch is None:
        raise InputError(
            f"{where}: the input '{tensor.name}' has shape {tensor.shape}, "
            f"the samples have {array.shape}",
            hint=f"give shape {tensor.shape}, or N samples as {('N', *tensor.shape)}",
        )
    if len(batch) == 0:
        raise InputError(f"{where} holds no samples", hint="give at least one")
    if batch.dtype.kind == "f" and not np.isfinite(batch).all():
        sample = int(np.argmin(np.isfinite(batch).reshape(len(batch), -1).all(axis=1)))
        raise InputError(
            f"{where}: sample {sample} of the input '{tensor.name}' has a NaN or an infinity",
            hint="such values cannot be compared with the reference; remove the sample",
        )
    return np.ascontiguousarray(batch, dtype=tensor.dtype)


def _as_batch(array: Array, shape: tuple[int, ...]) -> Array | None:
    """Return the array as (N, *shape), or None where it cannot be one."""
    if array.shape == shape:
        return array[np.newaxis]
    if array.ndim == len(shape) + 1 and array.shape[1:] == shape:
        return array
    if shape[:1] == (1,):
        if array.ndim == len(shape) and array.shape[1:] == shape[1:]:
            return array[:, np.newaxis]
        if array.shape == shape[1:]:
            return array[np.newaxis, np.newaxis]
    return None


def _cast_hint(array: Array, tensor: Tensor) -> str:
    if np.dtype(tensor.dtype).kind in "iu" and array.dtype.kind == "f" and tensor.quantization:
        scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
        return f"quantize it first: q = round(x / {scale:.9g}) + {zero_point}, clipped"
    return f"save it with .astype(numpy.{tensor.dtype}) if that loses nothing"
