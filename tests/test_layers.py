"""The walls between the rooms: imports run downward only, and the command line starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HARNESS = Path(__file__).resolve().parents[1] / "harness" / "hil"

# From the top down; modules of one line may not import each other. docs/design.md draws the same.
ORDER = (
    ("cli",),
    ("evaluation", "sweep"),
    ("bench", "calibrate", "doctor", "validation"),
    ("report",),
    ("gate",),
    ("store",),
    ("measure",),
    ("targets",),
    ("firmware",),
    ("engines",),
    ("quantization",),
    ("datasets",),
    ("tflite",),
    ("devices", "published"),
    ("settings",),
    ("records",),
    ("forms", "resources"),
    ("errors",),
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
MODULES = sorted(p for p in HARNESS.rglob("*.py") if "_data" not in p.parts)
CLI = sorted((HARNESS / "cli").glob("*.py"))
CLI_TOP = {"typer", "hil.cli", "hil.errors"}


def name_of(path: Path) -> str:
    parts = path.relative_to(HARNESS.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """``hil.store.tables`` is in the room ``store``; the package itself is in none."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imported(tree: ast.AST, path: Path) -> Iterator[str]:
    """Full names of all modules of ours that are imported anywhere below ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = list(path.relative_to(HARNESS.parent).parts[: -node.level])
                base = ".".join([*package, base] if base else package)
            # ``from hil import profiles`` names a module, ``from hil.x import y`` has one.
            yield from (f"{base}.{a.name}" if base == "hil" else base for a in node.names)


def upward(path: Path, source: str) -> list[str]:
    """What a module imports from a room above its own, or from one beside it."""
    room = room_of(name_of(path))
    faults = []
    for name in imported(ast.parse(source), path):
        other = room_of(name)
        if name.split(".")[0] != "hil" or other in ("", room):
            continue
        if other not in LEVEL or LEVEL[other] <= LEVEL[room]:
            faults.append(name)
    return faults


def test_every_room_has_its_level() -> None:
    rooms = {room_of(name_of(path)) for path in MODULES} - {""}
    assert rooms <= set(LEVEL), "a new room needs its line in ORDER, and in docs/design.md"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_downward(path: Path) -> None:
    if room_of(name_of(path)):
        assert upward(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("store/x.py", "from hil.report import write_report"),
        ("store/x.py", "def f():\n    from hil import bench"),
        ("tflite/deep/x.py", "import hil.engines.aot"),
        ("tflite/x.py", "from ..engines import registry"),
        ("records/run.py", "from hil.devices import Profile"),
    ],
)
def test_the_walk_sees_upward_imports(module: str, line: str) -> None:
    assert upward(HARNESS / module, line) != []


def test_the_walk_lets_downward_imports_pass() -> None:
    source = "import numpy\nfrom hil import errors\nfrom .tables import Base\n"
    assert upward(HARNESS / "store" / "x.py", source) == []


def heavy(path: Path) -> set[str]:
    """Imports that run when a module of the command line is loaded, beyond what is allowed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            continue
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= set(imported(statement, path))
    return {
        name
        for name in found
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == top or name.startswith(top + ".") for top in CLI_TOP)
    }


@pytest.mark.parametrize("path", CLI, ids=name_of)
def test_the_command_line_imports_nothing_heavy_at_its_top(path: Path) -> None:
    assert heavy(path) == set()


def test_loading_the_command_line_loads_nothing_heavy() -> None:
    names = {"numpy", "sqlalchemy", "pydantic", "jinja2", "rich", "alembic", "capstone", "tflite"}
    code = f"import sys, hil.cli.main; print(sorted({names!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
