"""The report's modules have no long chains of imports and name no engine."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import grimp
from hil.engines import registry
from hil.resources import data_dir

MAX_DEPTH = 7
IMPORTS = grimp.build_graph("hil", cache_dir=None)
MODULES = {
    module: Path(importlib.util.find_spec(module).origin)
    for module in sorted({"hil.report", *IMPORTS.find_descendants("hil.report")})
}
GRAPH = {
    module: IMPORTS.find_modules_directly_imported_by(module) & set(MODULES) for module in MODULES
}


def _chain(module: str, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The longest chain of imports that begins with a module."""
    assert module not in above, f"a cycle: {' -> '.join((*above, module))}"
    below = (_chain(other, (*above, module)) for other in GRAPH[module])
    return (module, *max(below, key=len, default=()))


def test_no_chain_of_imports_is_long() -> None:
    longest = max((_chain(module) for module in GRAPH), key=len)
    assert len(longest) <= MAX_DEPTH, " -> ".join(longest)
    assert len(longest) > 3, "the walk sees no imports"


ENGINE = re.compile(
    rf"\b({'|'.join(registry.names())}|tflm|tflite[ -]?micro|tensorflow lite micro|cmsis)\b",
    re.IGNORECASE,
)


def engines_named(text: str) -> list[str]:
    return [line for line in text.splitlines() if ENGINE.search(line)]


def test_the_report_names_no_engine() -> None:
    """An engine states its title and its role; the report does not know which ones there are."""
    files = [*MODULES.values(), *data_dir("reports").glob("**/*.j2")]
    assert len(files) > 30
    found = {path.name: engines_named(path.read_text(encoding="utf-8")) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_the_search_sees_an_engine() -> None:
    assert engines_named('if run.engine == "tflm":') != []
    assert engines_named("faster than TFLite Micro with CMSIS-NN") != []
