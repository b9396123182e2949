"""Runs many cases of hostile input: ``scripts/fuzz``.

Each kind has a process of its own with a limit on its memory; it says which case it reads before it
reads it. A case that raises anything but ``HilError``, that takes too long, or that ends the
process is written to a folder, and the campaign goes on with the next.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from hil.errors import HilError

from tests.fuzz.kinds import BYTES, KINDS, SECONDS

ROOT = Path(__file__).resolve().parents[2]


class TooLong(BaseException):
    """Raised in a case that exceeds its time; not an ``Exception``, so that none hides it."""


def one(kind: str, seed: int, folder: Path) -> str:
    """Make and read a case; its outcome: ``ok``, ``refused``, or the end of a traceback."""
    make, ending, run = KINDS[kind]
    path = folder / f"{kind}-{seed}{ending}"
    path.write_bytes(make(random.Random(f"{kind}/{seed}")))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            signal.alarm(SECONDS)
            run(path)
        outcome = "ok"
    except HilError:
        outcome = "refused"
    except (Exception, TooLong) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        outcome = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}: {error}"
        return outcome.replace("\n", " ")[:300]
    finally:
        signal.alarm(0)
    path.unlink()
    return outcome


def serve(kind: str, first: int, minutes: float, folder: Path) -> None:
    """Read cases until the time is over; one line before and one after each."""

    def too_long(number: int, frame: object) -> None:
        raise TooLong(f"more than {SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    end, seed = time.monotonic() + 60 * minutes, first
    while time.monotonic() < end:
        print(f"case {seed}", flush=True)
        print(f"done {one(kind, seed, folder)}", flush=True)
        seed += 1


def campaign(kind: str, first: int, minutes: float, folder: Path) -> Counter[str]:
    """Read cases of a kind for some minutes; count outcomes, all defects as ``defect``."""
    counts: Counter[str] = Counter()
    end = time.monotonic() + 60 * minutes
    while (left := end - time.monotonic()) > 0:
        command = [sys.executable, "-m", "tests.fuzz.campaign", "--serve", kind, str(first)]
        command += [str(left / 60), str(folder)]
        seed, outcome = first, "done nothing"
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("case "):
                    seed, outcome = int(line[5:]), ""
                    continue
                outcome = line[5:].strip()
                counts[outcome if outcome in ("ok", "refused") else "defect"] += 1
                if outcome not in ("ok", "refused"):
                    print(f"{kind} {seed}: {outcome}", flush=True)
        if not outcome:
            counts["defect"] += 1
            print(f"{kind} {seed}: the process ended with {process.returncode}", flush=True)
        first = seed + 1
        if process.returncode == 0:
            break
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz", description="Read hostile input and report what is not an error."
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for each kind (1)")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="all without it")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first case")
    parser.add_argument("--keep", type=Path, help="folder for the cases that are defects")
    args = parser.parse_args()
    defects = 0
    folder = args.keep or Path(tempfile.mkdtemp(prefix="hil-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    for kind in args.kind or KINDS:
        counts = campaign(kind, args.seed, args.minutes, folder)
        total = counts.total()
        print(f"{kind}: {total:,} cases, " + ", ".join(f"{n:,} {k}" for k, n in counts.items()))
        defects += counts["defect"]
    if not defects and args.keep is None:
        with contextlib.suppress(OSError):
            folder.rmdir()
    else:
        print(f"cases that are defects: {folder}")
    sys.exit(bool(defects))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
