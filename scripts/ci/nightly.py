"""The nightly study: on every target of this machine, compared, gated, shown.

Called by scripts/nightly; docs/ci.md describes what it does and writes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import checks

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "reports" / "nightly"
NAME = "nightly"
QEMU, RENODE = "qemu", "renode"
EXIT_RUN_FAILED = 3
# Emulated figures repeat exactly: a kernel's change shows, a change of a few instructions passes.
LIMITS = (
    *("--max-regression", "0.1%", "--limit", "flash_bytes=1%"),
    *("--limit", "ram_bytes=1%", "--limit", "arena_bytes=1%"),
)


def main() -> int:
    """Run the nightly study; return the exit code."""
    options = _options()
    if options.renode:
        os.environ["HIL_RENODE"] = _pinned_renode()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.md", "*.svg", "*.xml", "study-*.html"):  # of the night before
        for path in out.glob(pattern):
            path.unlink()
    hil = checks.Hil(options.db or out / "hil.db")
    begin = time.monotonic()
    targets, left_out = _targets()
    codes, runs = _studies(hil, options.study, targets, out)
    if len(runs) < len(targets):
        return checks.worst(codes)
    parts = [f"- left out: {text}" for text in left_out]
    if len(targets) > 1:
        every = [run for target in targets for run in runs[target]]
        flags = ("--complete", "--markdown", out / "agree.md")
        codes.append(hil("agree", *every, *flags, step="agreement").code)
        parts.insert(0, (out / "agree.md").read_text(encoding="utf-8"))
    gated = _gate(hil, options.baseline, runs[QEMU], out)
    if options.update_baseline:
        parts.append("- the baseline was written after this comparison")
        codes.append(_update(hil, options.baseline, runs[QEMU], codes))
    else:
        codes.append(gated.code)
    url = ("--url", options.site_url) if options.site_url else ()
    site = hil("site", "build", "-o", out / "site", "--baseline", NAME, *url, step="site")
    codes.append(site.code)
    hil.took["total"] = time.monotonic() - begin
    _summary(hil, gated, parts, out)
    code = checks.worst(codes)
    print(f"results: {out} (exit code {code})")
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/nightly",
        description="Run the nightly study on every emulator of this machine, compare their counts "
        "and gate against the baseline of the repository.",
        epilog="Exit codes: 0 all is well, 1 a regression or different counts, 3 a run failed, "
        "5 nothing was compared; others as hil's.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "build" / "nightly",
        metavar="DIR",
        help="where results go (default: build/nightly)",
    )
    parser.add_argument(
        "--db", type=Path, metavar="FILE", help="the history of all nights (default: DIR/hil.db)"
    )
    parser.add_argument(
        "--renode", action="store_true", help="use the pinned Renode, which scripts/renode gets"
    )
    parser.add_argument(
        "--update-baseline",
        action="store_true",
        help="write the runs into the baseline of the repository, instead of failing on a change",
    )
    parser.add_argument(
        "--study", type=Path, default=FOLDER / "study.toml", metavar="FILE", help="another study"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        default=FOLDER / "baseline.json",
        metavar="FILE",
        help="another baseline",
    )
    parser.add_argument(
        "--site-url", default="", metavar="URL", help="where the site is published, for its feed"
    )
    return parser.parse_args()


def _pinned_renode() -> str:
    """The launcher of the pinned Renode.

    Raises:
        SystemExit: it cannot be had; the script has said why.
    """
    script = [str(ROOT / "scripts" / "renode")]
    done = subprocess.run(script, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout.strip()


def _targets() -> tuple[list[str], list[str]]:
    """The targets of this machine, and what is left out with the reason."""
    if checks.setting("renode") or shutil.which("renode"):
        return [QEMU, RENODE], []
    return [QEMU], [
        "Renode: HIL_RENODE is not set and there is no renode on the PATH "
        "(scripts/renode gets the pinned one); no counts of two targets were compared"
    ]


def _studies(
    hil: checks.Hil, study: Path, targets: list[str], out: Path
) -> tuple[list[int], dict[str, list[str]]]:
    """Run the study on each target until one cannot; return exit codes, and ids of runs."""
    codes: list[int] = []
    runs: dict[str, list[str]] = {}
    for target in targets:
        report = out / f"study-{target}.html"
        flags = ("--each-commit", "--rerun-failed", "--report", report)
        answer, ids = checks.sweep(hil, study, target, *flags)
        _show(f"study on {target}: {len(ids)} runs", answer.errors)
        codes.append(answer.code)
        if answer.code not in (0, EXIT_RUN_FAILED):
            break
        runs[target] = ids
    return codes, runs


def _gate(hil: checks.Hil, baseline: Path, runs: list[str], out: Path) -> checks.Answer:
    imported = checks.use_baseline(hil, baseline, NAME)
    if imported.code:
        _show(f"the baseline {baseline} cannot be used", imported.errors)
        return imported
    return checks.gate(hil, NAME, runs, out, *LIMITS)


def _update(hil: checks.Hil, file: Path, runs: list[str], codes: list[int]) -> int:
    """Write the runs as the baseline's file, unless a step before failed."""
    if any(codes):
        print("the baseline was not changed: not all runs passed", file=sys.stderr)
        return 0
    stored = hil("baseline", "set", NAME, *runs, "--replace")
    written = hil("baseline", "export", NAME, "-o", file)
    _show(f"baseline: {file}", [*stored.errors, *written.errors])
    return checks.worst([stored.code, written.code])


def _summary(hil: checks.Hil, gated: checks.Answer, parts: list[str], out: Path) -> None:
    """Write summary.md, also into the job's summary, and show the verdicts."""
    gate_text = out / "gate.md"
    text = gate_text.read_text(encoding="utf-8") if gate_text.is_file() else ""
    times = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in hil.took.items())
    text = "\n".join([text, *parts, f"- time: {times}", ""])
    (out / "summary.md").write_text(text, encoding="utf-8")
    checks.add_summary(text)
    _show(gated.data.get("sentence") or gated.data.get("summary") or "no gate", gated.errors)
    for part in parts:
        print(part.splitlines()[0].lstrip("#- "))
    print(f"time: {times}")


def _show(text: str, errors: tuple[str, ...] | list[str] = ()) -> None:
    print(text, flush=True)
    for error in errors:
        print(f"error: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
