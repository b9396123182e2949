"""QUANTIZE and DEQUANTIZE between float32, int8, uint8 and int16."""

from __future__ import annotations

from hil.engines.aot import tables
from hil.engines.aot.checks import check_ratio, input_tensor, output_tensor, same_shape
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.ops.activation import lower_table
from hil.engines.aot.quant import quantize_multiplier, scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

_SUFFIX = {"int8": "s8", "uint8": "u8", "int16": "s16", "int32": "s32"}
_FROM_FLOAT = ("int8", "uint8", "int16")
_BYTES = ("int8", "uint8")
_THROUGH_INT16 = (
    *(("int16", "int16"), ("int16", "int8"), ("int8", "int16"), ("uint8", "int16")),
    *(("int16", "int32"), ("int32", "int16"), ("int32", "int8")),
)


@lowers("QUANTIZE")
def lower_quantize(op: Op, graph: Graph) -> Lowered:
    """Lower float32 to a kernel, 8 bits to 8 bits to a table (in place)."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_shape(op, output, source.shape)
    if source.dtype in _BYTES and output.dtype in _BYTES:
        io = tables.Rescaling(*scale_zero_point(op, source), *scale_zero_point(op, output))
        check_ratio(op, io.in_scale / io.out_scale)
        signed = {"in_signed": source.dtype == "int8", "out_signed": output.dtype == "int8"}
        table = tables.requantized(io, **signed)
        return lower_table(output.elements, table)
    if (source.dtype, output.dtype) in _THROUGH_INT16:
        return _requantized(op, source, output)
    if source.dtype != "float32" or output.dtype not in _FROM_FLOAT:
        refuse(
            op,
            f"{source.dtype} to {output.dtype}",
            "float32 to int8, uint8 or int16; int8 and uint8 to int8, uint8 or int16; int16 to "
            "int8, int16 or int32; int32 to int8 or int16",
        )
    return _lowered(op, f"quantize_f32_{_SUFFIX[output.dtype]}", output)


def _requantized(op: Op, source: Tensor, output: Tensor) -> Lowered:
    in_scale, in_zero_point = scale_zero_point(op, source)
    out_scale, out_zero_point = scale_zero_point(op, output)
    if source.dtype == output.dtype and (in_zero_point or out_zero_point):
        refuse(op, "int16 to int16 with a zero point", "zero points of 0")
    multiplier, shift = quantize_multiplier(check_ratio(op, in_scale / out_scale))
    return kernel_call(
        f"requantize_{_SUFFIX[source.dtype]}_{_SUFFIX[output.dtype]}",
        {
            "elements": output.elements,
            "multiplier": multiplier,
            "shift": shift,
            "input_zero_point": in_zero_point,
            "output_zero_point": out_zero_point,
        },
        "quantize.c",
        struct="requantize",
        in_place=(0,) if source.dtype == output.dtype else (),
    )


@lowers("DEQUANTIZE")
def lower_dequantize(op: Op, graph: Graph) -> Lowered:
    """Lower to a kernel of the input's type."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_shape(op, output, source.shape)
    if source.dtype not in _FROM_FLOAT or output.dtype != "float32":
        refuse(op, f"{source.dtype} to {output.dtype}", "int8, uint8 or int16 to float32")
    return _lowered(op, f"dequantize_{_SUFFIX[source.dtype]}_f32", source)


def _lowered(op: Op, kernel: str, quantized: Tensor) -> Lowered:
    scale, zero_point = scale_zero_point(op, quantized)
    fields = {"elements": quantized.elements, "scale": scale, "zero_point": zero_point}
    return kernel_call(kernel, fields, "quantize.c", struct="quantize")
