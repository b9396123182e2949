"""The kinds of hostile input. A case of a kind is made from a seed, written to a file and read.

What reads a kind returns where it succeeds and raises ``HilError`` where it refuses; anything else
is a defect, as is a case that takes more than 20 s or 2 GiB.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hil import devices, published
from hil.engines.aot.engine import AotEngine
from hil.gate import exchange
from hil.store.documents import digest
from hil.sweep import study
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.fuzz import models
from tests.store.samples import rich_record
from tests.support.answer_parsers import PARSERS
from tests.tflite.samples import DIGITS, REPOSITORY

SECONDS, BYTES = 20, 2 << 30  # a case may take so much
_SMALL = 1 << 22  # bytes of tensors up to which the reference runs a model
WORDS = (
    *("0", "-1", "1e20", "1e400", "nan", "inf", '""', "true", "[]", "{}", "null", "[[]]", "é"),
    *("9" * 400, '"' + "x" * 3000 + '"', "-0", "0x10", "\0", "'", '"', "=", "\n[", "1979-05-27"),
)


def _model(stream: random.Random) -> bytes:
    return models.mutated(stream)


def _run_model(path: Path) -> None:
    model = Model.read(path)
    AotEngine().sources(model)
    if sum(tensor.nbytes for tensor in model.graph.tensors) <= _SMALL:
        Reference(model).run(make_inputs("random", model.graph, 1)[0])


ANSWERS = (
    "m-hil-info-[version=1,engine=e,model=0,ops=3,port=p,core=c,clock=1,counter=1,arena=1,"
    "build=00ff]",
    "m-hil-input-[0,0x20001000,64,1]",
    "m-hil-output-[0,0x20002000,64,1]",
    "m-hil-crc-[68,0badcafe]",
    "m-hil-infer-[68,0badcafe,0badcafe]",
    "m-hil-out-[0,0,00ff]",
    "m-hil-outcrc-[0,2,0badcafe]",
    "m-lap-us-1000",
    "m-lap-us-1025",
    "m-infer-done",
    "m-results-[0.5,1.5]",
    "m-hil-mem-[stack=264,stack_size=4096,heap=8,arena=144]",
    "m-hil-arena-[status=0,out_of_memory=0,used=1,persistent=1,nonpersistent=1,scratch=1]",
    "m-hil-arena-input-[0,16]",
    "m-hil-reset-[80]",
    "m-hil-cycles-[600]",
    "m-hil-op-[0,350]",
)


def _answer(stream: random.Random) -> bytes:
    lines = [*ANSWERS, *stream.choices(ANSWERS, k=2)]
    return f"{stream.randrange(len(PARSERS))}\n{_text(stream, chr(10).join(lines))}".encode(
        "ascii", "replace"
    )


def _run_answer(path: Path) -> None:
    number, *lines = path.read_text("ascii").split("\n")
    PARSERS[int(number)](lines)


def _profile(stream: random.Random) -> bytes:
    source = stream.choice(sorted((REPOSITORY / "device_profiles").glob("*.toml")))
    return _text(stream, source.read_text("utf-8")).encode("utf-8", "surrogatepass")


STUDY = """schema = 1
title = "t"
models = ["digits_*.tflite"]
schemes = ["int8", "float32"]
profiles = ["stm32l4", "nucleo-l452re@48MHz"]
engines = ["aot"]
baseline = "int8"

[inputs]
samples = 3

[calibration]
samples = "digits_samples.npz"

[[exclude]]
schemes = ["float32"]
"""


def _study(stream: random.Random) -> bytes:
    return _text(stream, STUDY).encode("utf-8", "surrogatepass")


def _baseline(stream: random.Random) -> bytes:
    """A baseline with values of its run changed, and signed again."""
    run = rich_record()
    text = exchange.dumps("main", [run])
    if stream.random() < 0.3:
        return _text(stream, text).encode("utf-8", "surrogatepass")
    document = json.loads(text)
    entry = document["runs"][0]
    for _ in range(stream.randint(1, 3)):
        _change(stream, entry["run"])
    try:
        entry["sha256"] = digest(entry["run"])
        return json.dumps(document).encode("utf-8", "surrogatepass")
    except ValueError:
        return b"{}"


def _dataset(stream: random.Random) -> bytes:
    if stream.random() < 0.5:
        return _bytes(stream, (DIGITS / "digits_samples.npz").read_bytes())
    content = io.BytesIO()
    shapes = ((3, 8, 8, 1), (3, 64), (0, 8, 8, 1), (3,), (), (3, 8, 8, 2), (1, 3, 8, 8, 1))
    dtype = stream.choice(("int8", "float32", "float64", "U3", "bool", "complex64", "int64"))
    array = np.zeros(stream.choice(shapes), dtype)
    np.savez(content, x=array, y=array.ravel()[: stream.randrange(4)])
    return content.getvalue()


def _run_dataset(path: Path) -> None:
    make_inputs(str(path), Model.read(DIGITS / "digits_int8.tflite").graph)


def _table(stream: random.Random) -> bytes:
    source = REPOSITORY / "reports" / "published" / "mlperf_tiny.csv"
    return _bytes(stream, b"".join(source.read_bytes().splitlines(keepends=True)[:20]))


def _ignored(call: Callable[[Path], object]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        call(path)

    return run


#: Makes a case, the end of its file's name, and what reads it.
KINDS: dict[str, tuple[Callable[[random.Random], bytes], str, Callable[[Path], None]]] = {
    "model": (_model, ".tflite", _run_model),
    "answer": (_answer, ".txt", _run_answer),
    "profile": (_profile, ".toml", _ignored(lambda path: devices.load(str(path)))),
    "study": (_study, ".toml", _ignored(study.load)),
    "baseline": (_baseline, ".json", _ignored(exchange.read)),
    "dataset": (_dataset, ".npz", _run_dataset),
    "table": (_table, ".csv", _ignored(published.read_results)),
}


def _text(stream: random.Random, text: str) -> str:
    """Some tokens of a text replaced, lines doubled, removed or cut."""
    lines = text.split("\n")
    for _ in range(stream.randint(1, 3)):
        at = stream.randrange(len(lines))
        kind = stream.randrange(5)
        if kind == 0:
            del lines[at : at + stream.randint(1, 2)]
            lines = lines or [""]
        elif kind == 1:
            lines.insert(at, stream.choice(lines))
        elif kind == 2:
            place = stream.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + stream.choice(WORDS) + lines[at][place:]
        elif kind == 3:
            lines[at] = lines[at][: stream.randrange(len(lines[at]) + 1)]
        else:
            for mark in ("=", ",", "[", ":"):
                before, found, _ = lines[at].partition(mark)
                if found:
                    lines[at] = f"{before}{found} {stream.choice(WORDS)}"
                    break
    return "\n".join(lines)


def _bytes(stream: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(stream.randint(1, 4)):
        at = stream.randrange(len(data))
        data[at] = stream.choice((0, 1, 0x7F, 0x80, 0xFF, stream.randrange(256)))
    return bytes(data[: stream.randrange(len(data))] if stream.random() < 0.1 else data)


def _change(stream: random.Random, value: dict[str, object] | list[object]) -> None:
    """Replace a value somewhere in a document."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = stream.choice(keys)
    inner = value[key]  # type: ignore[index]
    if isinstance(inner, dict | list) and inner and stream.random() < 0.8:
        _change(stream, inner)
        return
    choices = (1e20, -1, "", "x" * 3000, None, [], {}, True, "2026-13-45", "NaN", 10**400, 0.5)
    value[key] = stream.choice(choices)  # type: ignore[index]
