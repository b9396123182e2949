"""The QEMU target: puts a firmware to work in an emulator and returns its trace."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from hil.devices import Flash
from hil.errors import LinkError, UsageError
from hil.records import Array, Firmware, Inference, MemoryWatermarks, Platform, Trace
from hil.targets.dut.client import DutClient
from hil.targets.dut.link import Link, SocketStream
from hil.targets.qemu import profiler
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.gdbstub import GdbStub
from hil.targets.qemu.process import QemuProcess

LoadPath = Literal["auto", "direct", "protocol"]
OutputSpec = tuple[tuple[int, ...], str]
ProgressCall = Callable[[int, int], None]


@dataclass(eq=False)
class Session:
    """One firmware at work: what is spoken to, and what has been heard."""

    client: DutClient
    debugger: GdbStub | None
    output_specs: Sequence[OutputSpec]
    kill: Callable[[], None]  # ends the emulator from any thread: what waits for it fails at once

    def infer(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Load one sample, run one inference and return its outputs, by the fastest way there is.

        Raises:
            DeviceFault, DeviceTimeout, LinkError: see :class:`DutClient`.
            RunFailed: QEMU ended in mid-run.
        """
        if self.debugger is not None:
            return _tensors(self.client.infer_direct(inputs, self.debugger), self.output_specs)
        self.client.load(inputs)
        self.client.infer()
        return _tensors(self.client.outputs(), self.output_specs)


class QemuTarget:
    """Runs firmware in ``qemu`` (None: the one of ``HIL_QEMU`` or on the PATH)."""

    def __init__(self, qemu: Path | None = None) -> None:
        self._qemu = qemu

    def run(
        self,
        firmware: Firmware,
        platform: Platform,
        inputs: Sequence[Sequence[Array]],
        output_specs: Sequence[OutputSpec],
        *,
        n_ops: int,
        repeat: int = 1,
        profile_windows: int = 0,
        flash: Flash | None = None,
        timeout_s: float = 60.0,
        load: LoadPath = "auto",
        progress: ProgressCall | None = None,
        plugin: Path | None = None,
    ) -> Trace:
        """Load, infer and read the outputs for every input, ``repeat`` times each in a row.

        ``output_specs`` gives shape and dtype of each output. The first ``profile_windows``
        inferences carry an execution profile over ``n_ops`` ops, by ``plugin`` (None: hil's own,
        built when needed); with ``flash`` its caches are simulated in them and the misses
        counted. ``timeout_s`` bounds one answer of the device. ``load`` says how
        inputs get in: ``direct`` writes the guest's memory, ``protocol`` goes through the UART,
        ``auto`` is ``direct``. ``progress`` is called with inferences done and in all.

        Raises:
            UsageError: ``load`` is none of the above.
            MissingTool: no QEMU, or it cannot be started.
            DeviceFault, DeviceTimeout, LinkError: see :class:`DutClient`.
            RunFailed: QEMU ended in mid-run.
        """
        direct = _is_direct(load)
        started = time.monotonic()
        qemu = self._qemu or find_qemu()
        rows = [one for one in inputs for _ in range(repeat)]
        windows = min(profile_windows, len(rows))
        with tempfile.TemporaryDirectory(prefix="hil-qemu-") as name:
            folder = Path(name)
            out = folder / "profile.bin"
            arguments = _machine_arguments(firmware, platform)
            if windows > 0:
                plugin = plugin or profiler.ensure_plugin(qemu)
                caches = profiler.cache_settings(flash, platform.flash) if flash else None
                arguments += [
                    "-plugin",
                    profiler.plugin_argument(plugin, firmware.elf, out, windows, caches),
                ]
            process = QemuProcess(qemu, arguments, folder=folder, debug=direct)
            with _at_work(process, firmware, direct, timeout_s, output_specs) as session:
                inferences = _infer_all(session, rows, progress)
                memory = session.client.memory()
                process.quit()
            if windows > 0:
                inferences = _with_profiles(inferences, out, windows, n_ops)
        return _trace(qemu, platform, process, session, inferences, memory, started)

    @contextmanager
    def session(
        self,
        firmware: Firmware,
        platform: Platform,
        output_specs: Sequence[OutputSpec],
        *,
        timeout_s: float = 60.0,
        load: LoadPath = "auto",
    ) -> Iterator[Session]:
        """A firmware at work without a profiler, for as many inferences as the caller wants.

        Arguments and errors as for :meth:`run`, when entered and at each inference.
        """
        qemu = self._qemu or find_qemu()
        direct = _is_direct(load)
        with tempfile.TemporaryDirectory(prefix="hil-qemu-") as name:
            arguments = _machine_arguments(firmware, platform)
            process = QemuProcess(qemu, arguments, folder=Path(name), debug=direct)
            with _at_work(process, firmware, direct, timeout_s, output_specs) as session:
                yield session


def _is_direct(load: str) -> bool:
    if load not in ("auto", "direct", "protocol"):
        raise UsageError(f"unknown load path '{load}'", hint="one of auto, direct and protocol")
    return load != "protocol"


@contextmanager
def talking(
    firmware: Firmware, platform: Platform, *, timeout_s: float = 60.0, qemu: Path | None = None
) -> Iterator[DutClient]:
    """Put firmware to work and give its client: for what is asked beside inferences.

    Raises:
        MissingTool: no QEMU, or it cannot be started.
        DeviceFault, DeviceTimeout, LinkError: see :class:`DutClient`.
    """
    with tempfile.TemporaryDirectory(prefix="hil-qemu-") as name:
        arguments = _machine_arguments(firmware, platform)
        process = QemuProcess(qemu or find_qemu(), arguments, folder=Path(name), debug=False)
        with _at_work(process, firmware, False, timeout_s, ()) as session:
            yield session.client
            process.quit()


def _machine_arguments(firmware: Firmware, platform: Platform) -> list[str]:
    """QEMU's command line without its sockets: nothing but the machine, paused."""
    return [
        *("-M", platform.machine),
        *("-kernel", str(firmware.elf.absolute())),
        *("-display", "none"),
        "-nodefaults",
        "-no-reboot",
        "-S",
    ]


@contextmanager
def _at_work(
    process: QemuProcess,
    firmware: Firmware,
    direct: bool,
    timeout_s: float,
    output_specs: Sequence[OutputSpec],
) -> Iterator[Session]:
    """The firmware booted and ready. A link that breaks because QEMU ended says so."""
    with process:
        link = Link(SocketStream(process.uart), name="the emulated device")
        client = DutClient(link, timeout_s=timeout_s, symbolize=_symbolizer(firmware.elf))
        debugger = GdbStub(process.gdb) if direct else None
        try:
            process.resume()
            client.wait_ready()
            yield Session(client, debugger, output_specs, process.kill)
        except LinkError as error:
            explained = process.explain(error)
            if explained is error:
                raise
            raise explained from error


def _infer_all(
    session: Session, rows: Sequence[Sequence[Array]], progress: ProgressCall | None
) -> list[Inference]:
    inferences = []
    for done, row in enumerate(rows, start=1):
        session.client.load(row, session.debugger)
        session.client.infer()
        inferences.append(Inference(_tensors(session.client.outputs(), session.output_specs)))
        if progress is not None:
            progress(done, len(rows))
    return inferences


def _tensors(raw: Sequence[bytes], specs: Sequence[OutputSpec]) -> tuple[Array, ...]:
    """Give the device's bytes their shapes; sizes that differ mean another model's firmware."""
    sizes = [int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in specs]
    if [len(data) for data in raw] != sizes:
        raise LinkError(
            f"the firmware's outputs have {[len(data) for data in raw]} bytes, the model's {sizes}",
            hint="the firmware was built for another model; build it again",
        )
    return tuple(
        np.frombuffer(data, dtype).reshape(shape)
        for data, (shape, dtype) in zip(raw, specs, strict=True)
    )


def _with_profiles(
    inferences: Sequence[Inference], out: Path, windows: int, n_ops: int
) -> list[Inference]:
    profiles = profiler.read_profile(out, n_ops)
    if len(profiles) != windows:
        raise LinkError(
            f"the emulator's profiler recorded {len(profiles)} inferences instead of {windows}",
            hint="run again with --keep DIR and compare the firmware with docs/protocol.md (Marks)",
        )
    profiled = [
        replace(one, profile=profile)
        for one, profile in zip(inferences[:windows], profiles, strict=True)
    ]
    return [*profiled, *inferences[windows:]]


def _symbolizer(elf: Path) -> Callable[[int], str | None]:
    """Names of functions by address; the ELF reader is imported only when something faulted."""

    def name_of(address: int) -> str | None:
        from hil.firmware.elf import symbolize

        return symbolize(elf, address)

    return name_of


def _trace(
    qemu: Path,
    platform: Platform,
    process: QemuProcess,
    session: Session,
    inferences: Sequence[Inference],
    memory: MemoryWatermarks,
    started: float,
) -> Trace:
    return Trace(
        platform=platform,
        transcript=session.client.link.transcript.text(),
        inferences=tuple(inferences),
        memory=memory,
        tool=probe(qemu).version,
        command=process.command,
        load_path="protocol" if session.debugger is None else "direct",
        load_retries=session.client.retries,
        wall_s=time.monotonic() - started,
    )
