"""The functions that read a device's answers, each called with lines."""

from __future__ import annotations

from collections.abc import Callable

from hil.targets.dut import answers

PARSERS: tuple[Callable[[list[str]], object], ...] = (
    answers.parse_info,
    answers.parse_crc,
    answers.parse_direct_infer,
    answers.parse_reset,
    lambda lines: answers.parse_output(lines, 0),
    answers.parse_infer,
    answers.parse_memory,
    answers.parse_arena,
    lambda lines: answers.parse_marks(lines, 3),
)
