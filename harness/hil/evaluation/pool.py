"""Several devices that share one list of samples, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from hil.errors import HilError
from hil.records import SampleResult
from hil.targets.interface import Session

Open = Callable[[], AbstractContextManager[Session]]
Work = Callable[[Session, int], SampleResult]
_IDLE_S = 0.2


@dataclass(frozen=True)
class _Failure:
    sample: int | None
    error: BaseException


_Message = SampleResult | _Failure | None  # None: a worker has ended


class Results(Protocol):
    """The results of samples as they come; leaving it ends the work that is not done."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def results(self) -> Iterator[SampleResult | None]:
        """As ``Pool.results``."""

    def leftovers(self) -> Iterable[SampleResult]:
        """As ``Pool.leftovers``."""


class Pool:
    """A context manager; leaving it ends every device, whatever it is doing.

    Each of ``works`` gets a thread and a device of its own (``open_device``) and takes the next
    of ``samples`` whenever it is free. ``name`` is what an error calls a sample.
    """

    def __init__(
        self,
        samples: Sequence[int],
        open_device: Open,
        works: Sequence[Work],
        name: Callable[[int], str],
    ) -> None:
        self._next = iter(samples)
        self._name = name
        self._open = open_device
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._devices: set[Session] = set()
        self._messages: queue.Queue[_Message] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._worker, args=(work,), daemon=True) for work in works
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        with self._lock:
            for device in self._devices:
                device.kill()
        for thread in self._threads:
            thread.join()

    def results(self) -> Iterator[SampleResult | None]:
        """Yield results as they come, and None whenever a moment passed without one.

        Raises:
            HilError: a device failed. The message names the sample; the other devices finished
                theirs, whose results were yielded before.
        """
        working = len(self._threads)
        failure: _Failure | None = None
        while working:
            try:
                message = self._messages.get(timeout=_IDLE_S)
            except queue.Empty:
                yield None
                continue
            if message is None:
                working -= 1
            elif isinstance(message, _Failure):
                failure = failure or message
                self._stop.set()
            else:
                yield message
        if failure is not None:
            raise named(
                failure.error, self._name(failure.sample) if failure.sample is not None else ""
            )

    def leftovers(self) -> Iterable[SampleResult]:
        """Return results that nobody took, once the pool was left."""
        found = []
        while not self._messages.empty():
            message = self._messages.get_nowait()
            if isinstance(message, SampleResult):
                found.append(message)
        return found

    def _worker(self, work: Work) -> None:
        sample: int | None = None
        try:
            with self._open() as device:
                self._register(device)
                try:
                    while (sample := self._take()) is not None:
                        self._messages.put(work(device, sample))
                finally:
                    with self._lock:
                        self._devices.discard(device)
        except BaseException as error:  # travels to the thread that waits for results
            self._messages.put(_Failure(sample, error))
        finally:
            self._messages.put(None)

    def _take(self) -> int | None:
        with self._lock:
            return None if self._stop.is_set() else next(self._next, None)

    def _register(self, device: Session) -> None:
        """Let ``__exit__`` know the device; one that comes too late is ended here."""
        with self._lock:
            self._devices.add(device)
            if self._stop.is_set():
                device.kill()


def named(error: BaseException, sample: str) -> BaseException:
    """Return an error whose message begins with the sample that it came of."""
    if isinstance(error, HilError) and sample:
        error.message = f"{sample}: {error.message}"
        error.args = (error.message,)
    return error
