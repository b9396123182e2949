"""Write the ResNetv1-6 family of the MicroAI paper for UCI-HAR's shape as .tflite files.

    .venv/bin/python examples/microai/generate.py [--output DIR]

Input 128x9 (2.56 s of nine inertial signals at 50 Hz), six classes, one filter count f for all
layers, kernels of 3, no batch normalization: 13 f^2 + 39 f + 6 parameters. The ops are those that
TensorFlow Lite's converter makes of the Keras form (Conv1D and MaxPooling1D as their 2-D
counterparts with a height of 1); check_keras.py compares. Weights are random (He et al., uniform):
the family shows what such networks cost, not what they know.

Every byte follows from SEED through PCG64's raw integers and correctly rounded arithmetic, so that
the files are the same on every machine. Needs numpy, flatbuffers and tflite, as hil itself does.
"""

from __future__ import annotations

import argparse
import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

SEED = 20210423  # the day on which the paper appeared
FILTERS = (16, 24, 32, 40, 48, 64, 80)
STEPS, SIGNALS, CLASSES = 128, 9, 6
CALIBRATION_SAMPLES = 32

Floats = npt.NDArray[np.float32]


def main() -> None:
    """Write all models and the calibration samples."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=Path(__file__).parent / "models")
    output: Path = arguments.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for filters in FILTERS:
        model = tflite_bytes(filters)
        (output / f"{name(filters)}.tflite").write_bytes(model)
        print(f"{name(filters)}: {parameters(filters):,} parameters, {len(model):,} bytes")
    # Not compressed: zlib's bytes differ between versions, a plain .npy's do not.
    np.save(output / "calibration.npy", calibration_samples())


def name(filters: int) -> str:
    """The model's name, which sorts by width."""
    return f"resnetv1-6_f{filters:02d}"


def parameters(filters: int) -> int:
    """How many parameters the paper's formula gives."""
    return 13 * filters**2 + 39 * filters + 6


def uniform(stream: int, count: int) -> npt.NDArray[np.float64]:
    """``count`` numbers in [-1, 1), multiples of 2^-23: exact, and the same everywhere."""
    raw = np.random.PCG64([SEED, stream]).random_raw(count)
    return (raw >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def calibration_samples() -> Floats:
    """Samples like standardized signals: sums of four uniform numbers, variance about 1.

    Neighbours in time share three of the four, as signals are smooth. Shape (n, 128, 9).
    """
    raw = uniform(0, CALIBRATION_SAMPLES * (STEPS + 3) * SIGNALS)
    noise = raw.reshape(CALIBRATION_SAMPLES, STEPS + 3, SIGNALS)
    smooth = sum(noise[:, shift : shift + STEPS] for shift in range(4)) * 0.875
    return np.asarray(np.round(smooth * 256) / 256, np.float32)


@dataclass
class Weights:
    """Draws each layer's weights in turn; ``count`` is how many parameters were drawn."""

    filters: int
    count: int = 0
    stream: int = 0

    def draw(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Weights (outputs first) and biases, He uniform: limit sqrt(6 / fan in).

        Biases are small instead of zero: the converter would merge, or drop, zeros.
        """
        fan_in = math.prod(shape[1:])
        limit = math.sqrt(6 / fan_in)
        self.stream += 1
        values = uniform(1000 * self.filters + self.stream, math.prod(shape) + shape[0]) * limit
        weights, bias = values[: -shape[0]].reshape(shape), values[-shape[0] :] / 8
        self.count += values.size
        return weights.astype(np.float32), bias.astype(np.float32)


def tflite_bytes(filters: int) -> bytes:
    """The network as a .tflite: conv, a block that halves the steps, a plain block, classes."""
    net = Model(Weights(filters))
    x = net.tensor("input", (1, STEPS, SIGNALS))
    y = net.reshape("input/expand", x, (1, 1, STEPS, SIGNALS))
    y = net.conv("conv", y, filters, 3, "RELU")
    # Block 1: both branches end in a pool of 2 steps, the shortcut is a convolution of 1.
    z = net.conv("block1/conv1", y, filters, 3, "NONE")
    z = net.max_pool("block1/pool", z, 2, "RELU")
    z = net.conv("block1/conv2", z, filters, 3, "NONE")
    short = net.conv("block1/shortcut", y, filters, 1, "NONE")
    short = net.max_pool("block1/shortcut_pool", short, 2, "NONE")
    y = net.add("block1/add", z, short)
    # Block 2: the shortcut is the input itself.
    z = net.conv("block2/conv1", y, filters, 3, "RELU")
    z = net.conv("block2/conv2", z, filters, 3, "NONE")
    y = net.add("block2/add", z, y)
    y = net.max_pool("pool", y, STEPS // 2, "NONE")
    y = net.dense("classes", y, CLASSES)
    assert net.weights.count == parameters(filters)
    return net.finish(x, y)


@dataclass
class Model:
    """Collects tensors and ops and writes the flatbuffer."""

    weights: Weights
    tensors: list[tuple[str, tuple[int, ...], npt.NDArray[Any] | None]] = field(
        default_factory=list
    )
    ops: list[tuple[str, tuple[int, ...], int, str, dict[str, Any]]] = field(default_factory=list)

    def tensor(self, name: str, shape: Sequence[int], data: Any = None) -> int:
        """Add a tensor (``data`` makes it a constant) and return its index."""
        self.tensors.append((name, tuple(shape), data))
        return len(self.tensors) - 1

    def _op(
        self,
        op: str,
        inputs: Sequence[int],
        name: str,
        shape: tuple[int, ...],
        table: str,
        **options: Any,
    ) -> int:
        output = self.tensor(name, shape)
        self.ops.append((op, tuple(inputs), output, table, options))
        return output

    def _weights(self, name: str, shape: tuple[int, ...]) -> tuple[int, int]:
        weights, bias = self.weights.draw(shape)
        return self.tensor(f"{name}/weights", shape, weights), self.tensor(
            f"{name}/bias", shape[:1], bias
        )

    def reshape(self, name: str, x: int, shape: tuple[int, ...]) -> int:
        """RESHAPE, the shape as a tensor."""
        wanted = self.tensor(f"{name}/shape", (len(shape),), np.asarray(shape, np.int32))
        return self._op("RESHAPE", (x, wanted), name, shape, "ReshapeOptions")

    def conv(self, name: str, x: int, filters: int, kernel: int, activation: str) -> int:
        """CONV_2D with a kernel of 1 x ``kernel``: SAME where there is something to pad."""
        _, height, width, channels = self.tensors[x][1]
        weights, bias = self._weights(name, (filters, 1, kernel, channels))
        return self._op(
            "CONV_2D",
            (x, weights, bias),
            name,
            (1, height, width, filters),
            "Conv2DOptions",
            Padding="SAME" if kernel > 1 else "VALID",
            StrideW=1,
            StrideH=1,
            FusedActivationFunction=activation,
        )

    def max_pool(self, name: str, x: int, steps: int, activation: str) -> int:
        """MAX_POOL_2D over windows of 1 x ``steps`` that do not overlap."""
        _, height, width, channels = self.tensors[x][1]
        return self._op(
            "MAX_POOL_2D",
            (x,),
            name,
            (1, height, width // steps, channels),
            "Pool2DOptions",
            Padding="VALID",
            StrideW=steps,
            StrideH=1,
            FilterWidth=steps,
            FilterHeight=1,
            FusedActivationFunction=activation,
        )

    def add(self, name: str, a: int, b: int) -> int:
        """ADD, rectified."""
        options = {"FusedActivationFunction": "RELU"}
        return self._op("ADD", (a, b), name, self.tensors[a][1], "AddOptions", **options)

    def dense(self, name: str, x: int, classes: int) -> int:
        """FULLY_CONNECTED without an activation: the paper deploys without the softmax."""
        weights, bias = self._weights(name, (classes, self.tensors[x][1][-1]))
        inputs = (x, weights, bias)
        return self._op("FULLY_CONNECTED", inputs, name, (1, classes), "FullyConnectedOptions")

    def finish(self, x: int, y: int) -> bytes:
        """Return the file's bytes; ``x`` and ``y`` are the model's input and output."""
        w = Writer()
        buffers = [w.table("Buffer", {})]
        buffers += [
            w.table("Buffer", {} if data is None else {"Data": w.blob(data.tobytes())})
            for _, _, data in self.tensors
        ]
        tensors = [self._tensor(w, index) for index in range(len(self.tensors))]
        kinds = list(dict.fromkeys(op for op, *_ in self.ops))
        codes = [self._code(w, kind) for kind in kinds]
        ops = [self._operator(w, kinds.index(op[0]), op) for op in self.ops]
        graph = w.table(
            "SubGraph",
            {
                "Tensors": w.offsets(tensors),
                "Inputs": w.ints([x]),
                "Outputs": w.ints([y]),
                "Operators": w.offsets(ops),
                "Name": w.text("main"),
            },
        )
        signature = self._signature(w, x, y)
        return w.finish(
            {
                "Version": 3,
                "OperatorCodes": w.offsets(codes),
                "Subgraphs": w.offsets([graph]),
                "Description": w.text("ResNetv1-6, random weights; examples/microai/generate.py"),
                "Buffers": w.offsets(buffers),
                "SignatureDefs": w.offsets([signature]),
            }
        )

    def _tensor(self, w: Writer, index: int) -> int:
        name, shape, data = self.tensors[index]
        return w.table(
            "Tensor",
            {
                "Shape": w.ints(shape),
                "Type": w.enum("TensorType", "INT32" if _is_shape(data) else "FLOAT32"),
                "Buffer": index + 1,
                "Name": w.text(name),
                "HasRank": True,
            },
        )

    def _code(self, w: Writer, kind: str) -> int:
        code = w.enum("BuiltinOperator", kind)
        fields = {"DeprecatedBuiltinCode": code, "BuiltinCode": code, "Version": 1}
        return w.table("OperatorCode", fields)

    def _signature(self, w: Writer, x: int, y: int) -> int:
        return w.table(
            "SignatureDef",
            {
                "Inputs": w.offsets([self._named(w, "input", x)]),
                "Outputs": w.offsets([self._named(w, "output", y)]),
                "SignatureKey": w.text("serving_default"),
            },
        )

    def _operator(
        self, w: Writer, code: int, op: tuple[str, tuple[int, ...], int, str, dict[str, Any]]
    ) -> int:
        _, inputs, output, table, options = op
        enums = {"Padding": "Padding", "FusedActivationFunction": "ActivationFunctionType"}
        fields = {
            key: w.enum(enums[key], value) if key in enums else value
            for key, value in options.items()
        }
        return w.table(
            "Operator",
            {
                "OpcodeIndex": code,
                "Inputs": w.ints(inputs),
                "Outputs": w.ints([output]),
                "BuiltinOptionsType": w.enum("BuiltinOptions", table),
                "BuiltinOptions": w.table(table, fields),
            },
        )

    def _named(self, w: Writer, name: str, tensor: int) -> int:
        return w.table("TensorMap", {"Name": w.text(name), "TensorIndex": tensor})


def _is_shape(data: npt.NDArray[Any] | None) -> bool:
    return data is not None and data.dtype == np.int32


class Writer:
    """A flatbuffers builder that writes tables of TensorFlow Lite's schema by name."""

    def __init__(self) -> None:
        self._fb = flatbuffers.Builder(1024)

    def table(self, name: str, fields: dict[str, Any]) -> int:
        """Write a table out of finished values and offsets."""
        module = importlib.import_module(f"tflite.{name}")
        getattr(module, f"{name}Start")(self._fb)
        for key, value in fields.items():
            getattr(module, f"{name}Add{key}")(self._fb, value)
        return int(getattr(module, f"{name}End")(self._fb))

    def enum(self, enum: str, member: str) -> int:
        """The number of an enum's member."""
        return int(getattr(getattr(importlib.import_module(f"tflite.{enum}"), enum), member))

    def ints(self, values: Sequence[int]) -> int:
        """A vector of int32."""
        return int(self._fb.CreateNumpyVector(np.asarray(values, np.int32)))

    def text(self, text: str) -> int:
        """A string."""
        return int(self._fb.CreateString(text))

    def offsets(self, offsets: Sequence[int]) -> int:
        """A vector of tables."""
        self._fb.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._fb.PrependUOffsetTRelative(offset)
        return int(self._fb.EndVector())

    def blob(self, content: bytes) -> int:
        """Bytes aligned to 16, as the schema asks of a tensor's data."""
        self._fb.StartVector(1, len(content), 16)
        self._fb.head = self._fb.head - len(content)
        self._fb.Bytes[self._fb.head : self._fb.head + len(content)] = content
        return int(self._fb.EndVector())

    def finish(self, fields: dict[str, Any]) -> bytes:
        """Write the root table and return the whole file."""
        self._fb.Finish(self.table("Model", fields), file_identifier=b"TFL3")
        return bytes(self._fb.Output())


if __name__ == "__main__":
    main()
