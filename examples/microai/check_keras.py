"""Compare generate.py's models with what TensorFlow's converter makes of the Keras form.

    python3.11 -m venv ~/.cache/microai-venv
    ~/.cache/microai-venv/bin/pip install tensorflow==2.21.0 tflite
    PYTHONPATH=. ~/.cache/microai-venv/bin/python examples/microai/check_keras.py

The same weights go into a Keras model; the converted file must have the same ops in an equivalent
order, the same options, the same constants, and give the same outputs. TensorFlow lives in an
environment of its own and is no dependency of hil.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import generate
import numpy as np
import tensorflow as tf
from hil.tflite.graph import Graph
from hil.tflite.reader import parse_model
from tensorflow import keras

layers = keras.layers


def keras_form(f: int) -> keras.Model:
    """ResNetv1-6 in Keras; layers are named like generate.py's ops."""

    def conv(name: str, x: object, kernel: int) -> object:
        return layers.Conv1D(f, kernel, padding="same" if kernel > 1 else "valid", name=name)(x)

    def relu(x: object) -> object:
        return layers.Activation("relu")(x)

    inputs = layers.Input((generate.STEPS, generate.SIGNALS), batch_size=1)
    x = relu(conv("conv", inputs, 3))
    y = relu(layers.MaxPooling1D(2)(conv("block1_conv1", x, 3)))
    y = conv("block1_conv2", y, 3)
    x = layers.Add()([y, layers.MaxPooling1D(2)(conv("block1_shortcut", x, 1))])
    x = relu(x)
    y = conv("block2_conv2", relu(conv("block2_conv1", x, 3)), 3)
    x = relu(layers.Add()([y, x]))
    x = layers.Flatten()(layers.MaxPooling1D(generate.STEPS // 2)(x))
    return keras.Model(inputs, layers.Dense(generate.CLASSES, name="classes")(x))


def take_weights(model: keras.Model, ours: Graph) -> None:
    """Give every layer the constants of the op of its name; TensorFlow Lite has outputs first."""
    constants = {t.name: t.data for t in ours.tensors if t.data is not None}
    for layer in model.layers:
        if layer.weights:
            name = layer.name.replace("_", "/", 1) if "block" in layer.name else layer.name
            weights = constants[f"{name}/weights"]
            kernel = weights.T if weights.ndim == 2 else weights[:, 0].transpose(1, 2, 0)
            layer.set_weights([kernel, constants[f"{name}/bias"]])


def form(graph: Graph) -> list[tuple[object, ...]]:
    """Every op with its version, options, shapes and constants, in an order of its own."""

    def tensor(index: int) -> tuple[object, ...]:
        if index < 0:
            return ()
        t = graph.tensors[index]
        return (t.shape, t.dtype, None if t.data is None else t.data.tobytes())

    rows = [
        (
            op.name,
            op.version,
            tuple(sorted((k, str(v)) for k, v in op.options.items())),
            tuple(sorted(map(str, map(tensor, op.inputs)))),
            tuple(map(tensor, op.outputs)),
        )
        for op in graph.ops
    ]
    return sorted(rows, key=str)


def main() -> None:
    """Compare all widths; an assertion fails where they differ."""
    sample = generate.calibration_samples()[:1]
    for f in generate.FILTERS:
        ours = generate.tflite_bytes(f)
        model = keras_form(f)
        assert model.count_params() == generate.parameters(f)
        take_weights(model, parse_model(ours, "ours"))
        converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        mine, theirs = form(parse_model(ours, "ours")), form(parse_model(converted, "keras"))
        for a, b in zip(mine, theirs, strict=True):
            assert a == b, f"f={f}:\n{a}\n{b}"
        assert np.array_equal(outputs(ours, sample), outputs(converted, sample))
        print(f"f={f}: {len(mine)} ops, options, constants and outputs are the same")


def outputs(model: bytes, sample: np.ndarray) -> np.ndarray:
    """Run one sample with TensorFlow Lite's reference kernels."""
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


if __name__ == "__main__":
    main()
