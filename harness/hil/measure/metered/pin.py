"""Windows of a recording by the edges of the trigger line."""

from __future__ import annotations

from hil.errors import MeterFailed
from hil.measure.metered.samples import Span
from hil.records import Edge, MeteredRun

_WIRING = (
    "check the wire from the board's window pin (docs/porting.md) to the meter's input, its ground "
    'and its level; without a wire set the meter\'s option trigger = "none"'
)


def pin_spans(run: MeteredRun) -> list[Span]:
    """Return the windows that the trigger line shows, in order.

    With ``level`` the line falls where a window begins and rises where it ends; with ``pulses`` it
    falls at both, and rises do not count.

    Raises:
        MeterFailed: there are more or fewer edges than the windows that were run have, or they
            are out of order or outside of the recording.
    """
    edges = run.recording.edges
    _check_order(run, edges)
    falls = [edge for edge in edges if not edge.rising]
    if run.sign == "pulses":
        _check_count(len(falls), 2 * run.windows, "fell", run)
        return [_span(*falls[at : at + 2]) for at in range(0, len(falls), 2)]
    rises = [edge for edge in edges if edge.rising]
    _check_count(len(falls), run.windows, "fell", run)
    _check_count(len(rises), run.windows, "rose", run)
    spans = [_span(fall, rise) for fall, rise in zip(falls, rises, strict=True)]
    if any(span.seconds <= 0 for span in spans):
        raise MeterFailed(
            "the trigger line was low when the recording began, so its edges mark no windows",
            hint=_WIRING,
        )
    return spans


def _check_order(run: MeteredRun, edges: tuple[Edge, ...]) -> None:
    end_s = len(run.recording.values) / run.recording.rate_hz
    last_s = 0.0
    for before, edge in zip((None, *edges), edges, strict=False):
        if not last_s <= edge.at_s <= end_s:
            raise MeterFailed(
                f"an edge of the trigger line at {edge.at_s:.6f} s is out of order, or outside of "
                f"the recording of {end_s:.6f} s",
                hint="the meter's data is damaged; record again",
            )
        if run.sign == "level" and before is not None and before.rising == edge.rising:
            way = "rose" if edge.rising else "fell"
            raise MeterFailed(
                f"the trigger line {way} twice in a row, at {before.at_s:.6f} s and "
                f"{edge.at_s:.6f} s: an edge between them is missing",
                hint=_WIRING,
            )
        last_s = edge.at_s


def _check_count(found: int, wanted: int, what: str, run: MeteredRun) -> None:
    if found == wanted:
        return
    windows = f"{run.windows} window{'s' if run.windows > 1 else ''}"
    raise MeterFailed(
        f"the trigger line does not show the {windows} that the board ran: it {what} {found} times "
        f"in the recording, not {wanted}",
        hint=_WIRING,
    )


def _span(begin: Edge, end: Edge) -> Span:
    return Span(begin.at_s, end.at_s, max(begin.uncertainty_s, end.uncertainty_s))
