"""The verdict in plain words: one run against its baseline.

A difference is claimed only where the bands of both figures do not overlap (see ``judge``), never
for a run that did not pass, and always with the kind and the band of what it rests on. A factor
counts how many times shorter or longer: 100 ms against 190 ms is 1.9x faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.figures import FIGURES
from hil.records import Check, Evaluation, Measurement, RunRecord
from hil.report.run.evidence import Evidence, question
from hil.report.words.accuracy import agreement_text, data_name, estimate_text, metric_name
from hil.report.words.format import NBSP, band, clock_text, plural, significant
from hil.report.words.judge import Verdict, difference, judge, points_text, ratio_text
from hil.report.words.naming import (
    chip_name,
    clock_hz,
    engine_title,
    family,
    model_name,
    names,
    scheme,
)
from hil.report.words.sentence import Headline, Piece

NOUNS = {
    figure.name: figure.noun
    for figure in sorted(FIGURES.values(), key=lambda figure: figure.claim)
    if figure.claim
}
_FACTOR_FROM = 1.2  # below, a change of time reads better in per cent
_NEARLY = 0.01  # a known difference, but too small to be a point for or against
_ENERGY_FOLLOWS = 0.02  # energy in the time's ratio, within this, says nothing new


@dataclass(frozen=True)
class Claim:
    """What may be said about one figure. ``ratio`` is value / baseline, ``basis`` kind and band."""

    figure: str
    verdict: Verdict
    text: str
    ratio: float | None
    basis: str


def claims(baseline: RunRecord, other: RunRecord) -> tuple[Claim, ...]:
    """Claims about time, RAM, flash and energy, of the figures that both runs have.

    Energy is left out where it only follows the time: both modelled, in the same ratio.
    """
    shared = [n for n in NOUNS if n in baseline.measurements and n in other.measurements]
    pairs = {name: (baseline.measurements[name], other.measurements[name]) for name in shared}
    found = {name: _claim(*pair) for name, pair in pairs.items()}
    if "energy_uj" in found and all(m.kind == "modelled" for m in pairs["energy_uj"]):
        time, energy = (found[n].ratio if n in found else None for n in ("latency_us", "energy_uj"))
        if time and energy and abs(energy / time - 1) <= _ENERGY_FOLLOWS:
            del found["energy_uj"]
    return tuple(found.values())


def _claim(baseline: Measurement, other: Measurement) -> Claim:
    judged = judge(baseline, other)
    noun = NOUNS[baseline.name]
    if judged.verdict in ("better", "worse") and _is_nearly(judged.ratio):
        return Claim(
            baseline.name,
            "same",
            f"nearly the same {noun} ({judged.words.partition(',')[0]})",
            judged.ratio,
            _basis(baseline, other),
        )
    if judged.verdict in ("better", "worse"):
        size = _time if baseline.name == "latency_us" else _amount
        text = size(baseline.value, other.value, noun)
    elif judged.verdict == "same":
        text = f"the same {noun}"
    else:
        why = _why_not(judged.verdict, baseline, other, judged.ratio)
        text = f"no difference in {noun} can be claimed ({why})"
    return Claim(baseline.name, judged.verdict, text, judged.ratio, _basis(baseline, other))


def _is_nearly(ratio: float | None) -> bool:
    return ratio is not None and abs(ratio - 1) < _NEARLY


def _time(baseline: float, value: float, noun: str) -> str:
    word = "faster" if value < baseline else "slower"
    if min(baseline, value) <= 0:
        return word
    factor = max(baseline, value) / min(baseline, value)
    if factor < _FACTOR_FROM:
        return f"{percent_text(value / baseline - 1)} {word}"
    return f"{factor_text(factor)} {word}"


def _amount(baseline: float, value: float, noun: str) -> str:
    if not baseline:
        return f"more {noun} (from none)"
    if value >= 2 * baseline:
        return f"{factor_text(value / baseline)} the {noun}"
    return f"{percent_text(value / baseline - 1)} {'less' if value < baseline else 'more'} {noun}"


def factor_text(factor: float) -> str:
    """``1.9x``, ``12x``: two significant digits, whole above ten."""
    return f"{factor:,.0f}x" if factor >= 9.95 else f"{significant(factor, 2)}x"


def percent_text(change: float) -> str:
    """``40 %``, ``4.2 %`` of a change such as -0.4; a small one never rounds to nothing."""
    value = abs(change) * 100
    if value < 0.1:
        return f"<0.1{NBSP}%"
    if value >= 99.5:
        return f"{value:,.1f}{NBSP}%"
    return f"{value:.1f}{NBSP}%" if value < 9.95 else f"{value:.0f}{NBSP}%"


def _why_not(verdict: Verdict, a: Measurement, b: Measurement, ratio: float | None) -> str:
    if a.unit != b.unit:
        return "the units differ"
    shown = f"{ratio_text(ratio)}, " if ratio is not None else ""
    if verdict == "unknown":
        return f"{shown}uncertainty unknown"
    return f"{shown}within the uncertainty of {_bands(a, b)}"


def _bands(a: Measurement, b: Measurement) -> str:
    """Both bands; the wider one alone where they are nearly equal."""
    narrow, wide = sorted((m.uncertainty_pct or 0.0) for m in (a, b))
    if narrow >= 0.9 * wide:
        return band(wide)
    return f"{band(b.uncertainty_pct)} and {band(a.uncertainty_pct)}"


def _basis(a: Measurement, b: Measurement) -> str:
    """``modelled, ±8 %``; both sides where their kinds differ. Exact bands are not mentioned."""
    if a.kind != b.kind:
        return f"{b.kind}, {band(b.uncertainty_pct)}, against {a.kind}, {band(a.uncertainty_pct)}"
    return b.kind if not (a.uncertainty_pct or b.uncertainty_pct) else f"{b.kind}, {_bands(a, b)}"


def verdict(baseline: RunRecord, other: RunRecord, known: Evidence | None = None) -> Headline:
    """One paragraph: ``other`` against ``baseline``, with what is known of their accuracy."""
    base_name, name = names((baseline, other))
    if other.status != "passed":
        end = f"othing of it counts against {base_name}."
        return Headline((Piece(name, strong=True), *_mishap(other, end)))
    if baseline.status != "passed":
        start = (Piece("The baseline, "), Piece(base_name, strong=True), Piece(","))
        return Headline((*start, *_mishap(baseline, "othing is claimed against it.")))
    found = claims(baseline, other)
    pieces = [Piece(name, strong=True), Piece(_where(baseline, other))]
    if found:
        pieces += _compared(found, base_name)
    else:
        pieces.append(Piece(f": no figure in common with {base_name}"))
    quality = quality_texts(baseline, other, known or Evidence())
    ends = [outputs_text(baseline, other), *filter(None, quality)]
    pieces.append(Piece(f"; {'; '.join(ends)}."))
    pieces += [Piece(f" {text}") for text in _reservations(found, baseline, other)]
    return Headline(tuple(pieces))


def _compared(found: Sequence[Claim], base_name: str) -> list[Piece]:
    """``: 1.9x faster and 40 % less RAM, but 23 % more flash, than X; …; time modelled, ±8 %``."""
    better = [claim.text for claim in found if claim.verdict == "better"]
    worse = [claim.text for claim in found if claim.verdict == "worse"]
    same = _same_texts(found)
    open_ = [claim.text for claim in found if claim.verdict in ("unclear", "unknown")]
    pieces = [Piece(": ")]
    if better or worse:
        pieces += _strong_list(better)
        if better and worse:
            pieces += [Piece(", but "), *_strong_list(worse), Piece(",")]
        else:
            pieces += _strong_list(worse)
        pieces.append(Piece(f" than {base_name}"))
        pieces += [Piece(f"; {text}") for text in same]
    elif same:
        pieces += [*_strong_list(same), Piece(f" as {base_name}")]
    else:
        pieces.append(Piece(f"against {base_name}"))
    for position, text in enumerate(open_):
        pieces.append(Piece("; " if position or len(pieces) > 2 else ", "))
        pieces.append(Piece(text))
    bases = _bases(found)
    return [*pieces, Piece(f"; {bases}")] if bases else pieces


def _same_texts(found: Sequence[Claim]) -> list[str]:
    """``the same RAM and flash``; figures that differ a little each for themselves."""
    equal = [NOUNS[c.figure] for c in found if c.verdict == "same" and c.ratio in (1.0, None)]
    nearly = [c.text for c in found if c.verdict == "same" and c.ratio not in (1.0, None)]
    return ([f"the same {listed(equal)}"] if equal else []) + nearly


def _strong_list(texts: Sequence[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for position, text in enumerate(texts):
        if position:
            pieces.append(Piece(" and " if position == len(texts) - 1 else ", "))
        pieces.append(Piece(text, strong=True))
    return pieces


def _bases(found: Sequence[Claim]) -> str:
    """``time modelled, ±8 %; RAM and flash static``."""
    groups: dict[str, list[str]] = {}
    for claim in found:
        if claim.verdict in ("unclear", "unknown"):
            continue  # the claim itself says it
        groups.setdefault(claim.basis, []).append(NOUNS[claim.figure])
    return "; ".join(f"{listed(nouns)} {basis}" for basis, nouns in groups.items())


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _where(baseline: RunRecord, other: RunRecord) -> str:
    """`` on the STM32L475VG at 80 MHz``; nothing where the chips differ: the names say it."""
    if baseline.profile_name != other.profile_name:
        return ""
    clock = clock_text(clock_hz(other))
    return f" on the {chip_name(other)}" + (f" at {clock}" if clock else "")


def quality_texts(baseline: RunRecord, other: RunRecord, known: Evidence) -> tuple[str, str]:
    """Clauses of a verdict: decisions against the float parent, and accuracy on the same data.

    Each is empty where there is nothing to say.
    """
    agreed = accuracy = ""
    agreement = known.agreement(other)
    parent = family(other) if scheme(other) else ""
    if agreement and baseline.model is not None and baseline.model.sha256 == parent:
        agreed = agreement_text(agreement)
    theirs = {question(one): one for one in known.of(baseline)}
    for mine in known.of(other):
        if question(mine) in theirs:
            accuracy = _clause(theirs[question(mine)], mine)
            break  # the newest; the others stand in the table
    return agreed, accuracy


def _clause(baseline: Evaluation, other: Evaluation) -> str:
    assert baseline.accuracy is not None
    assert other.accuracy is not None
    a, b = baseline.accuracy.main, other.accuracy.main
    what = metric_name(other.metric)
    what = what if other.metric == "auc" else f"{what} accuracy"
    data = f"{data_name(other)}, {plural(other.accuracy.items, 'item')}"
    judged = difference(baseline, other)
    values = f"{estimate_text(b)} against {estimate_text(a)}"
    if judged.verdict == "unknown":
        return f"no accuracy to compare: an evaluation on {data_name(other)} did not pass"
    if judged.verdict == "same":
        return f"the same {what} ({estimate_text(b)} on {data})"
    if judged.verdict == "unclear":
        return f"no difference in {what} can be claimed ({values} on {data})"
    size = f"{points_text(judged.points)} {'higher' if judged.points > 0 else 'lower'}"
    return f"{what} {size} ({values} on {data})"


def _mishap(run: RunRecord, consequence: str) -> tuple[Piece, ...]:
    """What came of a run that did not pass, and what follows (without its first letter)."""
    if run.status == "failed" and run.check is not None and not run.check.passed:
        return (Piece(f" gives wrong outputs ({_wrong(run.check)}), so n{consequence}"),)
    words = {
        "failed": "failed",
        "error": "could not be tried",
        "interrupted": "was stopped before it finished",
        "running": "has not finished",
    }[run.status]
    if not run.errors:
        return (Piece(f" {words}, so n{consequence}"),)
    return (Piece(f" {words}: {_first_line(run.errors[0].message)}. N{consequence}"),)


def _wrong(check: Check) -> str:
    inputs = "input" if check.inputs == 1 else "inputs"
    return f"on {check.mismatches:,} of {check.inputs:,} {inputs}"


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0].rstrip(".")


def outputs_text(baseline: RunRecord, other: RunRecord) -> str:
    """How the outputs of two passed runs stand to each other.

    Bit-equal to one reference on the same inputs means bit-equal to each other.
    """
    if other.check is None or baseline.check is None:
        missing = " and ".join(
            word
            for word, run in (("its own", other), ("the baseline's", baseline))
            if run.check is None
        )
        return f"outputs not checked ({missing})"
    if not (other.check.exact and baseline.check.exact):
        if not _same_model(baseline, other):
            return "outputs of each agree with its own model's reference"
        return "outputs agree with the reference within the tolerance"
    if not _same_model(baseline, other):
        return "outputs of each identical to its own model's reference"
    inputs = [run.provenance.get("inputs_sha256") for run in (baseline, other)]
    if inputs[0] and inputs[0] == inputs[1]:
        return "outputs identical"
    return "outputs of both identical to the reference's, on different inputs"


def _same_model(a: RunRecord, b: RunRecord) -> bool:
    return a.model is not None and b.model is not None and a.model.sha256 == b.model.sha256


def _reservations(found: Sequence[Claim], baseline: RunRecord, other: RunRecord) -> Iterator[str]:
    """What the reader must know besides, in sentences."""
    time = next((claim for claim in found if claim.figure == "latency_us"), None)
    if time and time.verdict == "unclear" and share_timing_model((baseline, other)):
        yield (
            "Both times come from one timing model of one chip, so most of its error is common to "
            f"both{_instructions(baseline, other)}."
        )
    if not _same_model(baseline, other):
        if family(baseline) == family(other):
            if engine_title(baseline) != engine_title(other):  # else their names say it
                yield "They are variants of one model: the ratios also compare the quantization."
        else:
            yield (
                f"The models differ ({model_name(other)} against {model_name(baseline)}): "
                "the ratios also compare the models."
            )
    if baseline.profile_name != other.profile_name:
        chips = [
            f"{chip_name(run)} at {clock_text(clock_hz(run))}".removesuffix(" at ")
            for run in (other, baseline)
        ]
        yield f"The chips differ ({chips[0]} against {chips[1]}): the ratios also compare them."
    if not (baseline.machine_exact and other.machine_exact):
        both = baseline.machine_exact == other.machine_exact
        what = "both runs" if both else "the baseline" if other.machine_exact else "this run"
        yield f"A machine with the same core stood in for the chip in {what}."


def _instructions(baseline: RunRecord, other: RunRecord) -> str:
    a, b = (run.measurements.get("instructions") for run in (baseline, other))
    if a is None or b is None or not a.value or a.uncertainty_pct or b.uncertainty_pct:
        return ""
    if a.value == b.value:
        return "; both carry out the same number of instructions"
    word = "fewer" if b.value < a.value else "more"
    return f"; the instructions, counted exactly, are {percent_text(b.value / a.value - 1)} {word}"


def share_timing_model(runs: Sequence[RunRecord]) -> bool:
    """Whether the times of all runs come from one timing model of one chip."""
    figures = [run.measurements.get("cycles") for run in runs]
    return len({run.profile_name for run in runs}) == 1 and all(
        f is not None and f.kind == "modelled" and f.uncertainty_pct for f in figures
    )
