"""Accuracy as text: names of data and metrics, shares, intervals, agreement."""

from __future__ import annotations

from hil.records import Agreement, Estimate, Evaluation
from hil.report.words.format import NBSP, plural


def data_name(one: Evaluation) -> str:
    """The data's file or folder without the way to it."""
    return one.data_name.rstrip("/").rpartition("/")[2] or one.data_name


def metric_name(metric: str) -> str:
    """``top-1`` or ``AUC``."""
    return "AUC" if metric == "auc" else "top-1"


def estimate_text(one: Estimate) -> str:
    """``98.61 %``; an AUC as it is."""
    return f"{one.value:.4f}" if one.count is None else f"{100 * one.value:.2f}{NBSP}%"


def interval_text(one: Estimate) -> str:
    """``96.79 to 99.41 %``: the ends of the interval."""
    if one.count is None:
        return f"{one.low:.4f} to {one.high:.4f}"
    return f"{100 * one.low:.2f} to {100 * one.high:.2f}{NBSP}%"


def counted_text(one: Estimate) -> str:
    """``71 of 72``: what was right; of an AUC the number of items."""
    return plural(one.n, "item") if one.count is None else f"{one.count:,} of {one.n:,}"


def agreement_text(one: Agreement) -> str:
    """``the same top-1 class for 98.6 % of 72 held-out samples``."""
    samples = plural(one.samples, f"{one.data} sample")
    if one.top1 is None:
        return f"outputs at {one.sqnr_db:.1f}{NBSP}dB SQNR on {samples}"
    return f"the same top-1 class for {_share(one.top1)} of {samples}"


def _share(share: float) -> str:
    """Per cent with one digit; only all of them are 100 %."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}{NBSP}%"
    return f"{min(max(100 * share, 0.1), 99.9):.1f}{NBSP}%"
