from __future__ import annotations

import pytest
from hil.tflite.macs import op_macs


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "expected"),
    [
        ("CONV_2D", [(1, 8, 8, 3), (16, 3, 3, 3), (16,)], [(1, 8, 8, 16)], 8 * 8 * 16 * 27),
        # Two groups: the filter holds 2 of 4 channels.
        ("CONV_2D", [(1, 5, 5, 4), (6, 1, 1, 2), None], [(1, 5, 5, 6)], 25 * 6 * 2),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 8)], [(1, 4, 4, 8)], 16 * 8 * 9),
        ("FULLY_CONNECTED", [(1, 640), (128, 640)], [(1, 128)], 640 * 128),
        ("FULLY_CONNECTED", [(5, 4), (3, 4)], [(5, 3)], 60),
        # 4x4x2 inputs, each spread over 3x3 taps of 5 channels.
        ("TRANSPOSE_CONV", [(4,), (5, 3, 3, 2), (1, 4, 4, 2)], [(1, 8, 8, 5)], 32 * 45),
        ("CONV_3D", [(1, 4, 4, 4, 2), (2, 2, 2, 2, 3)], [(1, 3, 3, 3, 3)], 81 * 16),
        ("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], [(2, 3, 5)], 2 * 3 * 4 * 5),
        ("BATCH_MATMUL", [(3, 4), (7, 4, 5)], [(7, 3, 5)], 7 * 3 * 4 * 5),
        ("SVDF", [(2, 6), (8, 6), (8, 5), None, (2, 40)], [(2, 4)], 2 * 8 * (6 + 5)),
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [(2, 3, 5), *[(4, 5)] * 4, *[(4, 4)] * 4, None, None, None, *[(4,)] * 4],
            [(2, 3, 4)],
            2 * 3 * 4 * 4 * (5 + 4),
        ),
        ("ADD", [(1, 4), (1, 4)], [(1, 4)], 0),
        ("SOFTMAX", [(1, 4)], [(1, 4)], 0),
    ],
)
def test_macs(
    name: str,
    inputs: list[tuple[int, ...] | None],
    outputs: list[tuple[int, ...]],
    expected: int,
) -> None:
    assert op_macs(name, inputs, outputs) == expected


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("CONV_2D", [(1, 8, 8, 3)]),
        ("CONV_2D", [(1, 8, 8, 3), (16, 3)]),
        ("FULLY_CONNECTED", [(1, 4), None]),
        ("TRANSPOSE_CONV", [(4,), (5, 3, 3, 2)]),
        ("BATCH_MATMUL", [(), ()]),
    ],
)
def test_weights_of_the_wrong_rank_are_refused(
    name: str, inputs: list[tuple[int, ...] | None]
) -> None:
    with pytest.raises(ValueError, match=r"it(s weights)? ha"):
        op_macs(name, inputs, [(1, 1, 1, 1)])
