"""A scripted device for a task of MLPerf Tiny: answers as its firmware does, with its own clock."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
from hil.mlperf.data import model_input
from hil.mlperf_tasks import MlperfTask
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model

from tests.support.fake_dut import FakeDut

INPUT, OUTPUT = 0x2000_1000, 0x2000_8000
_DTYPES = {"float32": 0, "int8": 1}
_LINE = 32


class MlperfDut(FakeDut):
    """One inference takes what ``latency_us`` says of its number, and no real time.

    Outputs are those of TensorFlow Lite; ``wrong`` adds 1 to the first value of each. ``infers``
    are the commands that came, ``chunks`` the sizes of the loads' parts.
    """

    def __init__(
        self,
        model: Model,
        task: MlperfTask,
        *,
        latency_us: Callable[[int], float] = lambda number: 100_000.0,
        build: str = "",
        clock_hz: int = 80_000_000,
        model_id: str | None = None,
        wrong: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.task = model, task
        self.infers: list[tuple[int, int]] = []
        self.chunks: set[int] = set()
        self._latency_us, self._build, self._clock_hz = latency_us, build, clock_hz
        self._id = model_id or task.model_id
        self._wrong = wrong
        self.stop_after: int | None = None  # inferences, after which it is silent
        self._now_us = 1_000.0
        self._number = 0
        self._sent = bytearray()
        self._output = b""
        self._reference = reference_for(model)

    def _carry_out(self, command: str) -> bytes:
        if self.stop_after is not None and len(self.infers) >= self.stop_after:
            return b""
        return super()._carry_out(command)

    def _answer(self, name: str, command: str) -> list[str]:
        handlers: dict[str, Callable[[str], list[str]]] = {
            "profile": lambda _: ["m-profile-[scripted]", f"m-model-[{self._id}]"],
            "hil-info": self._info,
            "db": self._db,
            "infer": self._infer,
            "hil-crc": lambda _: [f"m-hil-crc-[{len(self._sent)},{crc32(self._sent):08x}]"],
            "hil-out": self._out,
            "": lambda _: [],
        }
        if name not in handlers:
            return [f"e-[unknown-command {name}]"]
        return handlers[name](command[len(name) + 1 :])

    def _info(self, _: str) -> list[str]:
        [given], [made] = self.model.graph.input_tensors, self.model.graph.output_tensors
        return [
            f"m-hil-info-[version=1,engine=aot,model={self.model.sha256[:16]},ops=1,port=scripted,"
            f"core=cortex-m4f,clock={self._clock_hz},counter=1,arena=1000,build={self._build}]",
            f"m-hil-input-[0,0x{INPUT:08x},{given.nbytes},{_DTYPES[given.dtype]}]",
            f"m-hil-output-[0,0x{OUTPUT:08x},{made.nbytes},{_DTYPES[made.dtype]}]",
        ]

    def _db(self, arguments: str) -> list[str]:
        if arguments.startswith("load "):
            self._sent.clear()
            right = int(arguments[5:]) == self.task.sent_bytes
            return [] if right else [f"e-[db-size expected {self.task.sent_bytes}]"]
        data = bytes.fromhex(arguments)
        self.chunks.add(len(data))
        self._sent += data
        return ["m-load-done"] if len(self._sent) == self.task.sent_bytes else []

    def _infer(self, arguments: str) -> list[str]:
        runs, warmups = (int(word) for word in arguments.split())
        self.infers.append((runs, warmups))
        started = self._now_us
        # one latency a command: counts are large
        self._now_us += runs * self._latency_us(self._number)
        self._number += 1
        tensor = self.model.graph.input_tensors[0]
        [output] = self._reference.run((model_input(self.task, tensor, bytes(self._sent)),))
        if self._wrong:
            output = output.copy()
            output.reshape(-1)[0] += 1
        self._output = output.tobytes()
        return [
            f"m-warmup-start-{warmups}",
            "m-warmup-done",
            f"m-infer-start-{runs}",
            f"m-lap-us-{int(started)}",
            f"m-lap-us-{int(self._now_us)}",
            "m-infer-done",
            "m-results-[" + ",".join(f"{value:.3f}" for value in self._results(output)) + "]",
        ]

    def _results(self, output: np.ndarray) -> list[float]:
        [made] = self.model.graph.output_tensors
        real = output.reshape(-1).astype(np.float64)
        if made.quantization is not None:
            zero = int(made.quantization.zero_point[0])
            real = float(made.quantization.scale[0]) * (real - zero)
        if self.task.scored:
            sent = np.frombuffer(bytes(self._sent), "<f4")
            return [float(np.mean((real - sent) ** 2))]
        return [float(value) for value in real]

    def _out(self, arguments: str) -> list[str]:
        data = self._output
        lines = [
            f"m-hil-out-[0,{at},{data[at : at + _LINE].hex()}]" for at in range(0, len(data), _LINE)
        ]
        return [*lines, f"m-hil-outcrc-[0,{len(data)},{crc32(data):08x}]"]
