"""The import contracts of pyproject.toml notice violations, and the command line starts fast.

`lint-imports` (in scripts/test) holds the package to the contracts; here they are shown to fail.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "harness" / "hil"
CLI = sorted((PACKAGE / "cli").glob("*.py"))
CLI_TOP = {"typer", "hil.cli", "hil.errors"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".")


VIOLATIONS = {  # module: (its only line, what the report says of it)
    "store/x.py": ("from hil.report import write_report", "hil.store.x -> hil.report (l.1)"),
    "store/y.py": ("def f():\n    from hil import bench", "hil.store.y -> hil.bench (l.2)"),
    "tflite/x.py": ("from ..engines import registry", "hil.tflite.x -> hil.engines.registry (l.1)"),
    "records/x.py": ("import hil.devices", "hil.records.x -> hil.devices (l.1)"),
    "bench/x.py": ("import hil.doctor", "hil.bench.x -> hil.doctor (l.1)"),
    "report/words/x.py": ("import hil.report.run", "hil.report.words.x -> hil.report.run (l.1)"),
    "engines/tflm/x.py": ("import hil.engines.aot", "hil.engines.tflm.x -> hil.engines.aot (l.1)"),
    "targets/dut/x.py": ("import hil.targets.qemu", "hil.targets.dut.x -> hil.targets.qemu (l.1)"),
    "mlperf/x.py": ("", "hil.mlperf.x"),
    "doctor_x.py": ("import hil.targets.qemu.target", "hil.doctor_x -> hil.targets.qemu.target"),
    "unplaced.py": ("", "unplaced"),
    "gate/x.py": ("import hil.gate.y", ".y -> .x (1 import)"),
    "gate/y.py": ("import hil.gate.x", ".y -> .x (1 import)"),
    "gate/z.py": ("from hil import run", "hil.gate.z -> hil (l.1)"),
}


def test_every_contract_notices_violations(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "harness" / "hil"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for module, (line, _) in VIOLATIONS.items():
        assert not (package / module).exists()
        (package / module).write_text(f"{line}\n", encoding="utf-8")

    lint_imports = Path(sys.executable).parent / "lint-imports"
    assert lint_imports.exists(), "not installed: run `scripts/setup --test`"
    done = subprocess.run(
        [lint_imports, "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package.parent), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert [said for _, said in VIOLATIONS.values() if said not in done.stdout] == []
    assert " KEPT" not in done.stdout


def imported(node: ast.AST) -> Iterator[str]:
    """Full names of the modules that are imported when ``node`` runs, without its functions."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "the command line imports by full names"
        base = node.module or ""
        # ``from hil import devices`` names a module, ``from hil.x import y`` has one.
        yield from (f"{base}.{a.name}" if base == "hil" else base for a in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from imported(child)


def heavy(text: str) -> set[str]:
    """Imports that run when a module of the command line is loaded, beyond what is allowed."""
    return {
        name
        for name in imported(ast.parse(text))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == top or name.startswith(top + ".") for top in CLI_TOP)
    }


@pytest.mark.parametrize("path", CLI, ids=name_of)
def test_the_command_line_imports_nothing_heavy_at_its_top(path: Path) -> None:
    assert heavy(path.read_text(encoding="utf-8")) == set()


def test_heavy_imports_are_seen() -> None:
    assert heavy("import sys, numpy\ntry:\n    from hil import store\nexcept E:\n    pass") == {
        "numpy",
        "hil.store",
    }
    assert heavy("class A:\n    import rich\n    def f(self):\n        import numpy") == {"rich"}


def test_loading_the_command_line_loads_nothing_heavy() -> None:
    names = {"numpy", "sqlalchemy", "pydantic", "jinja2", "rich", "alembic", "capstone", "tflite"}
    code = f"import sys, hil.cli.main; print(sorted({names!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
