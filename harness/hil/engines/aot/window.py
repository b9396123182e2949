"""What lowerings of sliding-window ops share: geometry, weight order, folded biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hil.engines.aot.lower import refuse
from hil.engines.aot.quant import quantization, scale_zero_point, wrap_int32
from hil.tflite.graph import Graph, Op, Tensor

BLOCK = 4  # output channels whose weights lie side by side (hil_aot.h)


@dataclass(frozen=True)
class Window:
    """A kernel sliding over an NHWC image: ``hil_window`` of hil_aot.h."""

    batches: int
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    pad_top: int
    pad_left: int

    @property
    def initializer(self) -> str:
        """C initializer of ``hil_window``, braces doubled for ``str.format``."""
        fields = (f".{name} = {value}" for name, value in vars(self).items())
        return "{{" + ", ".join(fields) + "}}"

    @property
    def taps(self) -> int:
        """Positions of the kernel."""
        return self.kernel_h * self.kernel_w

    @property
    def reaches_outside(self) -> bool:
        """Whether any output position sees a tap outside of the image."""
        last_row = (self.out_h - 1) * self.stride_h + (self.kernel_h - 1) * self.dilation_h
        last_column = (self.out_w - 1) * self.stride_w + (self.kernel_w - 1) * self.dilation_w
        return (
            self.pad_top > 0
            or self.pad_left > 0
            or last_row >= self.in_h
            or last_column >= self.in_w
        )


def window(op: Op, graph: Graph, kernel_h: int, kernel_w: int) -> Window:
    """Geometry of a sliding-window op from its first input, first output and options.

    Output size and padding as in tensorflow/lite/kernels/padding.h. Refuses what contradicts.
    """
    source, result = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if len(source.shape) != 4 or len(result.shape) != 4:
        refuse(op, f"shapes {source.shape} -> {result.shape}", "images of rank 4 (NHWC)")
    option = _positive_options(op)
    padding = op.options.get("padding", "VALID")
    if padding not in ("SAME", "VALID"):
        refuse(op, f"padding {padding}", "SAME and VALID")
    batches, in_h, in_w, in_c = source.shape
    out_h, pad_top = _output(in_h, kernel_h, option["stride_h"], option["dilation_h"], padding)
    out_w, pad_left = _output(in_w, kernel_w, option["stride_w"], option["dilation_w"], padding)
    out_c = result.shape[3]
    if result.shape[:3] != (batches, out_h, out_w):
        refuse(op, f"output shape {result.shape}", f"({batches}, {out_h}, {out_w}, {out_c})")
    return Window(
        *(batches, in_h, in_w, in_c),
        *(out_h, out_w, out_c),
        *(kernel_h, kernel_w),
        **option,
        pad_top=pad_top,
        pad_left=pad_left,
    )


def _positive_options(op: Op) -> dict[str, int]:
    values = {
        "stride_h": int(op.options.get("stride_h", 1)),
        "stride_w": int(op.options.get("stride_w", 1)),
        "dilation_h": int(op.options.get("dilation_h_factor", 1)),
        "dilation_w": int(op.options.get("dilation_w_factor", 1)),
    }
    for name, value in values.items():
        if value < 1:
            refuse(op, f"{name} is {value}", "strides and dilations of at least 1")
    return values


def _output(size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """(output size, padding before) along one axis."""
    span = (kernel - 1) * dilation + 1
    out = -(-size // stride) if padding == "SAME" else max(0, -(-(size - span + 1) // stride))
    return out, max(0, (out - 1) * stride + span - size) // 2


#: (activations, weights) that the kernels take.
OPERANDS = {
    ("int8", "int8"),
    ("int16", "int8"),
    ("int16", "int16"),
    ("float32", "float32"),
    ("float32", "int8"),
}


def operand_types(op: Op, graph: Graph) -> tuple[str, str]:
    """The dtypes of activations and weights; refuses combinations that no kernel takes."""
    source, weights, result = (graph.tensors[t].dtype for t in (*op.inputs[:2], op.outputs[0]))
    if (source, weights) not in OPERANDS or result != source:
        refuse(
            op,
            f"dtypes {source}, {weights}, {result}",
            "all int8, all float32, int16 activations with int8 or int16 weights, or float32 "
            "activations with int8 weights",
        )
    return source, weights


def element_type(op: Op, graph: Graph, tensors: tuple[int, ...]) -> str:
    """The dtype that all ``tensors`` share; refuses anything but int8, int16 and float32."""
    dtypes = [graph.tensors[t].dtype for t in tensors]
    if len(set(dtypes)) != 1 or dtypes[0] not in ("int8", "int16", "float32"):
        refuse(op, f"dtypes {', '.join(dtypes)}", "all int8, all int16 or all float32")
    return dtypes[0]


def constant_weights(op: Op, graph: Graph, rank: int) -> npt.NDArray[Any]:
    """Weights (input 1), a constant of ``rank`` dimensions, else refused."""
    tensor = graph.tensors[op.inputs[1]]
    if tensor.data is None:
        refuse(op, f"weights (tensor {tensor.index}) are not constant", "constant weights")
    if tensor.data.ndim != rank:
        refuse(op, f"weights of shape {tensor.shape}", f"weights of rank {rank}")
    return tensor.data


def bias_values(op: Op, graph: Graph, channels: int, dtype: str) -> npt.NDArray[Any]:
    """Bias (input 2) as ``channels`` values of ``dtype``; zeros where there is none."""
    index = op.inputs[2] if len(op.inputs) > 2 else -1
    if index < 0:
        return np.zeros(channels, dtype)
    tensor = graph.tensors[index]
    if tensor.data is None or tensor.dtype != dtype or tensor.elements != channels:
        _refuse_bias(op, tensor, channels, dtype)
    return tensor.data.reshape(channels)


def int16_bias(op: Op, graph: Graph, channels: int, dtypes: tuple[str, ...]) -> npt.NDArray[Any]:
    """Bias of an op on int16 activations: of one of ``dtypes``, zeros of the first without one."""
    index = op.inputs[2] if len(op.inputs) > 2 else -1
    if index >= 0 and graph.tensors[index].dtype not in dtypes:
        _refuse_bias(op, graph.tensors[index], channels, " or ".join(dtypes))
    return bias_values(op, graph, channels, dtypes[0] if index < 0 else graph.tensors[index].dtype)


def _refuse_bias(op: Op, tensor: Tensor, channels: int, dtype: str) -> NoReturn:
    kind = "constant" if tensor.is_constant else "computed"
    refuse(
        op,
        f"bias (tensor {tensor.index}) is {kind} {tensor.dtype} of shape {tensor.shape}",
        f"a constant {dtype} bias of {channels} elements",
    )


def symmetric_weights(op: Op, graph: Graph, axis: int) -> None:
    """Refuse weights with a zero point, or quantized along another axis than ``axis``."""
    q = quantization(op, graph.tensors[op.inputs[1]])
    if np.any(q.zero_point != 0):
        refuse(op, "weights with a zero point", "symmetric weights")
    if q.per_channel and q.axis != axis:
        refuse(op, f"weights quantized along axis {q.axis}", f"axis {axis}")


def folded_bias(
    op: Op, graph: Graph, weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Bias minus input zero point times the sum of each row of ``weights`` (channels first)."""
    _, zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
    sums = weights.reshape(weights.shape[0], -1).sum(axis=1, dtype=np.int64)
    return wrap_int32(bias.astype(np.int64) - zero_point * sums)


def blocked(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reorder weights [channels, depth] in blocks of four channels, then the rest one by one.

    The four weights of an element lie side by side. int8: quads of elements come first, as
    hil_dot_s8.h has them: [elements 0, 2 or 1, 3][channels 0, 1 or 2, 3][element][channel].
    """
    channels, depth = rows.shape
    whole = channels - channels % BLOCK
    blocks = rows[:whole].reshape(whole // BLOCK, BLOCK, depth)
    if rows.dtype == np.int8:
        return np.concatenate([_quads(blocks).ravel(), rows[whole:].ravel()])
    return np.concatenate([blocks.transpose(0, 2, 1).ravel(), rows[whole:].ravel()])


def joinable(rows: npt.NDArray[np.int8]) -> bool:
    """Whether :func:`joined` can take the weights [channels, depth].

    256 times a channel's weight plus its neighbour's must have 16 bits, and a channel's sum 24.
    """
    whole = len(rows) - len(rows) % BLOCK
    if not whole:
        return True
    flat = rows[:whole].reshape(whole, -1).astype(np.int64)
    halfwords = 256 * flat[1::2] + flat[::2]
    sums = 128 * np.abs(flat).sum(axis=1)
    return bool(halfwords.min(initial=0) >= -(1 << 15) and sums.max(initial=0) < 1 << 23)


def joined(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """As :func:`blocked` orders them, in the form of hil_dot_joined.h: one is taken off a weight of
    an odd channel where that of the even channel before it is negative, but for the last elements
    of a depth that is not a multiple of four."""
    channels, depth = rows.shape
    whole, quads = channels - channels % BLOCK, depth - depth % 4
    changed = rows.copy()
    changed[1:whole:2, :quads] -= rows[0:whole:2, :quads] < 0
    return blocked(changed)


def by_taps(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reorder weights [channels, taps] in blocks of four channels, [taps][4], then the rest."""
    channels, taps = rows.shape
    whole = channels - channels % BLOCK
    blocks = rows[:whole].reshape(whole // BLOCK, BLOCK, taps).transpose(0, 2, 1)
    return np.concatenate([blocks.ravel(), rows[whole:].ravel()])


def _quads(blocks: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """[blocks, 4, depth] to [blocks, 4 * depth]."""
    count, _, depth = blocks.shape
    even = depth - depth % 4
    # [block, channel pair, channel, quad, element / 2, element % 2]
    quads = blocks[:, :, :even].reshape(count, 2, 2, even // 4, 2, 2)
    first = quads.transpose(0, 3, 5, 1, 4, 2).reshape(count, BLOCK * even)
    last = blocks[:, :, even:].transpose(0, 2, 1).reshape(count, BLOCK * (depth - even))
    return np.concatenate([first, last], axis=1)


def paired(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reorder weights [channels, depth] for int16 inputs, as hil_dot_s16_body.h has them.

    Blocks of four channels: of each pair of neighbours along the depth, int16 weights lie as
    [channel][neighbour], int8 weights as [channels 0, 1 and 2, 3][neighbour][channel of the two].
    The last of an odd depth follows, and after all blocks the channels that are left, one by one.
    """
    channels, depth = rows.shape
    whole, even = channels - channels % BLOCK, depth - depth % 2
    count = whole // BLOCK
    blocks = rows[:whole].reshape(count, BLOCK, depth)
    pairs = blocks[:, :, :even].reshape(count, BLOCK // 2, 2, even // 2, 2)
    order = (0, 3, 1, 4, 2) if rows.itemsize == 1 else (0, 3, 1, 2, 4)
    last = blocks[:, :, even:].transpose(0, 2, 1).reshape(count, BLOCK * (depth - even))
    joined = np.concatenate([pairs.transpose(order).reshape(count, BLOCK * even), last], axis=1)
    return np.concatenate([joined.ravel(), rows[whole:].ravel()])
