"""Firmware that answers MLPerf Tiny's runner: the defines of its DUT program."""

from __future__ import annotations

import dataclasses

from hil import mlperf_tasks
from hil.engines.ctext import float_literal
from hil.errors import UsageError
from hil.mlperf_tasks import MlperfTask
from hil.records import EngineSources
from hil.tflite.graph import Graph, Tensor

_DTYPES = {"float32": 0, "int8": 1, "uint8": 2}  # hil_dtype of hil_model.h
_QUANTIZED = ("int8", "uint8", "int16")


def check_model(model_id: str, graph: Graph) -> None:
    """Check that a model can be the one of a task.

    Raises:
        UsageError: it has other inputs or outputs, or there is no such task.
    """
    if graph.state_tensors:
        raise UsageError(
            f"{graph.name} keeps {len(graph.state_tensors)} tensors between inferences, and MLPerf "
            "Tiny's runner has no command that resets them",
            hint="make the state an input and an output of the model, or use `hil run`",
        )
    task = mlperf_tasks.find(model_id)
    reason = _mismatch(task, graph)
    if reason:
        raise UsageError(
            f"{graph.name} does not fit {model_id}: {reason}",
            hint=f"{model_id} is {task.title}: {task.elements:,} {task.data} values in, "
            + ("as many values out" if task.scored else f"{task.classes} classes out"),
        )


def for_task(sources: EngineSources, model_id: str | None) -> EngineSources:
    """Return sources whose firmware answers ``profile`` with ``model_id`` and takes its data."""
    if model_id is None:
        return sources
    task = mlperf_tasks.find(model_id)
    defines = {
        "MODEL": task.model_id,
        "DATA": str(_DTYPES[task.data]),
        "ELEMENTS": f"{task.elements}u",
        "SCALE": float_literal(task.scale),
        "ZERO_POINT": str(task.zero_point),
        **({"SCORE": "1"} if task.scored else {}),
    }
    added = tuple(f"HIL_MLPERF_{name}={value}" for name, value in defines.items())
    return dataclasses.replace(sources, runtime_defines=(*sources.runtime_defines, *added))


def _mismatch(task: MlperfTask, graph: Graph) -> str:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
    [given], [made] = graph.input_tensors, graph.output_tensors
    if given.elements != task.elements:
        return f"its input has {given.elements:,} elements"
    expected = task.elements if task.scored else task.classes
    if made.elements != expected:
        return f"its output has {made.elements:,} elements"
    wrong = [tensor for tensor in (given, made) if not _usable(tensor)]
    return f"{wrong[0].name} is {wrong[0].dtype}" if wrong else ""


def _usable(tensor: Tensor) -> bool:
    if tensor.dtype == "float32":
        return True
    known = tensor.quantization is not None and tensor.quantization.scale.size == 1
    return tensor.dtype in _QUANTIZED and known
