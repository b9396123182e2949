"""Tasks on the workers of a Dask cluster (https://distributed.dask.org).

A client sends each task once; the scheduler gives it to a worker that offers the resources that it
asks for, and to another one where that worker is lost. Every task has one answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import secrets
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hil.bench import toolset
from hil.errors import HilError, MissingTool, UsageError
from hil.execution.interface import Answer, Message
from hil.records import ErrorInfo

if TYPE_CHECKING:
    from distributed import Client, Future

_TOPIC = "hil-progress"
_CONNECT_S = 10.0
_LOOK_S = 1.0  # between two looks at the workers while there is no news
_SAY_AFTER_S = 3.0
_GATHER_S = 30.0
_DEATHS = 3
_SENDS = 3
_AGAIN = "the same command continues with what is missing"


@dataclass(frozen=True)
class Task:
    """A packed task (``hil.execution.content``) and the resources that its worker has to offer."""

    packed: bytes = field(repr=False)
    needs: Mapping[str, float] = field(default_factory=dict)


class Cluster:
    """A connection to a scheduler; a context manager.

    ``wait_s`` is how long to wait for workers where there are none; ``note`` says that.
    """

    def __init__(self, address: str, wait_s: float, note: Callable[[str], None]) -> None:
        self.address = address
        self._wait_s = wait_s
        self._note = note
        self._client = _connect(address)
        self._installation: dict[str, str] = {}
        self._targets: tuple[str | None, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(Exception):  # the connection may be lost
            self._client.close(timeout=_CONNECT_S)

    def threads(self) -> int:
        """How many tasks the present workers carry out at a time."""
        return sum(worker["nthreads"] for worker in self._workers().values())

    def require(self, needs: Sequence[Mapping[str, float]], targets: Sequence[str | None]) -> None:
        """Wait for workers that offer what tasks need, and compare them with this machine.

        Raises:
            MissingTool: there is no such worker within the limit, or one has other versions.
        """
        waiting = _Waiting(self._wait_s, self._note)
        while missing := self._missing(needs):
            waiting.look(missing)
            time.sleep(_LOOK_S)
        self._targets = tuple(sorted(set(targets), key=str))
        self._installation = toolset.installation(self._targets)
        self._compare_dask()
        self._compare_installations()

    def carry_out(
        self,
        tasks: Sequence[Task],
        contents: Mapping[str, bytes],
        start: Callable[[], Any],
        work: Callable[..., Any],
    ) -> Generator[Answer | Message]:
        """Carry out tasks on the workers; yield answers as they come, in any order.

        ``start()`` and ``work(state, packed, report)`` are as for ``hil.execution.pool``. Closing
        the iterator, or an exception in its consumer, cancels what is not done.

        Raises:
            MissingTool: the scheduler is lost, no worker is left within the limit, or a worker
                has other versions.
        """
        return _Round(self, tasks, contents, pickle.dumps((start, work))).answers()

    def _workers(self) -> Mapping[str, Any]:
        with self._reaching():
            found: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Report a scheduler that does not answer any more."""
        try:
            yield
        except HilError:
            raise
        except Exception as error:  # Dask's and tornado's own classes
            if self._client.status == "running" and not isinstance(error, OSError):
                raise
            raise self.lost() from error

    def lost(self) -> MissingTool:
        """The error of a scheduler that ended."""
        return MissingTool(
            f"the connection to the scheduler {self.address} is lost",
            hint=f"start it again; {_AGAIN}",
        )

    def _missing(self, needs: Sequence[Mapping[str, float]]) -> str:
        """Describe what no worker offers, or ''."""
        offers = [worker.get("resources", {}) for worker in self._workers().values()]
        if not offers:
            return f"the scheduler {self.address} has no workers"
        for need in needs:
            if not any(all(o.get(k, 0) >= v for k, v in need.items()) for o in offers):
                asked = " ".join(f"{name}={amount:g}" for name, amount in need.items())
                return f"no worker of {self.address} offers {asked}"
        return ""

    def _compare_dask(self) -> None:
        """Refuse other versions of Dask or Python, with which objects may not be readable."""
        with self._reaching():
            found: Any = self._client.get_versions()
        here = _dask_versions(found["client"])
        others = {"the scheduler": found["scheduler"]}
        others |= {f"the worker {address}": one for address, one in found["workers"].items()}
        for name, versions in others.items():
            _refuse(name, here, _dask_versions(versions))

    def _compare_installations(self) -> None:
        from hil.execution import cluster_worker

        with self._reaching():
            found = self._client.run(
                cluster_worker.describe, self._targets, on_error="return", nanny=False
            )
        for address, there in found.items():
            if isinstance(there, BaseException):
                raise MissingTool(
                    f"the worker {address} cannot use hil: {type(there).__name__}: {there}",
                    hint="install the same version of hil there: pip install 'hil[cluster]'",
                ) from there
            _refuse(f"the worker {address}", self._installation, there)


class _Round:
    """The tasks of one call of ``Cluster.carry_out``."""

    def __init__(
        self,
        cluster: Cluster,
        tasks: Sequence[Task],
        contents: Mapping[str, bytes],
        program: bytes,
    ) -> None:
        self._cluster = cluster
        self._client: Client = cluster._client
        self._tasks = tasks
        self._contents = contents
        self._program = program
        self._token = secrets.token_hex(6)
        self._news: queue.SimpleQueue[Future | Mapping[str, Any]] = queue.SimpleQueue()
        self._open: dict[str, int] = {}
        self._futures: dict[str, Future] = {}
        self._began: dict[int, set[str]] = {}
        self._sent: dict[int, int] = {}

    def answers(self) -> Generator[Answer | Message]:
        self._client.subscribe_topic(_TOPIC, self._on_event)
        waiting = _Waiting(self._cluster._wait_s, self._cluster._note)
        try:
            self._provide()
            for index in range(len(self._tasks)):
                self._submit(index)
            while self._open:
                try:
                    news = self._news.get(timeout=_LOOK_S)
                except queue.Empty:
                    missing = self._cluster._missing([self._tasks[i].needs for i in self._needy()])
                    waiting.look(missing)
                    continue
                found = self._message(news) if isinstance(news, Mapping) else self._answer(news)
                if found is not None:
                    waiting.reset()
                    yield found
        finally:
            self._end()

    def _needy(self) -> list[int]:
        """One open task of each set of needs."""
        by_needs = {tuple(sorted(self._tasks[i].needs.items())): i for i in self._open.values()}
        return list(by_needs.values())

    def _provide(self) -> None:
        from hil.execution import cluster_worker

        plugin = cluster_worker.Provision(self._plugin, dict(self._contents))
        with self._cluster._reaching():
            self._client.register_plugin(plugin)

    @property
    def _plugin(self) -> str:
        return f"hil-content-{self._token}"

    def _submit(self, index: int) -> None:
        from hil.execution import cluster_worker

        task = self._tasks[index]
        self._sent[index] = self._sent.get(index, 0) + 1
        order = cluster_worker.Order(
            self._token,
            index,
            task.packed,
            self._program,
            self._cluster._targets,
            self._cluster._installation,
        )
        with self._cluster._reaching():
            future = self._client.submit(
                cluster_worker.carry_out,
                order,
                _TOPIC,
                key=f"hil-{self._token}-{index}-{self._sent[index]}",
                resources=dict(task.needs) or None,
                pure=False,
            )
        self._open[future.key] = index
        self._futures[future.key] = future
        future.add_done_callback(self._news.put)

    def _on_event(self, event: tuple[Any, Mapping[str, Any]]) -> None:
        said = event[1]
        if said.get("token") == self._token:
            self._news.put(said)

    def _message(self, said: Mapping[str, Any]) -> Message | None:
        index = int(said["index"])
        self._began.setdefault(index, set()).add(said["worker"])
        return Message(index, said["text"]) if index in self._open.values() else None

    def _answer(self, future: Future) -> Answer | None:
        """The answer of a task that is done; None where it has to be waited for again."""
        index = self._open.get(future.key)
        if index is None:
            return None
        if future.status == "finished":
            result = self._gathered(future)
        elif future.status == "error":
            result = self._failed(index, future)
        elif future.status == "pending":  # its worker was lost with the result
            self._news.put(future)
            time.sleep(0.05)
            return None
        else:
            result = self._cancelled(index, future)
        if result is not None:
            self._forget(future)
        return result

    def _cancelled(self, index: int, future: Future) -> Answer | None:
        """A task that the scheduler forgot, as it can when a worker ends, is sent again."""
        if self._client.status != "running":
            raise self._cluster.lost()
        if self._sent[index] < _SENDS:
            self._send_again(index, future)
            return None
        return Answer(index, died=f"cancelled by the scheduler {_SENDS} times")

    def _send_again(self, index: int, future: Future) -> None:
        self._forget(future)
        self._submit(index)

    def _forget(self, future: Future) -> None:
        del self._open[future.key]
        del self._futures[future.key]

    def _gathered(self, future: Future) -> Answer | None:
        from hil.execution.cluster_worker import Differs

        try:
            result = future.result(timeout=_GATHER_S)
        except TimeoutError:
            self._news.put(future)
            return None
        except Exception as error:
            if future.status in ("error", "cancelled", "lost"):
                self._news.put(future)
                return None
            if self._client.status != "running":
                raise self._cluster.lost() from error
            return _given_up(self._open[future.key], error)
        if isinstance(result, Differs):
            _refuse(f"the worker {result.worker}", self._cluster._installation, result.installation)
        assert isinstance(result, Answer)
        return result

    def _failed(self, index: int, future: Future) -> Answer | None:
        """A task that Dask gave up; one that was never at work when its workers died goes on."""
        from distributed.scheduler import KilledWorker

        error: Any = future.exception(timeout=_GATHER_S)
        if not isinstance(error, KilledWorker):
            return _given_up(index, error)
        deaths = len(self._began.get(index, ()))
        if deaths < _DEATHS and self._sent[index] < _SENDS:
            self._send_again(index, future)
            return None
        last = error.last_worker.address
        return Answer(index, died=f"each worker that it was given to, last {last}")

    def _end(self) -> None:
        """Cancel what is open, and let the workers forget this round."""
        with contextlib.suppress(Exception):  # the scheduler may be lost
            if self._futures:
                self._client.cancel(list(self._futures.values()), force=True)
            self._client.unsubscribe_topic(_TOPIC)
            self._client.unregister_worker_plugin(self._plugin)


def _given_up(index: int, error: BaseException) -> Answer:
    """The answer of a task that failed in Dask, outside of hil."""
    hint = "is hil installed where the scheduler runs? `dask worker` prints more"
    return Answer(index, error=ErrorInfo(f"{type(error).__name__}: {error}", hint, "ClusterFailed"))


class _Waiting:
    """Says after a few seconds what is waited for, and ends the wait after the limit."""

    def __init__(self, limit_s: float, note: Callable[[str], None]) -> None:
        self._limit_s = limit_s
        self._note = note
        self._since: float | None = None
        self._said = ""

    def reset(self) -> None:
        self._since, self._said = None, ""

    def look(self, missing: str) -> None:
        """Go on waiting for what is ``missing``; '' is nothing."""
        if not missing:
            self.reset()
            return
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._limit_s:
            raise MissingTool(
                f"{missing}, for {self._limit_s:g} s",
                hint="start one: dask worker SCHEDULER --nthreads 1 [--resources 'NAME=1']; "
                "HIL_SCHEDULER_WAIT_S is the limit in seconds",
            )
        if now - self._since >= min(_SAY_AFTER_S, self._limit_s / 2) and missing != self._said:
            self._said = missing
            self._note(f"{missing}; waiting up to {self._limit_s:g} s")


def _connect(address: str) -> Client:
    """Connect to a scheduler; certificates for tls:// come from Dask's configuration.

    Raises:
        MissingTool: Dask is not installed, or no scheduler answers.
        UsageError: the address is invalid, or needs certificates that Dask does not know.
    """
    if not address.startswith(("tcp://", "tls://")):
        raise UsageError(
            f"invalid address of a scheduler '{address}'",
            hint="write tcp://HOST:8786 or tls://HOST:8786",
        )
    try:
        from distributed import Client, Security
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise MissingTool(
            f"Dask is not installed here ({error})", hint="pip install 'hil[cluster]'"
        ) from error
    _quiet()
    if address.startswith("tls://") and not Security().get_connection_args("client")["ssl_context"]:
        raise UsageError(
            f"the scheduler {address} needs certificates, and Dask's configuration has none",
            hint="docs/scale.md says where to name them",
        )
    try:
        get_address_host_port(address)  # here, as a client that fails at it does not end
        return Client(address, timeout=_CONNECT_S, set_as_default=False, name="hil")
    except OSError as error:
        raise MissingTool(
            f"no scheduler answers at {address}",
            hint="start one: dask scheduler --host 127.0.0.1; tls:// needs its certificates",
        ) from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"cannot connect to a scheduler at '{address}': {error}",
            hint="write tcp://HOST:8786 or tls://HOST:8786",
        ) from error


def _quiet() -> None:
    """Keep Dask's log and warnings out of stderr, unless hil's errors are to be traced."""
    if os.environ.get("HIL_DEBUG", "") not in ("", "0"):
        return
    warnings.filterwarnings("ignore", module=r"distributed\.")
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    for name in ("distributed", "tornado", "tornado.application", "asyncio", *names):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _dask_versions(found: Mapping[str, Any]) -> dict[str, str]:
    packages = found["packages"]
    python = ".".join(str(packages.get("python", "")).split(".")[:2])
    return {"Python": python, **{name: packages[name] for name in ("dask", "distributed")}}


def _refuse(name: str, here: Mapping[str, str], there: Mapping[str, str]) -> None:
    """Raise where two installations differ."""
    differing = [key for key in {**here, **there} if here.get(key) != there.get(key)]
    if differing:
        pairs = (f"{k} {there.get(k, 'none')} (here {here.get(k, 'none')})" for k in differing)
        raise MissingTool(
            f"{name} has other versions than this machine: {', '.join(pairs)}",
            hint="results would not be comparable: install the same versions on all machines",
        )
