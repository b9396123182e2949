from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hil.records import ModelInfo, RunRecord
from hil.report.compare.labels import HEIGHT_PX, Label
from hil.report.compare.pareto import Pareto, Point, dominated_by, paretos

from .report_records import bare, passed


def run(number: int, time: float, ram: float, engine: str = "aot", **more: Any) -> RunRecord:
    found = passed(run_id=f"20261121T0500{number:02d}-{number:06d}", engine=engine, **more)
    values = {"latency_us": time, "ram_bytes": ram}
    return dataclasses.replace(
        found,
        measurements={
            name: dataclasses.replace(found.measurements[name], value=value)
            for name, value in values.items()
        },
    )


def picture(*values: tuple[float, float]) -> Pareto:
    (found,) = paretos([run(i, *value) for i, value in enumerate(values)])
    return found


def test_the_front_is_what_nothing_beats() -> None:
    assert dominated_by([(1, 9), (2, 5), (3, 5), (4, 2), (9, 9)]) == [None, None, 1, None, 0]


def test_equal_points_do_not_beat_each_other() -> None:
    assert dominated_by([(1, 1), (1, 1)]) == [None, None]


def test_points_are_numbered_by_time_and_say_who_beats_them() -> None:
    found = picture((3e3, 5e3), (1e3, 9e3), (2e3, 5e3), (9e3, 9e3))
    assert [(p.number, p.time.value) for p in found.points] == [
        (1, 1e3),
        (2, 2e3),
        (3, 3e3),
        (4, 9e3),
    ]
    assert [p.dominated_by for p in found.points] == [None, None, 2, 1]
    assert found.summary.startswith("2 of 4 are on the front")


def test_the_front_runs_along_and_then_down() -> None:
    found = picture((1e3, 9e3), (2e3, 5e3), (4e3, 2e3))
    (x1, y1), (x2, y2), (x3, y3) = [(p.x, p.y) for p in found.points]
    assert found.front == ((x1, y1), (x2, y1), (x2, y2), (x3, y2), (x3, y3))


def test_less_is_left_and_low_and_everything_is_inside() -> None:
    found = picture((1e3, 9e3), (2e3, 5e3), (4e3, 2e3))
    xs, ys = [p.x for p in found.points], [p.y for p in found.points]
    assert xs == sorted(xs)
    assert ys == sorted(ys)  # y points down
    assert all(0 < x < 100 for x in xs)
    assert all(0 < y < HEIGHT_PX for y in ys)


@pytest.mark.parametrize(("times", "log"), [((1e3, 2e3, 7.9e3), False), ((1e3, 2e3, 8.1e3), True)])
def test_a_wide_span_makes_an_axis_logarithmic(times: tuple[float, ...], log: bool) -> None:
    found = picture(*((time, 5e3 + i) for i, time in enumerate(times)))
    assert (found.x_log, found.y_log) == (log, False)
    assert 2 <= len(found.x_ticks) <= 6


@pytest.mark.parametrize("seed", range(20))
def test_ticks_are_round_few_and_in_order(seed: int) -> None:
    numbers = random.Random(seed)
    values = [(10 ** numbers.uniform(1, 7), 10 ** numbers.uniform(2, 6)) for _ in range(4)]
    found = picture(*values)
    for ticks, size in ((found.x_ticks, 100), (found.y_ticks, HEIGHT_PX)):
        assert 1 <= len(ticks) <= 9
        gap = 100 * 52 / 270 if size == 100 else 36
        spots = sorted(tick.at for tick in ticks)
        assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(spots))
        assert all(0 <= tick.at <= size for tick in ticks)
        assert len({tick.text for tick in ticks}) == len(ticks)


@pytest.mark.parametrize("seed", range(20))
def test_labels_do_not_overlap(seed: int) -> None:
    numbers = random.Random(seed)
    values = [(numbers.uniform(1e3, 9e3), numbers.uniform(1e4, 9e4)) for _ in range(12)]
    assert overlapping(picture(*values).points) == 0


def test_labels_of_points_on_one_spot_do_not_overlap() -> None:
    found = picture(*[(1e3, 5e3)] * 8, (2e3, 6e3))
    assert overlapping(found.points) == 0


def test_a_label_keeps_off_the_line_of_the_front() -> None:
    # The second point stands on the step from the first to the third, which runs at its height.
    found = picture((1e3, 9e3), (2e3, 9e3), (3e3, 5e3))
    second = found.points[1]
    assert second.dominated_by is not None
    assert abs(second.label.dy) >= 7.5  # half a line of text above or below


def test_the_check_of_overlaps_sees_one() -> None:
    points = picture((1e3, 5e3), (1e3, 5e3), (2e3, 6e3)).points
    same = [dataclasses.replace(p, label=Label(10, 0, "start")) for p in points[:2]]
    assert overlapping(same) == 3  # at each width


def overlapping(
    points: Sequence[Point],
    texts: Sequence[str] = (),
    widths: Sequence[int] = (270, 700, 1150),
) -> int:
    """Pairs of labels that overlap on a phone, a tablet, a desk; 7 by 12 px a sign."""
    found = 0
    for width in widths:
        boxes = []
        for p, text in zip(points, texts or [str(p.number) for p in points], strict=True):
            size = 7 * len(text)
            left = {"start": 0, "middle": -size / 2, "end": -size}[p.label.anchor]
            x, y = width * p.x / 100 + p.label.dx + left, p.y + p.label.dy - 6
            boxes.append((x, x + size, y, y + 12))
        found += sum(
            a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]
            for a, b in itertools.combinations(boxes, 2)
        )
    return found


def test_equal_values_do_not_divide_by_zero() -> None:
    assert len(picture(*[(1e3, 5e3)] * 3).points) == 3


def test_a_shape_is_an_engine() -> None:
    runs = [run(1, 1e3, 5e3), run(2, 2e3, 4e3, "tflm"), run(3, 3e3, 3e3)]
    (found,) = paretos(runs)
    assert [p.shape for p in found.points] == ["circle", "square", "circle"]
    assert dict(found.legend) == {"aot": "circle", "TFLite Micro": "square"}


def test_with_one_engine_a_shape_is_a_data_type_and_labels_name_it() -> None:
    provenance = {"parent_sha256": "9d" * 32, "parent_name": "kws_int8", "scheme": "q8"}
    runs = [
        run(1, 1e3, 5e3),
        run(2, 2e3, 4e3, provenance=provenance),
        run(3, 3e3, 3e3, provenance={**provenance, "quantize_options": {"q_format": "Q4.4"}}),
    ]
    (found,) = paretos(runs)
    assert dict(found.legend) == {"int8": "circle", "q8": "square", "q8 Q4.4": "diamond"}
    assert [p.detail for p in found.points] == ["int8", "q8", "q8 Q4.4"]
    (found,) = paretos([*runs, run(4, 4e3, 2e3, "tflm")])
    assert [p.shape for p in found.points] == ["circle", "circle", "circle", "square"]
    assert found.points[3].detail == "int8"


@pytest.mark.parametrize("seed", range(20))
def test_long_labels_do_not_overlap_where_they_are_shown(seed: int) -> None:
    numbers = random.Random(seed)
    runs = []
    for i, made in enumerate(("int8", "q8", "q16", "int16x8", "dynamic", "int8-per-tensor")):
        provenance = {"parent_sha256": "9d" * 32, "parent_name": "kws_int8", "scheme": made}
        figures = numbers.uniform(1e3, 9e3), numbers.uniform(1e4, 9e4)
        runs.append(run(i, *figures, provenance=provenance))
    (found,) = paretos(runs)
    texts = [f"{p.number} {p.detail}" for p in found.points]
    assert overlapping(found.points, texts, (600, 800, 1150)) == 0
    assert overlapping(found.points) == 0


def test_a_label_stands_nearest_to_its_own_point() -> None:
    """Three points in a row, close together: the label of the first does not slip to the second."""
    found = picture((4.78e3, 3_697), (5.28e3, 3_717), (5.36e3, 3_717), (14e3, 14_000))
    for width in (270, 1150):
        for p in found.points:
            x, y = width * p.x / 100 + p.label.dx, p.y + p.label.dy
            gaps = {o.number: math.hypot(width * o.x / 100 - x, o.y - y) for o in found.points}
            assert min(gaps, key=lambda number: gaps[number]) == p.number, (width, p.number)


def test_only_runs_that_passed_count_and_two_are_no_picture() -> None:
    two = [run(1, 1e3, 5e3), run(2, 2e3, 4e3)]
    assert paretos([*two, run(3, 3e3, 3e3, status="failed"), bare("error")]) == ()


def test_variants_share_a_picture_and_models_do_not() -> None:
    sha256 = passed().model.sha256  # type: ignore[union-attr]
    provenance = {"parent_sha256": sha256, "parent_name": "kws", "scheme": "q8"}
    other = ModelInfo("q", "q.tflite", "55" * 32, "int8", 1, 1, 1)
    runs = [run(i, 1e3 * (i + 1), 9e3 / (i + 1)) for i in range(3)]
    variant = run(7, 9e3, 1e3, model=other, provenance=provenance)
    alone = run(8, 1e3, 5e3, model=dataclasses.replace(other, sha256="66" * 32))
    (found,) = paretos([*runs, variant, alone])
    assert len(found.points) == 4
    assert found.points[-1].name == "kws, q8"
