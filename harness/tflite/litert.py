"""LiteRT's reference kernels, held to the fixed-point arithmetic of TensorFlow Lite and TFLM.

From 1.4 on (tried: 1.4.0 to 2.3.0) LiteRT's reference FULLY_CONNECTED with per-tensor int8 weights
scales its sums in double precision; TensorFlow Lite up to 2.14, TFLM and CMSIS-NN use a 32-bit
multiplier, as LiteRT's own CONV_2D still does. A model must not have two right answers, so for
the reference each such op becomes RESHAPE, a 1x1 CONV_2D and RESHAPE. The
convolution's multiplier is exactly the one that FULLY_CONNECTED had: its input scale is 1 and its
weights' scale is the float32 product of both, which is how TensorFlow Lite computed it. Weights
with a zero point, which a convolution does not have, are split into a sum of three int8 values, and
the input stands three times.
"""

from __future__ import annotations

import importlib
import struct
from typing import Any

import numpy as np

from harness.records import Array


def with_fixed_point_fully_connected(model_bytes: bytes) -> bytes:
    """Return the model with its per-tensor int8 FULLY_CONNECTED ops written as convolutions.

    A model without such ops is returned unchanged, and so is what is no model: the interpreter
    says why better.
    """
    schema: Any = importlib.import_module("ai_edge_litert.schema_py_generated")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model_bytes, 0))
    except (struct.error, ValueError, IndexError, TypeError, AttributeError):
        return model_bytes
    changed = False
    for subgraph in model.subgraphs:
        operators = []
        for operator in subgraph.operators:
            if _is_affected(schema, model, subgraph, operator):
                operators += _Rewrite(schema, model, subgraph).convolution(operator)
                changed = True
            else:
                operators.append(operator)
        subgraph.operators = operators
    return _packed(model) if changed else model_bytes


def _is_affected(schema: Any, model: Any, subgraph: Any, operator: Any) -> bool:
    code = _builtin_code(model.operatorCodes[operator.opcodeIndex])
    if code != schema.BuiltinOperator.FULLY_CONNECTED:
        return False
    x, weights = (subgraph.tensors[index] for index in operator.inputs[:2])
    int8 = schema.TensorType.INT8
    if x.type != int8 or weights.type != int8 or operator.builtinOptions.weightsFormat != 0:
        return False
    return len(weights.quantization.scale) == 1


def _builtin_code(code: Any) -> int:
    """Files from before schema version 3a have the code in the older, narrower field only."""
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


class _Rewrite:
    """Adds what the convolution of one FULLY_CONNECTED needs to the model."""

    def __init__(self, schema: Any, model: Any, subgraph: Any) -> None:
        self.schema, self.model, self.subgraph = schema, model, subgraph

    def convolution(self, operator: Any) -> list[Any]:
        tensors = self.subgraph.tensors
        x, weights = tensors[operator.inputs[0]], tensors[operator.inputs[1]]
        y = tensors[operator.outputs[0]]
        channels, depth = (int(size) for size in weights.shape)
        rows = int(np.prod(x.shape)) // depth
        scale = np.float32(x.quantization.scale[0]) * np.float32(weights.quantization.scale[0])
        int8, int32 = self.schema.TensorType.INT8, self.schema.TensorType.INT32
        bias = operator.inputs[2] if len(operator.inputs) > 2 else -1
        if bias < 0:
            zeros = np.zeros(channels, np.int32)
            bias = self._tensor((channels,), int32, self._buffer(zeros), scale, 0)
        x_zero, y_zero = x.quantization.zeroPoint[0], y.quantization.zeroPoint[0]
        row = self._tensor((rows, 1, 1, depth), int8, 0, 1.0, x_zero)
        steps = [self._reshape(operator.inputs[0], row, (rows, 1, 1, depth))]
        buffer = weights.buffer
        if zero_point := int(weights.quantization.zeroPoint[0]):
            buffer = self._buffer(_split(self.model.buffers[buffer].data, depth, zero_point))
            depth *= 3
            thrice = self._tensor((rows, 1, 1, depth), int8, 0, 1.0, x_zero)
            steps.append(self._thrice(row, thrice))
            row = thrice
        kernel = self._tensor((channels, 1, 1, depth), int8, buffer, scale, 0)
        out = self._tensor((rows, 1, 1, channels), int8, 0, y.quantization.scale[0], y_zero)
        return [
            *steps,
            self._conv([row, kernel, bias], out, operator.builtinOptions),
            self._reshape(out, operator.outputs[0], tuple(y.shape)),
        ]

    def _thrice(self, source: int, output: int) -> Any:
        options = self.schema.ConcatenationOptionsT()
        options.axis = 3
        return self._operator(
            "CONCATENATION", [source] * 3, output, "ConcatenationOptions", options
        )

    def _conv(self, inputs: list[int], output: int, fully_connected: Any) -> Any:
        options = self.schema.Conv2DOptionsT()
        options.padding = self.schema.Padding.VALID
        options.strideH = options.strideW = 1
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = fully_connected.fusedActivationFunction
        return self._operator("CONV_2D", inputs, output, "Conv2DOptions", options)

    def _reshape(self, source: int, output: int, shape: tuple[int, ...]) -> Any:
        sizes = np.array(shape, np.int32)
        int32 = self.schema.TensorType.INT32
        target = self._tensor(sizes.shape, int32, self._buffer(sizes))
        options = self.schema.ReshapeOptionsT()
        options.newShape = sizes
        return self._operator("RESHAPE", [source, target], output, "ReshapeOptions", options)

    def _operator(self, name: str, inputs: list[int], output: int, kind: str, options: Any) -> Any:
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(self.schema.BuiltinOperator, name))
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, kind)
        operator.builtinOptions = options
        return operator

    def _code(self, builtin: int) -> int:
        for index, code in enumerate(self.model.operatorCodes):
            if _builtin_code(code) == builtin:
                return index
        code = self.schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        versions = {self.schema.BuiltinOperator.CONV_2D: 3}
        versions[self.schema.BuiltinOperator.CONCATENATION] = 2
        code.version = versions.get(builtin, 1)
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _buffer(self, values: Array) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def _tensor(
        self,
        shape: tuple[int, ...],
        dtype: int,
        buffer: int,
        scale: float | np.float32 | None = None,
        zero_point: int = 0,
    ) -> int:
        """``buffer`` 0 is the schema's empty one: a tensor without constant data."""
        tensor = self.schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), dtype, buffer
        tensor.name = f"hil/{len(self.subgraph.tensors)}"
        if scale is not None:
            tensor.quantization = self.schema.QuantizationParametersT()
            tensor.quantization.scale = [float(scale)]
            tensor.quantization.zeroPoint = [int(zero_point)]
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1


def _split(data: Any, depth: int, zero_point: int) -> Array:
    """Rows of ``weight - zero_point`` (9 bits) as a sum: each part takes what int8 can hold."""
    rest = np.frombuffer(bytes(data), np.int8).reshape(-1, depth).astype(np.int32) - zero_point
    parts = []
    for _ in range(3):
        parts.append(np.clip(rest, -128, 127))
        rest = rest - parts[-1]
    joined: Array = np.concatenate(parts, axis=1).astype(np.int8)
    return joined


def _packed(model: Any) -> bytes:
    from flatbuffers.builder import Builder

    builder: Any = Builder(1 << 20)  # type: ignore[no-untyped-call]
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
