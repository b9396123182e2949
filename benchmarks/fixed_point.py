"""Accuracy of q8 and q16 on the host, per layer and with one format for the network.

    .venv/bin/python benchmarks/fixed_point.py [--models ../shared/models] [--samples 100]

Prints Markdown: top-1 of the digits example on its 360 labelled samples (also the calibration's),
how near the MLPerf Tiny float models' outputs come (ad: standard normal inputs; ic and vww: images
of 36 random patches over the pixels' range; calibrated on one seed, evaluated on another), and what
one inference of the host's references takes. Only the last column depends on the machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from hil.quantization.fixed_point import quantize_fixed_point
from hil.quantization.ranges import calibrate
from hil.tflite.graph import Graph
from hil.tflite.host_reference import HostReference, reference_for
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model

PIXELS = {"ic_float32": 255.0, "vww_float32": 1.0}  # the ranges that they were trained with
PATCHES = 6  # a side
ROOT = Path(__file__).resolve().parent.parent
DIGITS = ROOT / "examples" / "digits"
FORMATS = {"q16": (None, "Q4.12", "Q7.9", "Q9.7"), "q8": (None, "Q4.4", "Q3.5", "Q2.6", "Q1.7")}


def reference(data: bytes) -> HostReference:
    return reference_for(Model.parse(data, "m"))


def digits() -> None:
    model, samples = Model.read(DIGITS / "digits_float32.tflite"), DIGITS / "digits_samples.npz"
    graph = model.graph
    inputs, labels = make_inputs(str(samples), graph), np.load(samples)["y"]
    ranges = calibrate(model, inputs)

    def correct(content: bytes) -> str:
        runs = reference(content)
        classes = np.array([runs.run(sample)[0].argmax() for sample in inputs])
        right = int(np.sum(classes == labels))
        return f"{right} of {len(labels)} | {100 * right / len(labels):.2f} %"

    print("| digits | format | correct | top-1 |\n|---|---|---|---|")
    print(f"| float32 | | {correct(model.content)} |")
    for scheme, formats in FORMATS.items():
        for q_format in formats:
            made = quantize_fixed_point(graph, ranges, scheme, q_format=q_format, io="float32")  # type: ignore[arg-type]
            print(f"| {scheme} | {q_format or 'per layer'} | {correct(made)} |")


def mlperf(models: Path, count: int) -> None:
    print("\n| model | scheme | method | SQNR | same top-1 | file bytes | ms an inference |")
    print("|---|---|---|---|---|---|---|")
    for name in ("ad_float32", "ic_float32", "vww_float32"):
        model = Model.read(models / f"{name}.tflite")
        graph = model.graph
        held_out = samples(graph, count, 2)
        want = outputs(model.content, held_out)
        ms = milliseconds(model.content, held_out)
        print(f"| {name} | float32 | | | | {model.size_bytes:,} | {ms:.1f} |")
        for method in ("minmax", "percentile:99.9"):
            ranges = calibrate(model, samples(graph, count, 1), method)
            for scheme in ("q16", "q8"):
                made = quantize_fixed_point(graph, ranges, scheme, io="float32")
                got = outputs(made, held_out)
                same = np.mean(got.argmax(axis=1) == want.argmax(axis=1))
                sqnr = 10 * np.log10(np.sum(want**2) / np.sum((got - want) ** 2))
                top1 = "" if name.startswith("ad") else f"{100 * same:.0f} %"
                print(
                    f"| {name} | {scheme} | {method} | {sqnr:.1f} dB | {top1} | {len(made):,} "
                    f"| {milliseconds(made, held_out):.1f} |"
                )


def samples(graph: Graph, count: int, seed: int) -> list[Any]:
    if graph.name not in PIXELS:
        return make_inputs(f"normal:{seed}", graph, count)
    rng = np.random.default_rng(seed)
    shape = graph.tensors[graph.inputs[0]].shape
    size = -(-shape[1] // PATCHES)
    made = []
    for _ in range(count):
        image = np.kron(rng.random((1, PATCHES, PATCHES, 3)), np.ones((1, size, size, 1)))
        scaled = PIXELS[graph.name] * image[:, : shape[1], : shape[2]]
        made.append((np.ascontiguousarray(scaled, np.float32),))
    return made


def outputs(content: bytes, inputs: list[Any]) -> Any:
    runs = reference(content)
    return np.array([runs.run(sample)[0].ravel().astype(float) for sample in inputs])


def milliseconds(content: bytes, inputs: list[Any]) -> float:
    runs = reference(content)
    runs.run(inputs[0])
    start = time.perf_counter()
    for sample in inputs[:20]:
        runs.run(sample)
    return 1e3 * (time.perf_counter() - start) / len(inputs[:20])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--samples", type=int, default=100)
    args = parser.parse_args()
    digits()
    mlperf(args.models, args.samples)


if __name__ == "__main__":
    main()
