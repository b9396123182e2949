"""Data sets as arrays: a .npz with ``x`` and ``y``, or a Python function that returns them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hil.datasets.prepare import prepare
from hil.errors import InputError
from hil.records import Array, InputSpec
from hil.tflite.graph import Graph, Tensor
from hil.tflite.inputs import arrays_of, common_length, find_array

Arrays = tuple[tuple[Array, ...], Array, str]  # columns, labels, preparation


def from_arrays(spec: InputSpec, graph: Graph) -> Arrays:
    """Take labels ``y``, and data by the input's name, ``x`` (``x0``, ``x1`` … for several).

    Where there is no such array, ``x_int8`` (the input's dtype) is taken: data that was quantized
    before, for this model.

    Raises:
        InputError: the file or its arrays are not usable.
    """
    content = arrays_of(spec)
    if not isinstance(content, Mapping):
        raise InputError(
            f"{spec} holds one array without labels",
            hint="save both: numpy.savez(FILE, x=samples, y=labels)",
        )
    if "y" not in content:
        raise InputError(
            f"{spec} has no labels: no array 'y', only {sorted(content)}",
            hint="save both: numpy.savez(FILE, x=samples, y=labels)",
        )
    tensors = graph.input_tensors
    data = [
        find_array(content, tensors, at, spec.text, raw_first=False) for at in range(len(tensors))
    ]
    return _prepared(data, content["y"], tensors, spec.text)


def from_function(spec: str, graph: Graph) -> Arrays:
    """Call ``module:function`` without arguments; it returns (x, y).

    ``x`` is an array, or for several inputs a sequence of arrays or a mapping by the inputs'
    names. The module is found as Python finds it, the current folder first.

    Raises:
        InputError: there is no such function, it fails, or returns something else.
    """
    returned = _call(spec)
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        raise InputError(
            f"{spec} returned {type(returned).__name__}, not the pair (x, y)",
            hint="return the samples and their labels: return x, y",
        )
    x, y = returned
    tensors = graph.input_tensors
    try:
        data = [np.asarray(part) for part in _parts(x, tensors, spec)]
        labels = np.asarray(y)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"what {spec} returned cannot be made arrays: {error}", hint="return numpy arrays"
        ) from error
    return _prepared(data, labels, tensors, spec)


def _prepared(data: list[Array], labels: Array, tensors: list[Tensor], where: str) -> Arrays:
    made = [prepare(array, tensor, where) for array, tensor in zip(data, tensors, strict=True)]
    common_length([column for column, _ in made], where)
    texts = [text for _, text in made]
    if len(texts) > 1:
        texts = [f"{t.name}: {text}" for t, text in zip(tensors, texts, strict=True)]
    return tuple(column for column, _ in made), labels, "; ".join(texts)


def _parts(x: Any, tensors: list[Tensor], spec: str) -> Sequence[Any]:
    if isinstance(x, Mapping):
        missing = [tensor.name for tensor in tensors if tensor.name not in x]
        if missing:
            raise InputError(
                f"{spec} returned no data for the input '{missing[0]}', only {sorted(x)}",
                hint="name the arrays after the model's inputs",
            )
        return [x[tensor.name] for tensor in tensors]
    if len(tensors) == 1:
        return [x]
    if not isinstance(x, Sequence) or len(x) != len(tensors):
        raise InputError(
            f"{spec} must return one array for each of the model's {len(tensors)} inputs",
            hint="return ((x0, x1, …), y), or a mapping from the inputs' names",
        )
    return x


def _call(spec: str) -> Any:
    module_name, _, name = spec.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, name, None)
        if not callable(function):
            raise InputError(
                f"the module {module_name} has no function '{name}'",
                hint="write it as module:function, such as my_data:test_set",
            )
        return function()
    except InputError:
        raise
    except ModuleNotFoundError as error:
        raise InputError(
            f"there is no data set '{spec}': {error}",
            hint="module:function needs a module that Python finds from the current folder",
        ) from error
    except Exception as error:  # whatever the user's code raises
        raise InputError(
            f"{spec} failed: {type(error).__name__}: {error}",
            hint="call it by hand: python -c 'import " + module_name + "; …'",
        ) from error
    finally:
        sys.path.remove(here)
