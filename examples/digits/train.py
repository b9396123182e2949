"""Train the digits example and write its .tflite files. See README.md beside this file.

    python3.11 -m venv ~/.cache/digits-venv
    ~/.cache/digits-venv/bin/pip install -r examples/digits/requirements.txt
    ~/.cache/digits-venv/bin/python examples/digits/train.py [--output DIR]

Needs TensorFlow in an environment of its own; hil itself does not depend on it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from pathlib import Path

# One thread and plain kernels: sums are then taken in one order and the files come out the same.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 2024
HELD_OUT = 360  # of 1,797 samples
EPOCHS = 60
BATCH = 32
CALIBRATION_SAMPLES = 256


def main() -> None:
    """Train, convert, measure, write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=Path(__file__).parent)
    output: Path = arguments.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    make_deterministic()
    x_train, x_test, y_train, y_test = load_split()
    model = train(build(), x_train, y_train)

    float_model = convert(model)
    int8_model = convert(model, calibration=x_train[:CALIBRATION_SAMPLES])
    x_int8 = quantize_input(int8_model, x_test)
    (output / "digits_float32.tflite").write_bytes(float_model)
    (output / "digits_int8.tflite").write_bytes(int8_model)
    np.savez_compressed(output / "digits_samples.npz", x=x_test, x_int8=x_int8, y=y_test)
    for name, content, x in (("float32", float_model, x_test), ("int8", int8_model, x_int8)):
        correct = int(np.sum(predict(content, x) == y_test))
        share = 100 * correct / len(y_test)
        print(f"{name}: {correct} of {len(y_test)} held-out samples correct ({share:.2f} %)")


def make_deterministic() -> None:
    """Fix seeds and the order of sums."""
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def load_split() -> list[np.ndarray]:
    """Return x_train, x_test (N, 8, 8, 1; 0 to 1), y_train, y_test; classes in equal shares."""
    digits = load_digits()
    x = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    y = digits.target.astype(np.uint8)
    return train_test_split(x, y, test_size=HELD_OUT, stratify=y, random_state=SEED)


def build() -> tf.keras.Model:
    """Two small stages; every op of the converted model is one that hil supports."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(32, 1, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(model: tf.keras.Model, x: np.ndarray, y: np.ndarray) -> tf.keras.Model:
    """Fit with a learning rate that falls to nothing."""
    steps = EPOCHS * -(-len(x) // BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(tf.keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def convert(model: tf.keras.Model, calibration: np.ndarray | None = None) -> bytes:
    """Return a .tflite with a batch of 1: float32, or int8 throughout when calibrated."""
    image = tf.keras.Input((8, 8, 1), batch_size=1, name="image")
    single = tf.keras.Sequential([image, *model.layers])
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[np.newaxis]] for x in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()):  # Keras lists every endpoint
        return converter.convert()


def interpreter(model: bytes) -> tf.lite.Interpreter:
    """Return an interpreter with the reference kernels."""
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_REF
    made = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    made.allocate_tensors()
    return made


def quantize_input(model: bytes, x: np.ndarray) -> np.ndarray:
    """Return ``x`` as the int8 model's input wants it."""
    scale, zero_point = interpreter(model).get_input_details()[0]["quantization"]
    return np.clip(np.round(x / scale) + zero_point, -128, 127).astype(np.int8)


def predict(model: bytes, x: np.ndarray) -> np.ndarray:
    """Return the class of each sample."""
    runner = interpreter(model)
    source, sink = runner.get_input_details()[0]["index"], runner.get_output_details()[0]["index"]
    classes = []
    for sample in x:
        runner.set_tensor(source, sample[np.newaxis])
        runner.invoke()
        classes.append(int(np.argmax(runner.get_tensor(sink))))
    return np.asarray(classes)


if __name__ == "__main__":
    main()
