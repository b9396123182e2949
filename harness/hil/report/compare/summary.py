"""Many verdicts in one paragraph: an engine against a baseline over several models and chips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hil.records import RunRecord
from hil.report.compare.choose import Case
from hil.report.compare.model_error import errors_sentence, pair_sentence
from hil.report.compare.verdict import outputs_text, quality_texts, verdict
from hil.report.run.evidence import Evidence
from hil.report.words.format import NBSP, band, change_text, factor_text, plural
from hil.report.words.judge import NOUNS, Claim, claims
from hil.report.words.naming import family, matchup
from hil.report.words.sentence import Sentence, listed, strong
from hil.verdict.kinship import is_model_and_board

Pair = tuple[RunRecord, RunRecord]
_FEW = 3
_MODEL_AND_BOARD = ("model", "board")


def summary(cases: Sequence[Case], known: Evidence | None = None) -> tuple[Sentence, ...]:
    """The verdict on all cases: a pair's own for one pair, else one paragraph per match-up.

    A match-up is an engine against an engine, for variants of a model a data type against a data
    type, for one firmware the model of the chip against the board. Empty where there is
    nothing to compare.
    """
    known = known or Evidence()
    matches: dict[tuple[str, str], list[tuple[Pair, str]]] = {}
    for case in cases:
        for run in case.subjects:
            key = matchup(case.runs[0], run)
            if is_model_and_board(case.runs[0], run):
                key = _MODEL_AND_BOARD
            matches.setdefault(key, []).append(((case.runs[0], run), case.title))
    several = sum(len(case.subjects) > 0 for case in cases) > 1
    return tuple(
        _alone(found[0], several, known)
        if len(found) == 1
        else errors_sentence([pair for pair, _ in found])
        if key == _MODEL_AND_BOARD
        else Sentence(_paragraph(*key, [pair for pair, _ in found], known))
        for key, found in matches.items()
    )


def _alone(found: tuple[Pair, str], several: bool, known: Evidence) -> Sentence:
    """A pair's own verdict; beside others with its model and chip."""
    pair, title = found
    result = pair_sentence(*pair, outputs_text(*pair)) or verdict(*pair, known)
    return Sentence((f"{title}: " if several else "") + result.marked)


def _paragraph(name: str, base: str, pairs: Sequence[Pair], known: Evidence) -> str:
    number = plural(len(pairs), "pair")
    start = f"{strong(name)} against {base} in {number} of runs ({_scope(pairs)}): "
    valid = [pair for pair in pairs if all(run.status == "passed" for run in pair)]
    if not valid:
        return f"{start}in none of them did both pass, so nothing is claimed."
    found: dict[str, list[Claim]] = {}
    for pair in valid:
        for claim in claims(*pair):
            found.setdefault(claim.figure, []).append(claim)
    parts = [_figure(figure, group) for figure, group in found.items()]
    parts += [_times(valid), _outputs(valid), *_quality(valid, known)]
    text = f"{start}{'; '.join(filter(None, parts))}."
    if lost := len(pairs) - len(valid):
        text += f" In {plural(lost, 'pair')} a run did not pass: nothing is claimed there."
    return text


def _scope(pairs: Sequence[Pair]) -> str:
    models = len({family(run) for _, run in pairs})
    profiles = len({run.profile_name for _, run in pairs})
    return f"{plural(models, 'model')}, {plural(profiles, 'profile')}"


def _figure(name: str, group: Sequence[Claim]) -> str:
    """``1.2x to 1.9x faster in 6 of 8, no difference in time can be claimed in 2``."""
    counted = []
    for which in ("better", "worse"):
        ratios = [claim.ratio for claim in group if claim.verdict == which]
        if ratios:
            counted.append((strong(_range(name, ratios, which == "better")), len(ratios)))
    same = sum(claim.verdict == "same" for claim in group)
    unclear = sum(claim.verdict in ("unclear", "unknown") for claim in group)
    counted.append((f"the same {NOUNS[name]} within 1{NBSP}%", same))
    counted.append((f"no difference in {NOUNS[name]} can be claimed", unclear))
    return ", ".join(text + _in(number, len(group)) for text, number in counted if number)


def _in(number: int, total: int) -> str:
    everywhere = "both" if total == 2 else f"all {total}"
    return f" in {everywhere if number == total else number}"


def _range(name: str, ratios: Sequence[float | None], better: bool) -> str:
    known = sorted(ratio for ratio in ratios if ratio)
    if name == "latency_us":
        words = [_factor(1 / r if better else r) for r in known]
        what = "faster" if better else "slower"
    elif not better and known and known[-1] >= 2:
        words = [_factor(r) for r in known]
        what = f"the {NOUNS[name]}"
    else:
        words = [change_text(r - 1) for r in known]
        what = f"{'less' if better else 'more'} {NOUNS[name]}"
    if not words:
        return what
    low, high = (words[-1], words[0]) if better else (words[0], words[-1])
    return f"{low} {what}" if low == high else f"{low} to {high} {what}"


def _factor(factor: float) -> str:
    return f"{factor:.2f}x" if factor < 1.195 else factor_text(factor)


def _times(pairs: Sequence[Pair]) -> str:
    """``times modelled, ±4.9 % to ±12 %``."""
    figures = [run.measurements["latency_us"] for pair in pairs for run in pair
               if "latency_us" in run.measurements]  # fmt: skip
    if not figures:
        return ""
    kinds = listed(list(dict.fromkeys(figure.kind for figure in figures)))
    bands = sorted(figure.uncertainty_pct for figure in figures if figure.uncertainty_pct)
    texts = list(dict.fromkeys(band(value) for value in (*bands[:1], *bands[-1:])))
    return f"times {kinds}" + (f", {' to '.join(texts)}" if texts else "")


def _outputs(pairs: Sequence[Pair]) -> str:
    return _counted([outputs_text(*pair) for pair in pairs], len(pairs))


def _quality(pairs: Sequence[Pair], known: Evidence) -> list[str]:
    """Accuracy and agreement, unless there are more texts than one wants to read here."""
    found = zip(*(quality_texts(*pair, known) for pair in pairs), strict=True)
    groups = [[text for text in texts if text] for texts in found]
    return [_counted(texts, len(pairs)) for texts in groups if 0 < len(set(texts)) <= _FEW]


def _counted(texts: Sequence[str], total: int) -> str:
    """``outputs identical in 3, outputs not checked in 1``."""
    numbers = Counter(texts)
    return ", ".join(f"{text}{_in(number, total)}" for text, number in numbers.items())
