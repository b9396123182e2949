"""How far the model of a chip is from a board that ran the same firmware, in all and op by op.

An error is modelled / measured - 1, in per cent with its sign. It is inside the model's band where
the band around the modelled value and the one around the measured value overlap. The band was made
for whole firmwares, and single ops have no other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.records import Kind, Measurement, RunRecord
from hil.report.words.figures import value_text
from hil.report.words.format import MISSING, NBSP, band, plural, significant
from hil.report.words.naming import place_name
from hil.report.words.sentence import Sentence, strong
from hil.verdict.decide import band_ends
from hil.verdict.kinship import is_model_and_board, is_virtual, on_board, unlike_firmware

BETWEEN = "between the ops"
NOT_A_MEASUREMENT = "virtual board: not a measurement"
_NOT_MEASURED = f"{NOT_A_MEASUREMENT[:1].upper()}{NOT_A_MEASUREMENT[1:]}."
_TIMES = ("cycles", "latency_us")
_MEMORY = ("ram_bytes", "arena_bytes", "static_bytes", "stack_bytes", "heap_bytes")


@dataclass(frozen=True)
class FigureError:
    """A figure of the model beside the board's.

    ``error_pct`` is None where the board's is 0, ``inside`` None where the model's band is unknown.
    """

    name: str
    modelled: Measurement
    board: Measurement
    error_pct: float | None
    inside: bool | None


@dataclass(frozen=True)
class OpError:
    """Cycles of an op, or of the code between the ops (``index`` None).

    ``share_pct`` is the difference in per cent of all cycles of the board: what the op adds to the
    error of the whole. ``inside`` is by the band of the whole.
    """

    index: int | None
    op: str
    name: str
    modelled: int
    board: int
    error_pct: float | None
    share_pct: float
    inside: bool | None


@dataclass(frozen=True)
class ModelError:
    """A modelled run against a board's run of the same firmware.

    ``board_word`` is what the board's figures are: measured, or of a virtual board. ``ops`` have
    the largest part of the error first.
    """

    modelled: RunRecord
    board: RunRecord
    modelled_place: str
    board_place: str
    board_word: str
    board_kind: Kind
    is_virtual: bool
    figures: tuple[FigureError, ...]
    ops: tuple[OpError, ...]
    headline: Sentence
    notes: tuple[str, ...]

    @property
    def band_pct(self) -> float | None:
        """Half the band of the model's cycles."""
        return self.modelled.measurements["cycles"].uncertainty_pct


def model_errors(runs: Sequence[RunRecord]) -> tuple[ModelError, ...]:
    """The error of each model of the chip among the runs, against each board that ran the firmware.

    Of several runs in one place the last one counts, as in the order of the runs.
    """
    newest: dict[tuple[str, ...], RunRecord] = {}
    for run in runs:
        if run.status == "passed" and "cycles" in run.measurements:
            facts = (run.engine, str(run.provenance.get("optimize")), str(run.model))
            newest[(run.profile_name, run.target, run.machine, *facts)] = run
    boards = [run for run in newest.values() if on_board(run)]
    return tuple(
        model_error(one, board)
        for board in boards
        for one in newest.values()
        if is_model_and_board(one, board)
    )


def model_error(modelled: RunRecord, board: RunRecord) -> ModelError:
    """Compare two passed runs of one firmware that both have cycles."""
    figures = tuple(_figures(modelled, board))
    ops = _ops(modelled, board)
    virtual = is_virtual(board)
    return ModelError(
        modelled=modelled,
        board=board,
        modelled_place=place_name(modelled),
        board_place=place_name(board),
        board_word="virtual board" if virtual else "measured",
        board_kind=board.measurements["cycles"].kind,
        is_virtual=virtual,
        figures=figures,
        ops=ops,
        headline=Sentence(_headline(modelled, board, figures, ops)),
        notes=tuple(_notes(modelled, board, ops)),
    )


def pair_sentence(a: RunRecord, b: RunRecord, outputs: str) -> Sentence | None:
    """The result of two runs that are of a model and a board with one firmware; else None.

    ``outputs`` says how the outputs of the two compare.
    """
    if not is_model_and_board(a, b) or not all("cycles" in run.measurements for run in (a, b)):
        return None
    modelled, board = (b, a) if on_board(a) else (a, b)
    text = model_error(modelled, board).headline.marked
    return Sentence(f"{text} {outputs[:1].upper()}{outputs[1:]}.")


def errors_sentence(pairs: Sequence[tuple[RunRecord, RunRecord]]) -> Sentence:
    """The errors of the model for several firmwares, in one sentence."""
    found = [
        model_error(*((b, a) if on_board(a) else (a, b)))
        for a, b in pairs
        if "cycles" in a.measurements and "cycles" in b.measurements
    ]
    times = [one.figures[0] for one in found]
    errors = sorted(one.error_pct for one in times if one.error_pct is not None)
    if not errors:
        return Sentence(f"The model against boards in {plural(len(pairs), 'pair')}: no cycles.")
    inside = sum(bool(one.inside) for one in times)
    mean = sum(map(abs, errors)) / len(errors)
    virtual = any(one.is_virtual for one in found)
    text = (
        f"The model's cycles against those of boards in {plural(len(found), 'pair')} of runs: "
        f"{strong(f'{signed(errors[0])} to {signed(errors[-1])}')}, "
        f"on average {signed(mean)[1:]} off; {inside} of {len(times)} inside the band."
    )
    return Sentence(text + f" {_NOT_MEASURED}" * virtual)


def missing_note(runs: Sequence[RunRecord]) -> str:
    """Why runs of boards and of models beside each other give no error of the model; else ''."""
    passed = [run for run in runs if run.status == "passed" and "cycles" in run.measurements]
    pairs = [(a, b) for a in passed for b in passed if on_board(b) and not on_board(a)]
    if not pairs or any(not unlike_firmware(*pair) for pair in pairs):
        return ""
    unlike = min((unlike_firmware(*pair) for pair in pairs), key=len)
    return (
        "The modelled and the board's runs are not of one firmware (they differ in "
        f"{', '.join(unlike)}), so the model's error is not shown."
    )


def _figures(modelled: RunRecord, board: RunRecord) -> Iterator[FigureError]:
    energy = board.measurements.get("energy_uj")
    metered = ("energy_uj",) if energy is not None and energy.kind == "measured" else ()
    for name in (*_TIMES, *metered, *_MEMORY):
        ours, theirs = modelled.measurements.get(name), board.measurements.get(name)
        if ours is not None and theirs is not None:
            error = _error(ours.value, theirs.value)
            yield FigureError(name, ours, theirs, error, _overlap(ours, theirs))


def _error(modelled: float, board: float) -> float | None:
    return 100 * (modelled / board - 1) if board else None


def _overlap(ours: Measurement, theirs: Measurement) -> bool | None:
    if ours.uncertainty_pct is None:
        return None
    (low_a, high_a), (low_b, high_b) = band_ends(ours), band_ends(theirs)
    return low_a <= high_b and low_b <= high_a


def _ops(modelled: RunRecord, board: RunRecord) -> tuple[OpError, ...]:
    """Ops of both in the order of what they add to the error; none where they are not the same."""
    if not modelled.ops or [op.op for op in modelled.ops] != [op.op for op in board.ops]:
        return ()
    ours, theirs = modelled.measurements["cycles"], board.measurements["cycles"]

    def line(index: int | None, op: str, name: str, cycles: tuple[int, int]) -> OpError:
        a, b = cycles
        low, high = band_ends(dataclasses.replace(ours, value=float(a)))
        inside = None if ours.uncertainty_pct is None else low <= b <= high
        return OpError(
            index, op, name, a, b, _error(a, b), 100 * (a - b) / max(1.0, theirs.value), inside
        )

    lines = [
        line(a.index, a.op, a.name, (a.cycles, b.cycles))
        for a, b in zip(modelled.ops, board.ops, strict=True)
    ]
    between = (_between(modelled), _between(board))
    lines.append(line(None, BETWEEN, "", between))
    return tuple(sorted(lines, key=lambda one: -abs(one.share_pct)))


def _between(run: RunRecord) -> int:
    return round(run.measurements["cycles"].value) - sum(op.cycles for op in run.ops)


def _headline(
    modelled: RunRecord, board: RunRecord, figures: Sequence[FigureError], ops: Sequence[OpError]
) -> str:
    """``The model's time is 3.1 % above … (…): inside its band; …``."""
    found = {one.name: one for one in figures}
    time = found.get("latency_us") or found["cycles"]
    virtual = is_virtual(board)
    what = f"what {place_name(board)} {'gives' if virtual else 'measured'}"
    values = f"{_value(time.modelled)} modelled, {_value(time.board)} "
    values += "on the virtual board" if virtual else "measured"
    parts = [f"The model's time is {_away(time)} {what} ({values}){_inside(time)}"]
    if ops:
        known = [one for one in ops if one.inside is not None and one.index is not None]
        if known:
            number = sum(bool(one.inside) for one in known)
            parts.append(f"{number} of {plural(len(known), 'op')} inside that band")
        if ops[0].share_pct:
            parts.append(f"most of the error is in {_op_text(ops[0])}")
    if energy := found.get("energy_uj"):
        values = f"{_value(energy.modelled)} modelled, {_value(energy.board)} measured"
        parts.append(f"energy {_away(energy)} the meter's ({values}){_inside(energy)}")
    if ram := found.get("ram_bytes"):
        parts.append(_ram(ram))
    text = "; ".join(parts) + "."
    return text + f" {_NOT_MEASURED}" * virtual


def _away(one: FigureError) -> str:
    """``3.1 % above``, in strong type."""
    if not one.error_pct:
        return strong("the same as") if one.error_pct == 0 else strong("not comparable with")
    return strong(f"{signed(one.error_pct)[1:]} {'above' if one.error_pct > 0 else 'below'}")


def _inside(one: FigureError) -> str:
    if one.inside is None:
        return ", whose band is unknown"
    return f": {strong('inside its band' if one.inside else 'outside its band')}"


def _ram(ram: FigureError) -> str:
    difference = ram.modelled.value - ram.board.value
    if not difference:
        return "RAM the same"
    text = f"RAM {abs(difference):,.0f}{NBSP}B {'more' if difference > 0 else 'less'} in the model"
    return text + f", {'inside' if ram.inside else 'outside'} its band"


def _op_text(op: OpError) -> str:
    name = op.op if op.index is None else f"op {op.index} {op.op}"
    return f"{name} ({signed(op.share_pct)} of all cycles)"


def _value(figure: Measurement) -> str:
    if figure.uncertainty_pct is None:
        return value_text(figure)
    return f"{value_text(figure)} {band(figure.uncertainty_pct)}"


def signed(value_pct: float | None) -> str:
    """``+3.1 %``, ``−0.042 %``: two significant digits; a dash for None."""
    if value_pct is None:
        return MISSING
    if value_pct == 0:
        return f"0{NBSP}%"
    sign = "−" if value_pct < 0 else "+"
    size = abs(value_pct)
    digits = significant(size, 2) if 0 < size < 10 else f"{size:,.0f}"
    return f"{sign}{digits}{NBSP}%"


def band_text(one: FigureError) -> str:
    """``inside, ±15 %``; of an exact figure whether it is the same."""
    if one.modelled.uncertainty_pct == 0:
        return "the same" if one.modelled.value == one.board.value else "differs"
    return f"{inside_text(one.inside)}, {band(one.modelled.uncertainty_pct)}"


def inside_text(inside: bool | None) -> str:
    """``inside`` or ``outside`` of the band, ``unknown`` without one."""
    return "unknown" if inside is None else "inside" if inside else "outside"


def _notes(modelled: RunRecord, board: RunRecord, ops: Sequence[OpError]) -> Iterator[str]:
    if is_virtual(board):
        yield (
            f"{board.machine} is a {NOT_A_MEASUREMENT}. Its cycles are counted by an emulator, so "
            "the errors say nothing about the chip."
        )
    yield "The band was made for whole firmwares; single ops can be farther off than the whole."
    if not ops:
        yield "There are no errors by op: one of the runs has no cycles of these ops."
    files = [run.provenance.get("firmware_sha256") for run in (modelled, board)]
    if files[0] != files[1]:
        stand_in = "" if modelled.machine_exact else ", which is not the chip's own"
        yield (
            f"The ELF files differ: the model's was built for the machine {modelled.machine}"
            f"{stand_in}. Model, engine, optimization, chip and clock are the same."
        )
    compilers = [run.provenance.get("compiler") for run in (modelled, board)]
    if compilers[0] != compilers[1]:
        yield "The compilers differ: a part of the error can be theirs."
    calibration = modelled.provenance.get("calibration")
    if calibration not in (None, "none"):
        yield (
            f"The model was calibrated ({calibration}): for the board that it was calibrated with "
            "its error is no independent one."
        )
