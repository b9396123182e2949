"""TensorFlow Lite Micro's arena on this computer, by PyPI's ``tflite-micro`` (extra tflm-host).

The wheel runs TFLM's reference kernels and reports memory only by printing (its
``RecordingMicroAllocator``), and a model may end the process: so it runs in a process of its own.
Pointers have 64 bits here: structures of TFLM are larger than on a microcontroller, tensors are
not. The names of the figures say that they are not a device's.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from hil import children, files
from hil.errors import MissingTool, RunFailed, UnsupportedModel
from hil.records import Measurement
from hil.tflite.model import Model

PACKAGE = "tflite-micro"
WHERE = "host, 64-bit pointers"
_MODULE = "tflite_micro"
_TIMEOUT_S = 120
_SCRIPT = """
import sys
from tflite_micro import runtime
with open(sys.argv[1], "rb") as file:
    data = file.read()
runtime.Interpreter.from_bytes(data, arena_size=int(sys.argv[2])).print_allocations()
"""
_TOTAL = re.compile(
    r"^\[RecordingMicroAllocator\] Arena allocation (\w+) (\d+) bytes", re.MULTILINE
)
_PART = re.compile(
    r"^\[RecordingMicroAllocator\] '([^']+)' used (\d+) bytes with alignment overhead "
    r"\(requested \d+ bytes for (\d+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Part:
    """What one kind of TFLM's records takes of the arena, in bytes; ``count`` of them."""

    name: str
    used_bytes: int
    count: int


@dataclass(frozen=True)
class HostArena:
    """TFLM's arena on this computer, in bytes.

    ``nonpersistent_bytes`` (TFLM's "head") holds activations and scratch, planned by lifetimes;
    ``persistent_bytes`` (its "tail") holds what lives as long as the interpreter, ``parts`` among
    it.
    """

    version: str
    total_bytes: int
    nonpersistent_bytes: int
    persistent_bytes: int
    parts: tuple[Part, ...]

    @property
    def figures(self) -> Mapping[str, Measurement]:
        """The figures under names that no device's figures have."""
        sizes = {
            "host64_arena_bytes": self.total_bytes,
            "host64_arena_nonpersistent_bytes": self.nonpersistent_bytes,
            "host64_arena_persistent_bytes": self.persistent_bytes,
        }
        source = f"{PACKAGE} {self.version}, recording allocator; {WHERE}"
        return {
            name: Measurement(name, size, "bytes", "static", 0.0, source=source)
            for name, size in sizes.items()
        }


def version() -> str:
    """Return the wheel's version.

    Raises:
        MissingTool: it is not installed.
    """
    if importlib.util.find_spec(_MODULE) is None:
        raise MissingTool(
            f"TensorFlow Lite Micro for this computer ({PACKAGE}) is not installed",
            hint="pip install 'hil[tflm-host]' (Linux on x86-64, Python 3.11 to 3.14)",
        )
    return metadata.version(PACKAGE)


def arena(model: Model) -> HostArena:
    """Let TFLM allocate the model and return what that took.

    Raises:
        MissingTool: the wheel is not installed.
        UnsupportedModel: TFLM refuses the model; the message is TFLM's.
        RunFailed: it crashed, hung, or printed something else than expected.
    """
    installed = version()
    with files.temporary_folder("tflm") as folder:
        path = folder / "model.tflite"
        path.write_bytes(model.content)
        printed = _allocate(path, _generous_bytes(model))
    return parse(printed, installed)


def parse(printed: str, installed: str) -> HostArena:
    """Read what ``print_allocations`` printed.

    Raises:
        RunFailed: the sums are missing, or do not add up.
    """
    sizes = {name: int(size) for name, size in _TOTAL.findall(printed)}
    if not {"total", "head", "tail"} <= set(sizes) or sizes["total"] != (
        sizes["head"] + sizes["tail"]
    ):
        raise RunFailed(
            f"{PACKAGE} {installed} printed no allocations that add up",
            hint=f"another version may print otherwise: pip install -U --pre {PACKAGE}",
        )
    parts = (Part(name, int(used), int(n)) for name, used, n in _PART.findall(printed))
    return HostArena(installed, sizes["total"], sizes["head"], sizes["tail"], tuple(parts))


def _generous_bytes(model: Model) -> int:
    """A size that is large enough: every activation at once, and space for the rest.

    A multiple of 16, so that aligning its end costs nothing that a smaller arena would not pay.
    """
    activations = sum(t.nbytes for t in model.graph.tensors if not t.is_constant)
    return (2 * activations + 10 * model.size_bytes + (1 << 22)) // 16 * 16


def _allocate(path: Path, arena_bytes: int) -> str:
    command = [sys.executable, "-c", _SCRIPT, str(path), str(arena_bytes)]
    try:
        done = children.run(command, timeout_s=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise RunFailed(
            f"TensorFlow Lite Micro did not allocate the model in {_TIMEOUT_S} s",
            hint="the model may be damaged: `hil model inspect` shows it",
        ) from error
    if done.returncode < 0:
        how = children.how_it_ended(done.returncode)
        raise RunFailed(
            f"TensorFlow Lite Micro ended with {how} on this model",
            hint="the model may be damaged: `hil model inspect` shows it",
        )
    if done.returncode:
        raise UnsupportedModel(
            f"TensorFlow Lite Micro refuses the model: {_reason(done.stderr)}",
            hint="`hil model inspect` lists its ops; the aot engine may support them: --engine aot",
        )
    return done.stderr


def _reason(stderr: str) -> str:
    """TFLM's own lines, which come before Python's traceback, else the exception."""
    lines = [line.strip() for line in stderr.split("Traceback", 1)[0].splitlines()]
    text = "; ".join(line for line in lines if line)
    return text[:300] or (stderr.strip().splitlines() or ["it does not say why"])[-1][:300]
