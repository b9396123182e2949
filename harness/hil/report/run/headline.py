"""The first paragraph of a run: its result, for readers outside the field."""

from __future__ import annotations

from hil.records import Measurement, RunRecord
from hil.report.run.memory import flash_capacity_bytes, main_ram_bytes
from hil.report.words.figures import value_text
from hil.report.words.format import band, clock_text, percent, plural
from hil.report.words.format import capacity as capacity_text
from hil.report.words.naming import chip_name, clock_hz
from hil.report.words.sentence import Sentence, strong


def headline(run: RunRecord) -> Sentence:
    """What the run showed, or why it has no result."""
    if run.status != "passed":
        return Sentence(_mishap(run))
    text = f"{_achievement(run)} {_correctness(run)}"
    if "latency_us" in run.measurements and not run.machine_exact:
        text += f" The run used a stand-in machine, {run.machine}."
    return Sentence(text)


def _subject(run: RunRecord) -> str:
    return f"The model {strong(run.model.name if run.model else '(unknown)')}"


def _chip(run: RunRecord) -> str:
    clock = clock_text(clock_hz(run))
    return strong(chip_name(run)) + (f" at {clock}" if clock else "")


def _achievement(run: RunRecord) -> str:
    figures = run.measurements
    if latency := figures.get("latency_us"):
        text = f"{_subject(run)} runs on the {_chip(run)}"
        text += f" in {strong(value_text(latency))} ({_qualifier(latency)})"
    else:
        text = f"{_subject(run)} ran on {strong(run.machine)} ({run.target}); time is not measured"
    needs = [
        _need(figures[name], capacity, noun)
        for name, capacity, noun in (
            ("flash_bytes", flash_capacity_bytes(run.profile), "flash"),
            ("ram_bytes", main_ram_bytes(run.profile), "RAM"),
        )
        if name in figures
    ]
    if needs:
        text += f", needs {' and '.join(needs)}"
    if energy := figures.get("energy_uj"):
        cost = f"{strong(value_text(energy))} of energy per inference"
        text += f", and costs {cost} ({_qualifier(energy)})"
    return f"{text}."


def _qualifier(figure: Measurement) -> str:
    return f"{figure.kind}, {band(figure.uncertainty_pct)}"


def _need(figure: Measurement, capacity: int | None, noun: str) -> str:
    value = strong(value_text(figure))
    if not capacity:
        return f"{value} of {noun} ({figure.kind})"
    share = percent(figure.value / capacity)
    return f"{value} of {capacity_text(capacity)} {noun} ({share}, {figure.kind})"


def _correctness(run: RunRecord) -> str:
    check = run.check
    if check is None:
        return "Its outputs were not checked."
    reference, inputs = reference_name(check.reference), plural(check.inputs, "input")
    if check.exact:
        return f"Its outputs are {strong('identical')} to {reference}'s on {inputs}."
    within = f"within {check.tolerance:g} relative"
    return f"Its outputs {strong('agree')} with {reference}'s on {inputs}, {within}."


def reference_name(reference: str) -> str:
    """``TensorFlow Lite`` for any of its runtimes, else the reference's own name."""
    lowered = reference.lower()
    if any(word in lowered for word in ("tflite", "litert", "tensorflow")):
        return "TensorFlow Lite"
    return reference


def _mishap(run: RunRecord) -> str:
    what = {
        "failed": "did not pass on the",
        "error": "could not be run on the",
        "interrupted": "was stopped while it ran on the",
        "running": "has not finished on the",
    }[run.status]
    text = f"{_subject(run)} {what} {_chip(run)}."
    if run.status == "failed" and run.measurements:
        text += " The figures below show what happened; they are not a result."
    return text
