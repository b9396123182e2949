"""Published results of others beside a run of the same model on the same board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.published import PublishedResult
from hil.records import Measurement, RunRecord
from hil.report.run.evidence import Evidence
from hil.report.words.accuracy import data_name, estimate_text, interval_text, metric_name
from hil.report.words.format import MISSING, NBSP, clock_text, plural, quantity
from hil.report.words.judge import ratio_text
from hil.report.words.naming import clock_hz


@dataclass(frozen=True)
class PublishedRow:
    """One published row; ``ratio`` is the subject's time / the published one, energy likewise.

    ``against`` and ``energy_against`` are what follows from it, given the subject's band.
    """

    label: str
    framework: str
    clock: str
    supply: str
    latency_us: float | None
    latency: str
    energy_uj: float | None
    energy: str
    quality: str
    ratio: float | None
    ratio_text: str
    against: str
    energy_ratio: float | None
    energy_ratio_text: str
    energy_against: str
    doubt: str


@dataclass(frozen=True)
class PublishedView:
    """All published rows of a case; ``subject`` is whose ratio is shown, ``quality`` its own."""

    subject: str
    summary: str
    quality: str
    rows: tuple[PublishedRow, ...]


def published_view(
    results: Sequence[PublishedResult], subject: RunRecord, name: str, known: Evidence
) -> PublishedView | None:
    """Rows with the subject's time against each; None where nothing was published."""
    if not results:
        return None
    rows = tuple(_row(result, subject) for result in results)
    return PublishedView(name, _summary(rows, name), _own_quality(subject, name, known), rows)


def _own_quality(subject: RunRecord, name: str, known: Evidence) -> str:
    """The subject's accuracy, to be compared with that of the published rows."""
    found = known.of(subject)
    if not found or found[0].accuracy is None or found[0].status != "passed":
        return f"The accuracy of {name} has not been evaluated here."
    accuracy = found[0].accuracy
    return (
        f"{metric_name(found[0].metric)} of {name}: {estimate_text(accuracy.main)} "
        f"({interval_text(accuracy.main)}) on {data_name(found[0])}, "
        f"{plural(accuracy.items, 'item')}."
    )


def _row(result: PublishedResult, subject: RunRecord) -> PublishedRow:
    latency_us = result.latency_ms * 1e3 if result.latency_ms is not None else None
    energy_uj = result.energy_uj_per_inference
    ratio, against = _ratio(subject, "latency_us", latency_us, result)
    energy_ratio, energy_against = _ratio(subject, "energy_uj", energy_uj, result)
    return PublishedRow(
        label=result.label,
        framework=result.framework or MISSING,
        clock=clock_text(result.clock_hz) or MISSING,
        supply=_supply(result),
        latency_us=latency_us,
        latency=quantity(latency_us, "us") if latency_us is not None else MISSING,
        energy_uj=energy_uj,
        energy=quantity(energy_uj, "uJ") if energy_uj is not None else MISSING,
        quality=_quality(result),
        ratio=ratio,
        ratio_text=ratio_text(ratio),
        against=against,
        energy_ratio=energy_ratio,
        energy_ratio_text=ratio_text(energy_ratio),
        energy_against=energy_against,
        doubt=result.doubt,
    )


def _ratio(
    subject: RunRecord, name: str, published: float | None, result: PublishedResult
) -> tuple[float | None, str]:
    """The subject's figure / the published one, and what follows; no ratio across clocks."""
    own = subject.measurements.get(name)
    if subject.status != "passed" or own is None or not published:
        return None, ""
    clocks = clock_hz(subject), result.clock_hz
    if all(clocks) and clocks[0] != clocks[1]:
        return None, "another clock"
    return own.value / published, _against(own, published)


def _supply(result: PublishedResult) -> str:
    if result.volts is None:
        return MISSING
    return f"{result.volts:g}{NBSP}V" + ("" if result.volts_stated else " (assumed)")


def _quality(result: PublishedResult) -> str:
    parts = []
    if result.top1_pct is not None:
        parts.append(f"top-1 {result.top1_pct:g}{NBSP}%")
    if result.auc is not None:
        parts.append(f"AUC {result.auc:g}")
    return ", ".join(parts) or MISSING


def _against(measured: Measurement, published: float) -> str:
    """How the published value compares with the subject's band."""
    if measured.uncertainty_pct is None:
        return "uncertainty unknown"
    if abs(measured.value - published) <= measured.value * measured.uncertainty_pct / 100:
        return "within the band"
    less, more = ("faster", "slower") if measured.name == "latency_us" else ("less", "more")
    return less if measured.value < published else more


def _summary(rows: Sequence[PublishedRow], name: str) -> str:
    """Of how many rows the subject is faster, in one sentence; empty without any ratio."""
    timed = [row for row in rows if row.ratio is not None]
    if not timed:
        return ""
    faster, slower, within = (
        sum(row.against == word for row in timed)
        for word in ("faster", "slower", "within the band")
    )
    fastest = min(timed, key=lambda row: row.latency_us or 0)
    text = f"Of {plural(len(timed), 'published time')} {name} is faster than {faster}"
    text += f", slower than {slower}"
    if within:
        text += f", and its band holds {within}"
    return f"{text}; the fastest is {fastest.label}, {fastest.latency}."
