"""The loops that only cores with the DSP extension run, on an emulated Cortex-M4.

Depths that are no multiples of four and channels that are left over take the loops' ends too.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hil.engines.registry import engine
from hil.tflite.model import Model

from tests.engines.conv_models import Conv
from tests.support.hil import hil

DEPTH_45 = Conv("CONV_2D", "int8", height=5, width=5)
DEPTH_6 = dataclasses.replace(DEPTH_45, in_c=3, kernel=(1, 2))
Q16 = dataclasses.replace(DEPTH_45, dtype="q16", per_channel=False)  # as the reference has it
DEPTH_7 = dataclasses.replace(DEPTH_45, in_c=7, kernel=(1, 1))


DEPTHWISE = dataclasses.replace(DEPTH_45, op="DEPTHWISE_CONV_2D", in_c=10)
DEPTHWISE_2X3 = dataclasses.replace(DEPTHWISE, kernel=(2, 3), stride=(2, 1))
RELU6 = dataclasses.replace(DEPTH_45, activation="RELU6")


@pytest.mark.parametrize(
    ("conv", "variant"),
    [
        (DEPTH_45, "s8"),
        (RELU6, "s8"),
        (DEPTH_6, "s8"),
        (DEPTH_7, "s8"),
        (DEPTHWISE, "s8"),
        (DEPTHWISE_2X3, "s8"),
        (dataclasses.replace(DEPTHWISE, dtype="hybrid"), "hybrid"),
        (dataclasses.replace(DEPTH_45, dtype="hybrid"), "hybrid"),
        (dataclasses.replace(DEPTH_45, dtype="int16x8 bias32"), "s16x8_b32"),
        (dataclasses.replace(DEPTH_45, dtype="int16x8 shifts", seed=1), "s16x8_pot"),
        (dataclasses.replace(DEPTH_45, dtype="int16x8", seed=4), "s16x8_wide"),
        (dataclasses.replace(Q16, in_c=7, kernel=(1, 1), seed=4), "s16x16_pot"),
        (dataclasses.replace(Q16, seed=0), "s16x16_wide_pot"),
    ],
    ids=lambda value: value if isinstance(value, str) else "x".join(map(str, value.kernel)),
)
def test_equals_the_reference(conv: Conv, variant: str, tmp_path: Path) -> None:
    content = conv.build()
    text = engine("aot").sources(Model.parse(content, "m")).files["model.c"]
    assert re.findall(r"hil_(?:depthwise_)?conv2d_(\w+)\(", text) == [variant]
    model = tmp_path / "conv.tflite"
    model.write_bytes(content)
    result = hil("run", "-p", "stm32l4", "--json", "--db", tmp_path / "hil.db", model)
    assert result.envelope["status"] == "passed", result.envelope["errors"]
    assert result.envelope["data"]["check"]["mismatches"] == 0
