"""Other people's published results beside a run of the same model on the same board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.published import PublishedResult
from harness.records import RunRecord
from harness.report.format import MISSING, NBSP, plural, quantity
from harness.report.judge import ratio_text


@dataclass(frozen=True)
class PublishedRow:
    """One published row; ``ratio`` is the subject's time / the published one."""

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
    doubt: str


@dataclass(frozen=True)
class PublishedView:
    """All published rows of a case; ``subject`` is whose ratio is shown."""

    subject: str
    summary: str
    rows: tuple[PublishedRow, ...]


def published_view(
    results: Sequence[PublishedResult], subject: RunRecord, name: str
) -> PublishedView | None:
    """Rows with the subject's time against each; None where nothing was published."""
    if not results:
        return None
    rows = tuple(_row(result, subject) for result in results)
    return PublishedView(name, _summary(rows, name), rows)


def _row(result: PublishedResult, subject: RunRecord) -> PublishedRow:
    latency_us = result.latency_ms * 1e3 if result.latency_ms is not None else None
    energy_uj = result.energy_uj_per_inference
    measured = subject.measurements.get("latency_us")
    counts = subject.status == "passed" and measured is not None and latency_us
    ratio = measured.value / latency_us if counts and measured and latency_us else None
    return PublishedRow(
        label=result.label,
        framework=result.framework or MISSING,
        clock=f"{result.clock_hz / 1e6:g}{NBSP}MHz" if result.clock_hz else MISSING,
        supply=_supply(result),
        latency_us=latency_us,
        latency=quantity(latency_us, "us") if latency_us is not None else MISSING,
        energy_uj=energy_uj,
        energy=quantity(energy_uj, "uJ") if energy_uj is not None else MISSING,
        quality=_quality(result),
        ratio=ratio,
        ratio_text=ratio_text(ratio),
        against=_against(subject, latency_us) if ratio is not None else "",
        doubt=result.doubt,
    )


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


def _against(subject: RunRecord, latency_us: float | None) -> str:
    """Whether the subject's band leaves room for equality with the published value."""
    measured = subject.measurements["latency_us"]
    assert latency_us is not None
    if measured.uncertainty_pct is None:
        return "uncertainty unknown"
    half = measured.value * measured.uncertainty_pct / 100
    if abs(measured.value - latency_us) <= half:
        return "within the band"
    return "faster" if measured.value < latency_us else "slower"


def _summary(rows: Sequence[PublishedRow], name: str) -> str:
    """How many of the rows the subject beats, in one sentence; empty without any ratio."""
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
