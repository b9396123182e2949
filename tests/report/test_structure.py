"""How the report's modules lie: layers, and no long chains of imports."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import hil.report
from hil.engines import registry
from hil.resources import data_dir

FOLDER = Path(hil.report.__file__).parent
LAYERS = (  # from the top down; those of one line do not import each other
    ("",),
    ("output",),
    ("report_view",),
    ("compare", "study"),
    ("run",),
    ("words",),
)
MAX_DEPTH = 7


def _module(path: Path) -> str:
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join(("hil.report", *parts)).removesuffix(".__init__")


MODULES = {_module(path): path for path in FOLDER.rglob("*.py")}


def _imports(module: str) -> set[str]:
    """Modules of the report that a module imports anywhere, for types too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= set(MODULES) else {node.module, *names}
    return (found & set(MODULES)) - {module}


GRAPH = {module: _imports(module) for module in MODULES}


def _chain(module: str, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The longest chain of imports that begins with a module."""
    assert module not in above, f"a cycle: {' -> '.join((*above, module))}"
    below = (_chain(other, (*above, module)) for other in GRAPH[module])
    return (module, *max(below, key=len, default=()))


def _layer(module: str) -> str:
    parts = module.split(".")
    return parts[2] if len(parts) > 2 else ""


def test_no_chain_of_imports_is_long() -> None:
    longest = max((_chain(module) for module in GRAPH), key=len)
    assert len(longest) <= MAX_DEPTH, " -> ".join(longest)
    assert len(longest) > 3, "the walk sees no imports"


def test_layers_import_downward_only() -> None:
    level = {name: position for position, names in enumerate(LAYERS) for name in names}
    wrong = [
        f"{module} -> {other}"
        for module, others in GRAPH.items()
        for other in others
        if _layer(module) != _layer(other) and level[_layer(module)] >= level[_layer(other)]
    ]
    assert wrong == []


ENGINE = re.compile(
    rf"\b({'|'.join(registry.names())}|tflm|tflite[ -]?micro|tensorflow lite micro|cmsis)\b",
    re.IGNORECASE,
)


def engines_named(text: str) -> list[str]:
    return [line for line in text.splitlines() if ENGINE.search(line)]


def test_the_report_names_no_engine() -> None:
    """An engine states its title and its role; the report does not know which ones there are."""
    files = [*MODULES.values(), *data_dir("reports").glob("*.j2")]
    assert len(files) > 30
    found = {path.name: engines_named(path.read_text(encoding="utf-8")) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_the_search_sees_an_engine() -> None:
    assert engines_named('if run.engine == "tflm":') != []
    assert engines_named("faster than TFLite Micro with CMSIS-NN") != []
