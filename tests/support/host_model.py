"""Run what the aot engine generates on the host: gcc, a shared library, ctypes.

Kernels are compiled once for all test processes and linked with each model, which costs little
more than one run of gcc over a short file. With ``sanitize=True`` undefined behaviour and accesses
outside of objects abort the process (UBSan in trap mode) instead of giving a number.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hil import files
from hil.bench.outputs import difference
from hil.engines.registry import engine
from hil.records import Array, EngineSources
from hil.resources import cache_dir, data_dir
from hil.tflite.graph import Graph, Tensor
from hil.tflite.model import Model
from hil.tflite.reference import Reference

FLOAT_TOLERANCE = 1e-5  # max |a - b| / max |b| over a tensor, as hil_aot.h states
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wcast-qual", "-Werror")
_PLAIN = ("-O1", "-fPIC")
_SANITIZE = (
    "-O1",
    "-fPIC",
    "-fsanitize=undefined,bounds-strict",
    "-fsanitize-undefined-trap-on-error",
)
_NUMPY_OF_HIL = (np.float32, np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_)
_STUBS = """
#include <stdint.h>
#include "hil_model.h"
int32_t host_marks[65536];
int32_t host_mark_count;
static void mark(int32_t value) {
    if (host_mark_count < 65536) { host_marks[host_mark_count] = value; host_mark_count++; }
}
void hil_op_begin(uint32_t index) { mark((int32_t)index + 1); }
void hil_op_end(uint32_t index) { mark(-(int32_t)index - 1); }
"""


class _Io(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_uint32),
        ("dtype", ctypes.c_uint8),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
    ]


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hil-host-model-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


_serial = itertools.count()


def _gcc(*arguments: str | Path) -> None:
    done = subprocess.run(["gcc", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"gcc {' '.join(map(str, arguments))}\n{done.stderr}")


@functools.cache
def _kernel_object(kernel: str, include_dirs: tuple[str, ...], flags: tuple[str, ...]) -> Path:
    source = data_dir("firmware_stubs") / kernel
    key = files.digest([*_headers(include_dirs), (repr(flags), source.read_bytes())])
    target = cache_dir() / "host-kernels" / f"{key}.o"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(target) as new:
            _gcc("-c", *WARNINGS, *flags, *_includes(include_dirs), source, "-o", new)
    return target


@functools.cache
def _headers(include_dirs: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    stubs = data_dir("firmware_stubs")
    return tuple(header for name in include_dirs for header in files.below(stubs / name, "**/*.h"))


@functools.cache
def _stub_object(include_dirs: tuple[str, ...]) -> Path:
    source = _folder() / "stubs.c"
    source.write_text(_STUBS)
    target = source.with_suffix(".o")
    _gcc("-c", "-O1", "-fPIC", *_includes(include_dirs), source, "-o", target)
    return target


def _includes(include_dirs: Sequence[str]) -> list[str]:
    return [f"-I{data_dir('firmware_stubs') / name}" for name in include_dirs]


class HostModel:
    """A generated model, compiled and loaded; :meth:`run` is one inference."""

    def __init__(self, sources: EngineSources, graph: Graph, *, sanitize: bool = False) -> None:
        self._graph = graph
        self.library = ctypes.CDLL(str(_link(sources, _SANITIZE if sanitize else _PLAIN)))
        assert self.library.hil_model_init() == 0

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """One inference. The arena is filled with a pattern first: nothing may depend on it."""
        size = ctypes.c_uint32.in_dll(self.library, "hil_arena_bytes").value
        arena = ctypes.c_void_p.in_dll(self.library, "hil_arena").value
        assert arena is not None
        assert arena % 16 == 0
        ctypes.memset(arena, 0xA5, size)
        for io, tensor, array in zip(
            self._ios("input"), self._tensors(self._graph.inputs), inputs, strict=True
        ):
            _check_io(io, tensor)
            data = np.ascontiguousarray(array, dtype=tensor.dtype).tobytes()
            assert len(data) == tensor.nbytes
            ctypes.memmove(io.data, data, len(data))
        ctypes.c_int32.in_dll(self.library, "host_mark_count").value = 0
        assert self.library.hil_model_invoke() == 0
        return tuple(
            _read(io, tensor)
            for io, tensor in zip(
                self._ios("output"), self._tensors(self._graph.outputs), strict=True
            )
        )

    @property
    def marks(self) -> list[int]:
        """Marks of the last inference: i + 1 for op i's begin, -(i + 1) for its end."""
        count = ctypes.c_int32.in_dll(self.library, "host_mark_count").value
        return list((ctypes.c_int32 * count).in_dll(self.library, "host_marks"))

    def _ios(self, kind: str) -> list[_Io]:
        count = ctypes.c_uint8.in_dll(self.library, f"hil_{kind}_count").value
        return list((_Io * count).in_dll(self.library, f"hil_{kind}s"))

    def _tensors(self, indices: Sequence[int]) -> list[Tensor]:
        return [self._graph.tensors[i] for i in indices]


def _link(sources: EngineSources, flags: tuple[str, ...]) -> Path:
    folder = _folder() / f"model{next(_serial)}"
    folder.mkdir()
    for name, text in sources.files.items():
        (folder / name).write_text(text)
    objects = [_kernel_object(k, sources.include_dirs, flags) for k in sources.kernels]
    generated = [folder / name for name in sources.files if name.endswith(".c")]
    library = folder / "model.so"
    _gcc(
        "-shared",
        *WARNINGS,
        *("-O0", *flags[1:]),
        *_includes(sources.include_dirs),
        *generated,
        *objects,
        _stub_object(sources.include_dirs),
        "-lm",
        "-o",
        library,
    )
    return library


def _check_io(io: _Io, tensor: Tensor) -> None:
    assert io.bytes == tensor.nbytes
    assert np.dtype(_NUMPY_OF_HIL[io.dtype]) == np.dtype(tensor.dtype)


def _read(io: _Io, tensor: Tensor) -> Array:
    _check_io(io, tensor)
    data = ctypes.string_at(io.data, io.bytes)
    return np.frombuffer(data, dtype=tensor.dtype).reshape(tensor.shape)


def host_model(model: bytes, *, sanitize: bool = False) -> HostModel:
    """Parse, generate, compile and load a .tflite."""
    parsed = Model.parse(model, "test")
    return HostModel(engine("aot").sources(parsed), parsed.graph, sanitize=sanitize)


def random_inputs(graph: Graph, rng: np.random.Generator) -> list[Array]:
    """One random array per input: the full range of integers, floats around [-3, 3]."""
    return [_random(graph.tensors[i], rng) for i in graph.inputs]


def _random(tensor: Tensor, rng: np.random.Generator) -> Array:
    dtype = np.dtype(tensor.dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, tensor.shape).astype(np.bool_)
    if dtype.kind == "f":
        return rng.normal(0.0, 1.5, tensor.shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, tensor.shape, dtype=dtype, endpoint=True)


def extreme_inputs(graph: Graph) -> list[list[Array]]:
    """All inputs at the lowest and at the highest integer; -8, 0 and 8 for float32."""
    tensors = [graph.tensors[i] for i in graph.inputs]
    levels: list[list[Array]] = []
    for level in (0, 1, 2):
        arrays = []
        for tensor in tensors:
            dtype = np.dtype(tensor.dtype)
            if dtype.kind in "fb":
                value: float = (-8.0, 0.0, 8.0)[level]
            else:
                value = (np.iinfo(dtype).min, 0, np.iinfo(dtype).max)[level]
            arrays.append(np.full(tensor.shape, value, dtype=dtype))
        levels.append(arrays)
    return levels


def assert_matches_reference(
    model: bytes, n_random: int = 3, *, seed: int = 0, sanitize: bool = False
) -> HostModel:
    """Compare the generated C with TFLite's reference kernels on random and extreme inputs.

    Integers must be equal bit for bit. float32 must satisfy max |a - b| <= 1e-5 * max |b|, both
    maxima over the output tensor (``hil.bench.outputs.difference``). Returns the compiled model.
    """
    parsed = Model.parse(model, "test")
    graph = parsed.graph
    host = HostModel(engine("aot").sources(parsed), graph, sanitize=sanitize)
    reference = Reference(parsed)
    rng = np.random.default_rng(seed)
    batches = [random_inputs(graph, rng) for _ in range(n_random)] + extreme_inputs(graph)
    for number, inputs in enumerate(batches):
        for i, (got, want) in enumerate(zip(host.run(inputs), reference.run(inputs), strict=True)):
            assert_close(got, want, f"input set {number}, output {i}")
    assert host.marks == [m for i in range(len(graph.ops)) for m in (i + 1, -i - 1)]
    return host


def assert_close(got: Array, want: Array, where: str) -> None:
    """Equal integers; float32 within the tolerance of the contract."""
    absolute, relative = difference(got, want)
    limit = FLOAT_TOLERANCE if want.dtype.kind == "f" else 0.0
    if relative > limit:
        wrong = np.argwhere(got.astype(np.float64) != want.astype(np.float64))
        first = tuple(int(x) for x in wrong[0]) if len(wrong) else ()
        raise AssertionError(
            f"{where}: {len(wrong)} of {want.size} differ, by {absolute} at most "
            f"({relative:.3g} relative); first at {first}: {got[first]} instead of {want[first]}"
        )
