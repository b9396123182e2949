"""int8 by hil against MLPerf Tiny's int8 reference models: which is closer to the float model?

    .venv/bin/python benchmarks/quantization.py ../shared/models [--held-out N]

For image classification (ic) and visual wake words (vww), each with 100 calibration samples of
three kinds: standard normal numbers; uniform noise over the range of image pixels; smooth random
images over that range. Printed is the agreement of both int8 models with the float model on the
same held-out samples, each fed in its own input quantization: the share with the same top-1 class,
and SQNR and cosine similarity of the outputs. It runs on the host.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from hil.quantization import quantize
from hil.quantization.calibration_data import load
from hil.quantization.quality import compare as compare_models
from hil.records import Agreement, Array, VariantRequest
from hil.tflite.model import Model

CALIBRATION = 100
PIXELS = {"ic": 255.0, "vww": 1.0}  # the ranges that the reference models were trained with
KINDS = ("normal", "noise", "smooth")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("models", type=Path)
    options.add_argument("--held-out", type=int, default=100)
    arguments = options.parse_args()
    print(f"{CALIBRATION} calibration samples, {arguments.held_out} held-out ones")
    print("model  samples  int8 by     same top-1   SQNR dB   cosine")
    for name in PIXELS:
        for kind in KINDS:
            ours, given = compare(arguments.models, name, kind, arguments.held_out)
            for who, a in (("hil", ours), ("MLPerf", given)):
                assert a.top1 is not None
                row = f"{name:6} {kind:8} {who:10} {a.top1:10.1%} {a.sqnr_db:9.1f} {a.cosine:9.5f}"
                print(row, flush=True)


def compare(models: Path, name: str, kind: str, held_out: int) -> tuple[Agreement, Agreement]:
    """Agreement with the float model on held-out samples: of our int8 model, of the given one."""
    parent = Model.read(models / f"{name}_float32.tflite")
    given = Model.read(models / f"{name}_int8.tflite")
    graph = parent.graph
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for part, seed, count in (("calibration", 0, CALIBRATION), ("held-out", 1, held_out)):
            files.append(Path(folder) / f"{part}.npy")
            (shape,) = {graph.tensors[index].shape for index in graph.inputs}
            np.save(files[-1], samples(kind, count, shape, PIXELS[name], seed))
        request = VariantRequest("int8", str(files[0]), held_out=str(files[1]))
        made = quantize(parent, request)
        data = load(request, graph)
    _, agreements = compare_models(parent, given, data)
    return made.variant.agreements[-1], agreements[-1]


def samples(kind: str, count: int, shape: tuple[int, ...], top: float, seed: int) -> Array:
    """``count`` inputs of ``shape`` (1, height, width, channels) as float32."""
    whole = int(np.prod(shape))
    if kind == "smooth":
        return smooth(count, shape, top, seed)
    words = np.random.PCG64(seed).random_raw(count * whole).reshape(count, *shape)
    if kind == "noise":
        return ((words >> np.uint64(40)).astype(np.float64) / 2**24 * top).astype(np.float32)
    from hil.tflite import normal

    numbers: Array = normal.from_bits(words).astype(np.float32)
    return numbers


def smooth(count: int, shape: tuple[int, ...], top: float, seed: int) -> Array:
    """Images of a few soft blobs of random place, size and colour on a coloured ground."""
    _, height, width, channels = shape
    generator = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    images = np.empty((count, *shape), np.float32)
    for image in images[:, 0]:
        image[:] = generator.random(channels)
        for _ in range(8):
            cy, cx, size = generator.random(3)
            blob = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * (0.05 + 0.25 * size) ** 2))
            image += blob[..., None] * (generator.random(channels) - 0.5) * 2
    return (np.clip(images, 0, 1) * top).astype(np.float32)


if __name__ == "__main__":
    main()
