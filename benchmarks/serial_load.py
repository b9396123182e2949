"""How long one load of a model's inputs takes: python benchmarks/serial_load.py BOARD.

The board of boards.toml runs a firmware of hil's, as `hil run --board BOARD` leaves it. `--url` is
another way to its port, such as rfc2217://HOST:PORT.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from hil import boards, devices
from hil.targets.board.port import attached
from hil.targets.dut.client import DutClient
from hil.targets.dut.link import Link
from hil.targets.dut.serial_port import open_link


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board")
    parser.add_argument("--url")
    parser.add_argument("--loads", type=int, default=5)
    options = parser.parse_args()
    board = boards.load(options.board)
    baud = board.baud or devices.load(board.profile).firmware.baud
    with attached(board) as port:
        link = open_link(options.url or port.url, baud=baud)
        try:
            print(link.name, *_loads(link, options.loads))
        finally:
            link.close()


def _loads(link: Link, count: int) -> list[str]:
    client = DutClient(link)
    client.wait_ready(knock=True)
    inputs = [np.zeros(tensor.nbytes, np.uint8) for tensor in client.info().inputs]
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        client.load(inputs)
        taken.append(time.perf_counter() - begin)
    size = client.info().input_bytes
    middle = statistics.median(taken)
    return [f"{size} bytes: median {middle:.2f} s ({min(taken):.2f} to {max(taken):.2f})"]


if __name__ == "__main__":
    main()
