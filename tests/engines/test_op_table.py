"""The table of ops in docs/engine.md is what the lowerings accept."""

from __future__ import annotations

from pathlib import Path

from hil.engines.aot.lower import LOWERINGS

from tests.support import op_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "engine.md"


def test_the_table_is_what_the_lowerings_accept() -> None:
    text = DOCUMENT.read_text()
    assert op_table.BEGIN in text
    assert op_table.replaced(text, op_table.section()) == text, (
        "write it anew: python -m tests.support.op_table"
    )


def test_every_op_is_lowered_for_a_type() -> None:
    """A recipe that nothing accepts would hide an op from the table."""
    assert [name for name in sorted(LOWERINGS) if not op_table.supported(name)] == []
