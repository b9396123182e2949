"""A process of its own in which TensorFlow Lite's interpreter runs models; see ``interpreter``.

Run as a script, with nothing of hil, so that it starts fast. A request or an answer is the length
of its header (4 bytes, little-endian), the header in JSON, and the bytes of the arrays that the
header lists. Requests come on stdin, answers go to what is stdout at the start.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import struct
import threading
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

MEMORY_BYTES = 3 * 2**29  # 1.5 GiB for a model and its tensors
_LENGTH = struct.Struct("<I")
_REFUSALS = (ValueError, RuntimeError, TypeError, MemoryError)
_REQUESTS, _ANSWERS, _LOG = 0, 1, 2


def send(stream: IO[bytes], header: dict[str, Any], arrays: Sequence[Any] = ()) -> None:
    """Write a message.

    Raises:
        OSError: nobody reads any more.
    """
    listed = [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays]
    text = json.dumps({**header, "arrays": listed}).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data if array.size else b"")
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], list[Any]]:
    """Read a message.

    Raises:
        EOFError: the other side has ended.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    header: dict[str, Any] = json.loads(_exactly(stream, length))
    arrays = []
    for listed in header.pop("arrays"):
        dtype, shape = np.dtype(listed["dtype"]), tuple(listed["shape"])
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        arrays.append(np.frombuffer(bytearray(_exactly(stream, count)), dtype).reshape(shape))
    return header, arrays


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise EOFError
    return content


class _Model:
    """An interpreter for one model; ``kernels`` names the resolver that has its ops' kernels."""

    def __init__(self, header: dict[str, Any], content: bytes) -> None:
        module: Any = importlib.import_module(header["module"])
        self._interpreter = module.Interpreter(
            model_content=content,
            num_threads=header["threads"],
            experimental_op_resolver_type=module.OpResolverType[header["kernels"]],
            experimental_preserve_all_tensors=header["keep_all"],
        )
        self._interpreter.allocate_tensors()
        self._inputs = [one["index"] for one in self._interpreter.get_input_details()]
        outputs = [one["index"] for one in self._interpreter.get_output_details()]
        self._outputs = outputs[: header["outputs"]]
        self._known = {one["index"] for one in self._interpreter.get_tensor_details()}

    def run(self, header: dict[str, Any], inputs: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        if header["reset"]:
            self._interpreter.reset_all_variables()
        for index, array in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(index, array)
        self._interpreter.invoke()
        wanted = [index for index in header["tensors"] if index in self._known]
        arrays = [self._interpreter.get_tensor(index) for index in (*self._outputs, *wanted)]
        return {"tensors": wanted}, arrays

    def tensor(self, header: dict[str, Any], _: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        if header["index"] not in self._known:  # the interpreter would read past its tensors
            return {"absent": True}, []
        return {}, [self._interpreter.get_tensor(header["index"])]


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    models: dict[int, _Model] = {}
    while True:
        header, arrays = receive(requests)
        action, number = header["do"], header["model"]
        try:
            if action == "load":
                models.pop(number, None)
                models[number] = _Model(header, arrays[0].tobytes())
                answer: tuple[dict[str, Any], list[Any]] = ({}, [])
            elif action == "drop":
                models.pop(number, None)
                answer = ({}, [])
            else:
                answer = getattr(models[number], action)(header, arrays)
        except _REFUSALS as error:
            answer = ({"refused": str(error) or type(error).__name__}, [])
        send(answers, *answer)


def _end_with(requests: int) -> None:
    """End this process, also in the middle of an inference, when the other side has ended."""
    poll = select.poll()
    poll.register(requests, 0)  # POLLHUP is always reported
    poll.poll()
    os._exit(0)


def main() -> None:
    """Answer requests until stdin is closed."""
    requests, answers = os.fdopen(os.dup(_REQUESTS), "rb"), os.fdopen(os.dup(_ANSWERS), "wb")
    os.dup2(_LOG, _ANSWERS)  # what native code prints is no answer
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with, args=(requests.fileno(),), daemon=True).start()
    try:
        _serve(requests, answers)
    except (EOFError, BrokenPipeError):
        os._exit(0)


if __name__ == "__main__":
    main()
