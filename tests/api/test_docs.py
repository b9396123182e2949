"""docs/python.md is executed: every block in order, every output compared."""

from __future__ import annotations

import doctest
import re
import shutil
from pathlib import Path

import hil
import pytest
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.support.hil import DIGITS, REPOSITORY

PAGE = REPOSITORY / "docs" / "python.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[str]:
    """The page's blocks of code, with empty lines where its text is, so that line numbers agree."""
    text = PAGE.read_text(encoding="utf-8")
    here = Reference(Model.read(DIGITS / "digits_int8.tflite")).version
    text = text.replace("tflite-runtime 2.14.0 BUILTIN_REF", here)  # another Python has another
    assert {found[1] for found in _BLOCK.finditer(text)} == {"python"}
    return [
        "\n" * text.count("\n", 0, found.start(2)) + found[2] for found in _BLOCK.finditer(text)
    ]


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(DIGITS, tmp_path / "examples" / "digits")
    monkeypatch.chdir(tmp_path)
    parser, names, failures = doctest.DocTestParser(), dict[str, object](), list[str]()
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.FAIL_FAST)
    for block in blocks():
        test = parser.get_doctest(block, names, PAGE.name, str(PAGE), 0)
        runner.run(test, out=failures.append, clear_globs=False)
        names = test.globs
        assert not failures, "".join(failures)
    assert runner.tries > 30


def test_every_public_function_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    functions = [name for name in hil.__all__ if name.islower()]
    assert len(functions) == 7
    assert [name for name in functions if f"hil.{name}(" not in text] == []
