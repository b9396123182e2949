"""The table of docs/engine.md: the element types of each op, found by lowering small models.

``python -m tests.support.op_table`` writes it anew; ``tests/engines/test_op_table.py`` compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hil.engines.aot.engine import lower
from hil.engines.aot.lower import LOWERINGS
from hil.errors import UnsupportedModel
from hil.tflite.reader import parse_model

from tests.support.tflite_builder import ModelBuilder


def _names(text: str) -> list[str]:
    return text.split()


DTYPES = ("int8", "int16", "float32", "uint8", "int32", "int64", "bool")
#: Ops of MicroMutableOpResolver, tensorflow/lite/micro/micro_mutable_op_resolver.h of
#: tensorflow/tflite-micro at TFLM_COMMIT, without custom ones.
TFLM_COMMIT = "90b983c2b3f1480642e040bbd2ddb37b998f3424"
TFLM_OPS = _names("""
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D
DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL
FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR
LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND
SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH
TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
""")
#: Ops with state, whose models their own tests build (test_svdf.py, test_lstm.py).
STATEFUL = {
    "SVDF": ("int8", "float32"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("int8", "float32"),
}
BEGIN, END = "<!-- ops: begin -->", "<!-- ops: end -->"
_FIXED_OUTPUT = {  # (int8, int16) scale and zero point that the op asks for
    "SOFTMAX": ((1 / 256, -128), (1 / 32768, 0)),
    "LOGISTIC": ((1 / 256, -128), (1 / 32768, 0)),
    "TANH": ((1 / 128, 0), (1 / 32768, 0)),
    "LOG_SOFTMAX": ((1 / 16, 127), (1 / 16, 0)),
    "L2_NORMALIZATION": ((1 / 128, 0), (1 / 128, 0)),
}


@dataclass(frozen=True)
class Recipe:
    """Shapes and options of a small op: ``operands`` are shapes, or arrays for constants."""

    operands: Sequence[Any]
    outputs: Sequence[tuple[int, ...]]
    options: dict[str, Any]
    output_dtype: str = ""  # "": the first operand's


def _recipe(*operands: Any, out: Any, result: str = "", **options: Any) -> Recipe:
    outputs = out if isinstance(out, list) else [out]
    return Recipe(operands, outputs, options, result)


def _ints(*values: Any) -> np.ndarray[Any, Any]:
    return np.array(values, np.int32)


_PLANE = (2, 3)
_IMAGE = (1, 4, 4, 2)
_ONE = _recipe(_PLANE, out=_PLANE)
_TWO = _recipe(_PLANE, _PLANE, out=_PLANE)
_COMPARE = _recipe(_PLANE, _PLANE, out=_PLANE, result="bool")
_REDUCE = _recipe(_PLANE, _ints(1), out=(2,))
_ARG = _recipe(_PLANE, _ints(1), out=(2,), result="int32", output_type="INT32")
_POOL = _recipe(_IMAGE, out=(1, 2, 2, 2), filter_height=2, filter_width=2, stride_h=2, stride_w=2)
_RESIZE = _recipe(_IMAGE, _ints(6, 6), out=(1, 6, 6, 2))
_RECIPES: dict[str, Recipe] = {
    **dict.fromkeys(
        _names(
            "ABS CEIL COS ELU EXP FLOOR HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG LOGICAL_NOT "
            "LOGISTIC LOG_SOFTMAX NEG RELU RELU6 RELU_N1_TO_1 ROUND RSQRT SIN SOFTMAX SQRT SQUARE "
            "TANH"
        ),
        _ONE,
    ),
    **dict.fromkeys(
        _names("ADD DIV LOGICAL_AND LOGICAL_OR MAXIMUM MINIMUM MUL PRELU SQUARED_DIFFERENCE SUB"),
        _TWO,
    ),
    **dict.fromkeys(_names("EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL"), _COMPARE),
    **dict.fromkeys(_names("MEAN REDUCE_MAX REDUCE_MIN SUM"), _REDUCE),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _ARG),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _POOL),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _RESIZE),
    "BATCH_MATMUL": _recipe(_PLANE, (3, 2), out=(2, 2)),
    "BATCH_TO_SPACE_ND": _recipe(
        (4, 1, 1, 2), _ints(2, 2), _ints([0, 0], [0, 0]), out=(1, 2, 2, 2)
    ),
    "BROADCAST_TO": _recipe((1, 3), _ints(2, 3), out=_PLANE),
    "CAST": _recipe(_PLANE, out=_PLANE, result="float32"),
    "CONCATENATION": _recipe(_PLANE, _PLANE, out=(4, 3), axis=0),
    "CONV_2D": _recipe(_IMAGE, "weights", None, out=(1, 4, 4, 2)),
    "CUMSUM": _recipe(_PLANE, _ints(1), out=_PLANE),
    "DEPTHWISE_CONV_2D": _recipe(_IMAGE, "weights", None, out=(1, 4, 4, 2), depth_multiplier=1),
    "DEPTH_TO_SPACE": _recipe((1, 1, 1, 4), out=(1, 2, 2, 1), block_size=2),
    "DEQUANTIZE": _recipe(_PLANE, out=_PLANE, result="float32"),
    "EMBEDDING_LOOKUP": _recipe(_ints(1), _PLANE, out=(1, 3)),
    "EXPAND_DIMS": _recipe(_PLANE, _ints(0), out=(1, 2, 3)),
    "FULLY_CONNECTED": _recipe(_PLANE, "weights", None, out=(2, 2)),
    "GATHER": _recipe(_PLANE, _ints(1), out=(1, 3)),
    "MIRROR_PAD": _recipe(_PLANE, _ints([0, 1], [1, 0]), out=(3, 4), mode="REFLECT"),
    "PACK": _recipe(_PLANE, _PLANE, out=(2, 2, 3), axis=0, values_count=2),
    "PAD": _recipe(_PLANE, _ints([0, 1], [1, 0]), out=(3, 4)),
    "PADV2": _recipe(_PLANE, _ints([0, 1], [1, 0]), "value", out=(3, 4)),
    "QUANTIZE": _recipe(_PLANE, out=_PLANE, result="int8"),
    "RESHAPE": _recipe(_PLANE, _ints(3, 2), out=(3, 2)),
    "REVERSE_V2": _recipe(_PLANE, _ints(1), out=_PLANE),
    "SELECT": _recipe("condition", _PLANE, _PLANE, out=_PLANE),
    "SELECT_V2": _recipe("condition", _PLANE, _PLANE, out=_PLANE),
    "SLICE": _recipe(_PLANE, _ints(0, 1), _ints(2, 2), out=(2, 2)),
    "SPACE_TO_BATCH_ND": _recipe(
        (1, 2, 2, 2), _ints(2, 2), _ints([0, 0], [0, 0]), out=(4, 1, 1, 2)
    ),
    "SPACE_TO_DEPTH": _recipe((1, 2, 2, 1), out=(1, 1, 1, 4), block_size=2),
    "SPLIT": _recipe(np.array(0, np.int32), _PLANE, out=[(1, 3), (1, 3)], num_splits=2),
    "SPLIT_V": _recipe(
        _PLANE, _ints(1, 1), np.array(0, np.int32), out=[(1, 3), (1, 3)], num_splits=2
    ),
    "SQUEEZE": _recipe((1, 2, 3), out=_PLANE, squeeze_dims=[0]),
    "STRIDED_SLICE": _recipe(_PLANE, _ints(0, 1), _ints(2, 3), _ints(1, 1), out=(2, 2)),
    "TILE": _recipe(_PLANE, _ints(2, 1), out=(4, 3)),
    "TRANSPOSE": _recipe(_PLANE, _ints(1, 0), out=(3, 2)),
    "TRANSPOSE_CONV": _recipe(_ints(1, 4, 4, 2), "weights", _IMAGE, "bias", out=_IMAGE),
    "UNPACK": _recipe(_PLANE, out=[(3,), (3,)], num=2, axis=0),
}
_WEIGHTS = {
    "CONV_2D": (2, 1, 1, 2),
    "DEPTHWISE_CONV_2D": (1, 1, 1, 2),
    "FULLY_CONNECTED": (2, 3),
    "TRANSPOSE_CONV": (2, 1, 1, 2),
}


def supported(name: str) -> tuple[str, ...]:
    """The element types on which a small model with op ``name`` is lowered."""
    if name in STATEFUL:
        return STATEFUL[name]
    return tuple(dtype for dtype in DTYPES if _lowers(_model(name, _RECIPES[name], dtype)))


def _lowers(model: bytes) -> bool:
    graph = parse_model(model, "small")
    try:
        lower(graph.ops[0], graph)
    except UnsupportedModel:
        return False
    return True


def _model(name: str, recipe: Recipe, dtype: str) -> bytes:
    b = ModelBuilder()
    inputs: list[int] = []
    operands = [_operand(b, name, one, dtype, inputs) for one in recipe.operands]
    result = recipe.output_dtype or dtype
    outputs = [b.tensor(s, result, **_quantization(name, result)) for s in recipe.outputs]
    b.op(name, operands, outputs, **recipe.options)
    return b.build(inputs, outputs)


def _operand(b: ModelBuilder, name: str, one: Any, dtype: str, inputs: list[int]) -> int:
    quantization = _quantization("", dtype)
    if name == "QUANTIZE" and dtype == "int32":
        quantization = {"scale": 0.1}
    if one is None:
        return -1
    if isinstance(one, np.ndarray):
        return b.tensor(one.shape, str(one.dtype), data=one)
    if one == "weights":
        kind = "int8" if dtype == "int16" else dtype
        shape = _WEIGHTS[name]
        return b.tensor(shape, kind, data=np.ones(shape), **_quantization("", kind))
    if one == "bias":
        kind = {"int8": "int32", "int16": "int64"}.get(dtype, dtype)
        return b.tensor((2,), kind, data=[0, 0])
    if one == "value":
        return b.tensor((1,), dtype, data=[0], **quantization)
    if one == "condition":
        index = b.tensor(_PLANE, "bool")
    else:
        zero_point = {"zero_point": -128} if name == "RSQRT" and dtype == "int8" else {}
        index = b.tensor(one, dtype, **{**quantization, **zero_point})
    inputs.append(index)
    return index


def _quantization(name: str, dtype: str) -> dict[str, Any]:
    if dtype not in ("int8", "int16", "uint8"):
        return {}
    if name in _FIXED_OUTPUT and dtype != "uint8":
        scale, zero_point = _FIXED_OUTPUT[name][dtype == "int16"]
        return {"scale": scale, "zero_point": zero_point}
    return {"scale": 0.1, "zero_point": 0}


def section() -> str:
    """The generated part of docs/engine.md, without its markers."""
    lines = ["| op | " + " | ".join(DTYPES) + " | TFLM |", "|---|" + "---|" * (len(DTYPES) + 1)]
    for name in sorted(LOWERINGS):
        types = supported(name)
        cells = ["x" if dtype in types else "" for dtype in DTYPES]
        cells.append("x" if name in TFLM_OPS else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    missing = [name for name in TFLM_OPS if name not in LOWERINGS]
    common = len(TFLM_OPS) - len(missing)
    lines += [
        "",
        f"{len(LOWERINGS)} ops, {common} of them among the {len(TFLM_OPS)} built-in ops of TFLM's "
        f"`MicroMutableOpResolver` (`tensorflow/tflite-micro`, commit `{TFLM_COMMIT[:12]}`). "
        "Of TFLM's list remain:",
        ", ".join(missing) + ".",
    ]
    return "\n".join(lines)


def replaced(text: str, table: str) -> str:
    """``text`` with what is between the markers replaced by ``table``."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    """Write the section anew."""
    path = Path(__file__).parents[2] / "docs" / "engine.md"
    path.write_text(replaced(path.read_text(), section()))


if __name__ == "__main__":
    main()
