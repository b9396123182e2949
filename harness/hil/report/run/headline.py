"""The first paragraph of a run: what came of it, for somebody who has never seen a .tflite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from hil.records import Measurement, RunRecord
from hil.report.run.memory import flash_capacity_bytes, main_ram_bytes
from hil.report.words.format import band, clock_text, percent, plural, quantity
from hil.report.words.format import capacity as capacity_text
from hil.report.words.naming import chip_name, clock_hz
from hil.report.words.sentence import Headline, Piece


def headline(run: RunRecord) -> Headline:
    """Say in plain words what the run showed, or why it showed nothing."""
    if run.status == "passed":
        return Headline(tuple(chain(_achievement(run), _correctness(run), _stand_in(run))))
    return Headline(tuple(_mishap(run)))


def _subject(run: RunRecord) -> Iterator[Piece]:
    yield Piece("The model ")
    yield Piece(run.model.name if run.model else "(unknown)", strong=True)


def _chip(run: RunRecord) -> Iterator[Piece]:
    yield Piece(chip_name(run), strong=True)
    if hz := clock_hz(run):
        yield Piece(f" at {clock_text(hz)}")


def _achievement(run: RunRecord) -> Iterator[Piece]:
    figures = run.measurements
    yield from _subject(run)
    yield Piece(" runs on the ")
    yield from _chip(run)
    if latency := figures.get("latency_us"):
        yield Piece(" in ")
        yield from _figure(latency)
    needs = [
        (figures.get("flash_bytes"), flash_capacity_bytes(run.profile), "flash"),
        (figures.get("ram_bytes"), main_ram_bytes(run.profile), "RAM"),
    ]
    needed = [(figure, capacity, name) for figure, capacity, name in needs if figure]
    for position, (figure, capacity, name) in enumerate(needed):
        assert figure is not None
        yield Piece(", needs " if position == 0 else " and ")
        yield from _need(figure, capacity, name)
    if energy := figures.get("energy_uj"):
        yield Piece(", and costs ")
        yield Piece(quantity(energy.value, energy.unit), strong=True)
        yield Piece(f" of energy per inference ({_qualifier(energy)})")
    yield Piece(".")


def _figure(figure: Measurement) -> Iterator[Piece]:
    yield Piece(quantity(figure.value, figure.unit), strong=True)
    yield Piece(f" ({_qualifier(figure)})")


def _qualifier(figure: Measurement) -> str:
    return f"{figure.kind}, {band(figure.uncertainty_pct)}"


def _need(figure: Measurement, capacity: int | None, name: str) -> Iterator[Piece]:
    yield Piece(quantity(figure.value, figure.unit), strong=True)
    if capacity:
        share = percent(figure.value / capacity)
        yield Piece(f" of {capacity_text(capacity)} {name} ({share}, {figure.kind})")
    else:
        yield Piece(f" of {name} ({figure.kind})")


def _correctness(run: RunRecord) -> Iterator[Piece]:
    check = run.check
    if check is None:
        yield Piece(" Its outputs were not checked.")
        return
    reference = reference_name(check.reference)
    inputs = plural(check.inputs, "input")
    if check.exact:
        yield Piece(" Its outputs are ")
        yield Piece("identical", strong=True)
        yield Piece(f" to {reference}'s on {inputs}.")
    else:
        yield Piece(" Its outputs ")
        yield Piece("agree", strong=True)
        yield Piece(f" with {reference}'s on {inputs}, within {check.tolerance:g} relative.")


def reference_name(reference: str) -> str:
    """``TensorFlow Lite`` for any of its runtimes, else the reference's own name."""
    lowered = reference.lower()
    if any(word in lowered for word in ("tflite", "litert", "tensorflow")):
        return "TensorFlow Lite"
    return reference


def _stand_in(run: RunRecord) -> Iterator[Piece]:
    if not run.machine_exact:
        yield Piece(" A machine with the same core stood in for the chip.")


def _mishap(run: RunRecord) -> Iterator[Piece]:
    yield from _subject(run)
    yield Piece(
        {
            "failed": " did not pass on the ",
            "error": " could not be tried on the ",
            "interrupted": " was stopped while it ran on the ",
            "running": " has not finished on the ",
        }[run.status]
    )
    yield from _chip(run)
    yield Piece(".")
    if run.status == "failed" and run.measurements:
        yield Piece(" The figures below show what happened; they are not a result.")
