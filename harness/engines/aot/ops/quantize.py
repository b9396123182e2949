"""QUANTIZE and DEQUANTIZE between float32, int8, uint8 and int16."""

from __future__ import annotations

from harness.engines.aot import tables
from harness.engines.aot.checks import check_ratio, input_tensor, output_tensor, same_shape
from harness.engines.aot.literals import struct_literal
from harness.engines.aot.lower import Lowered, lowers, refuse
from harness.engines.aot.ops.activation import lower_table
from harness.engines.aot.quant import scale_zero_point
from harness.tflite.graph import Graph, Op, Tensor

_SUFFIX = {"int8": "s8", "uint8": "u8", "int16": "s16"}
_BYTES = ("int8", "uint8")


@lowers("QUANTIZE")
def lower_quantize(op: Op, graph: Graph) -> Lowered:
    """Lower float32 to a kernel, 8 bits to 8 bits to a table (in place)."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_shape(op, output, source.shape)
    if source.dtype in _BYTES and output.dtype in _BYTES:
        scales = (*scale_zero_point(op, source), *scale_zero_point(op, output))
        check_ratio(op, scales[0] / scales[2])
        table = tables.requantized(
            *scales,
            in_signed=source.dtype == "int8",
            out_signed=output.dtype == "int8",
        )
        return lower_table(output.elements, table)
    if source.dtype != "float32" or output.dtype not in _SUFFIX:
        refuse(
            op,
            f"{source.dtype} to {output.dtype}",
            "float32 to int8, uint8 or int16; int8 and uint8 to int8 or uint8",
        )
    return _lowered(op, f"quantize_f32_{_SUFFIX[output.dtype]}", output)


@lowers("DEQUANTIZE")
def lower_dequantize(op: Op, graph: Graph) -> Lowered:
    """Lower to a kernel of the input's type."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_shape(op, output, source.shape)
    if source.dtype not in _SUFFIX or output.dtype != "float32":
        refuse(op, f"{source.dtype} to {output.dtype}", "int8, uint8 or int16 to float32")
    return _lowered(op, f"dequantize_{_SUFFIX[source.dtype]}_f32", source)


def _lowered(op: Op, kernel: str, quantized: Tensor) -> Lowered:
    scale, zero_point = scale_zero_point(op, quantized)
    return Lowered(
        sources=("quantize.c",),
        call=f"hil_{kernel}({{params}}, {{in0}}, {{out0}})",
        params_type="hil_quantize_params",
        params=struct_literal(
            {"elements": quantized.elements, "scale": scale, "zero_point": zero_point}
        ),
    )
