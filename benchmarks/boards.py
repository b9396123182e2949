"""How long a board's inputs take to load: over a pty, and over the same pty behind servers.

    .venv/bin/python benchmarks/boards.py [--model ../shared/models/kws_int8.tflite] [--repeats 5]

The board is virtual (QEMU on a pty at 115200 baud, flashed through gdb). Prints a Markdown table:
minimum, median and maximum of the time of one load, checked by its CRC, and the limit that it
should keep. The servers are pyserial's own of RFC 2217 and Debian's ser2net
(`scripts/setup --test`). The machine's own noise is in these numbers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.bench.pipeline import Request, build_firmware, fitted, prepare
from hil.boards import Board, FlasherSetup, save
from hil.devices import load
from hil.files import temporary_folder
from hil.targets.board.flashing import flashing
from hil.targets.dut.client import DutClient
from hil.targets.dut.serial_port import open_link
from hil.targets.registry import board_emulator
from hil.tflite.model import Model

ROOT = Path(__file__).resolve().parent.parent
PROFILE = "stm32l4"
LIMIT_S = 1.5


@contextmanager
def served(tty: str) -> Iterator[dict[str, str]]:
    """URLs of a tty by the name of what serves it."""
    command = [sys.executable, "-m", "tests.support.remote_ports", tty]
    server = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        lines = (server.stdout.readline().rstrip("\n").partition("\t") for _ in range(3))
        yield {name: url for name, _, url in lines}
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()


def loads(url: str, inputs: list[tuple[object, ...]], repeats: int) -> list[float]:
    """Seconds of each load."""
    link = open_link(url)
    try:
        client = DutClient(link)
        client.wait_ready(knock=True)
        client.info()
        times = []
        for index in range(repeats):
            start = time.perf_counter()
            client.load(inputs[index % len(inputs)])  # type: ignore[arg-type]
            times.append(time.perf_counter() - start)
    finally:
        link.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = ROOT.parent / "shared" / "models"
    parser.add_argument("--model", type=Path, default=models / "kws_int8.tflite")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    profile = load(PROFILE)
    emulator = board_emulator()
    with (
        temporary_folder("boards") as folder,
        emulator.virtual_board(emulator.virtual_platform(profile)) as running,
    ):
        os.environ["HIL_BOARDS"] = str(folder / "boards.toml")
        flasher = FlasherSetup(name="gdb", options={"server": running.server})
        board = Board(
            name="bench", profile=PROFILE, port=running.port, flasher=flasher, virtual=True
        )
        save(board)
        job = fitted(
            prepare(Request(Model.read(arguments.model), profile, target="board", machine="bench"))
        )
        writing = flashing(board, profile, build_firmware(job).elf)
        assert writing is not None
        writing.flash()
        size = sum(array.nbytes for array in job.inputs[0])
        print(f"{arguments.model.stem}: {size:,} B a load, {arguments.repeats} loads each\n")
        print("| port | min s | median s | max s | limit s |\n|---|--:|--:|--:|--:|")
        with served(running.port) as servers:
            for name, url in {"pty": running.port, **servers}.items():
                times = loads(url, list(job.inputs), arguments.repeats)
                middle = statistics.median(times)
                shown = " | ".join(f"{value:.2f}" for value in (min(times), middle, max(times)))
                print(f"| {name} | {shown} | {LIMIT_S} |", flush=True)


if __name__ == "__main__":
    main()
