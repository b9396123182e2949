"""The verdict in sentences: one run against its baseline.

A difference is claimed only where the bands of both figures do not overlap (see ``judge``), never
for a run that did not pass, and always with the kind and the band of its figures. A factor counts
how many times shorter or longer: 100 ms against 190 ms is 1.9x faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hil.records import Evaluation, RunRecord
from hil.report.run.evidence import Evidence, question
from hil.report.words.accuracy import agreement_text, data_name, estimate_text, metric_name
from hil.report.words.format import change_text, clock_text, plural
from hil.report.words.judge import NOUNS, Claim, claims, difference, points_text
from hil.report.words.naming import (
    chip_name,
    clock_hz,
    engine_title,
    family,
    model_name,
    names,
)
from hil.report.words.sentence import Sentence, listed, strong
from hil.verdict.kinship import scheme


def verdict(baseline: RunRecord, other: RunRecord, known: Evidence | None = None) -> Sentence:
    """One paragraph: ``other`` against ``baseline``, with what is known of their accuracy."""
    base_name, name = names((baseline, other))
    if other.status != "passed":
        return Sentence(strong(name) + _mishap(other, f"it is not compared with {base_name}."))
    if baseline.status != "passed":
        end = _mishap(baseline, "nothing is claimed against it.")
        return Sentence(f"The baseline, {strong(base_name)},{end}")
    found = claims(baseline, other)
    text = strong(name) + _where(baseline, other)
    text += _compared(found, base_name) if found else f": no figure in common with {base_name}"
    quality = quality_texts(baseline, other, known or Evidence())
    ends = [outputs_text(baseline, other), *filter(None, quality)]
    return Sentence(
        " ".join([f"{text}; {'; '.join(ends)}.", *_reservations(found, baseline, other)])
    )


def _compared(found: Sequence[Claim], base_name: str) -> str:
    """``: 1.9x faster and 40 % less RAM, but 23 % more flash, than X; …; time modelled, ±8 %``."""
    better, worse = (
        listed([strong(claim.text) for claim in found if claim.verdict == which])
        for which in ("better", "worse")
    )
    same = _same_texts(found)
    unclear = [claim.text for claim in found if claim.verdict in ("unclear", "unknown")]
    if better and worse:
        text = "; ".join([f": {better}, but {worse}, than {base_name}", *same, *unclear])
    elif better or worse:
        text = "; ".join([f": {better or worse} than {base_name}", *same, *unclear])
    elif same:
        text = "; ".join([f": {listed([strong(one) for one in same])} as {base_name}", *unclear])
    else:
        text = f": against {base_name}, {'; '.join(unclear)}"
    return "; ".join([text, *_bases(found)])


def _same_texts(found: Sequence[Claim]) -> list[str]:
    """``the same RAM and flash``; figures that differ a little each by itself."""
    equal = [NOUNS[c.figure] for c in found if c.verdict == "same" and c.ratio in (1.0, None)]
    nearly = [c.text for c in found if c.verdict == "same" and c.ratio not in (1.0, None)]
    return ([f"the same {listed(equal)}"] if equal else []) + nearly


def _bases(found: Sequence[Claim]) -> list[str]:
    """``time modelled, ±8 %`` and ``RAM and flash static``; unclear claims have it themselves."""
    groups: dict[str, list[str]] = {}
    for claim in found:
        if claim.verdict not in ("unclear", "unknown"):
            groups.setdefault(claim.basis, []).append(NOUNS[claim.figure])
    return [f"{listed(nouns)} {basis}" for basis, nouns in groups.items()]


def _where(baseline: RunRecord, other: RunRecord) -> str:
    """`` on the STM32L475VG at 80 MHz``; empty where the chips differ: the names have it."""
    if baseline.profile_name != other.profile_name:
        return ""
    clock = clock_text(clock_hz(other))
    return f" on the {chip_name(other)}" + (f" at {clock}" if clock else "")


def quality_texts(baseline: RunRecord, other: RunRecord, known: Evidence) -> tuple[str, str]:
    """Clauses of a verdict: decisions against the float parent, and accuracy on the same data.

    Each is empty where nothing is known.
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
            break  # the newest; the others are in the table
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


def _mishap(run: RunRecord, consequence: str) -> str:
    """What became of a run that did not pass, and what follows from that."""
    if run.status == "failed" and run.check is not None and not run.check.passed:
        wrong = f"{run.check.mismatches:,} of {plural(run.check.inputs, 'input')}"
        return f" gives wrong outputs (on {wrong}), so {consequence}"
    what = {
        "failed": "failed",
        "error": "could not be run",
        "interrupted": "was stopped before it finished",
        "running": "has not finished",
    }[run.status]
    if not run.errors:
        return f" {what}, so {consequence}"
    reason = run.errors[0].message.strip().partition("\n")[0].rstrip(".")
    return f" {what}: {reason}. {consequence[:1].upper()}{consequence[1:]}"


def outputs_text(baseline: RunRecord, other: RunRecord) -> str:
    """How the outputs of two passed runs compare.

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
            if engine_title(baseline) != engine_title(other):  # else their names have it
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
        what = "Both runs" if both else "The baseline" if other.machine_exact else "This run"
        yield f"{what} used a stand-in machine instead of the chip's own."


def _instructions(baseline: RunRecord, other: RunRecord) -> str:
    a, b = (run.measurements.get("instructions") for run in (baseline, other))
    if a is None or b is None or not a.value or a.uncertainty_pct or b.uncertainty_pct:
        return ""
    if a.value == b.value:
        return "; both carry out the same number of instructions"
    word = "fewer" if b.value < a.value else "more"
    return f"; the instructions, counted exactly, are {change_text(b.value / a.value - 1)} {word}"


def share_timing_model(runs: Sequence[RunRecord]) -> bool:
    """Whether the times of all runs come from one timing model of one chip."""
    figures = [run.measurements.get("cycles") for run in runs]
    return len({run.profile_name for run in runs}) == 1 and all(
        f is not None and f.kind == "modelled" and f.uncertainty_pct for f in figures
    )
