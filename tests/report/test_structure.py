"""How the report's modules lie: layers, and no long chains of imports."""

from __future__ import annotations

import ast
from pathlib import Path

import hil.report

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
