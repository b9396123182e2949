"""CONTRIBUTING.md is true: each recipe, carried out in a copy of the repository, touches the files
that it lists, and works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hil import DIGITS, REPOSITORY
from tests.support.tflite_builder import ModelBuilder

COPIED = ("harness", "device_profiles", "firmware_stubs", "reports", "pyproject.toml")
Files = set[tuple[str, str]]  # ("add" or "edit", path)


def recipes() -> dict[str, Files]:
    """The lists of files, by the recipe's title."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Recipes\n")[1]
    _, *sections = re.split(r"^### ", text, flags=re.MULTILINE)
    return {
        section.split("\n")[0]: set(re.findall(r"^- (add|edit) `(\S+)`$", section, re.MULTILINE))
        for section in sections
    }


class Scratch:
    """A copy of the repository, and what was changed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.touched: Files = set()
        ignore = shutil.ignore_patterns("__pycache__", "baselines")
        for name in COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=ignore)
            else:
                shutil.copy(source, root / name)

    def add(self, path: str, text: str) -> None:
        assert not (self.root / path).exists()
        (self.root / path).parent.mkdir(exist_ok=True)  # one folder at most
        (self.root / path).write_text(text, encoding="utf-8")
        self.touched.add(("add", path))

    def edit(self, path: str, old: str, new: str) -> None:
        before = (self.root / path).read_text(encoding="utf-8")
        assert before.count(old) == 1, (path, old)
        (self.root / path).write_text(before.replace(old, new), encoding="utf-8")
        self.touched.add(("edit", path))

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def python(self, *arguments: str | Path) -> str:
        """Run Python with the copy instead of the installed package; what it prints."""
        site = self.root / "site"
        self._install(site)
        path = os.pathsep.join(map(str, (site, self.root / "harness", REPOSITORY)))
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path, "HIL_DB": str(self.root / "hil.db")},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def hil(self, *arguments: str | Path) -> str:
        return self.python("-m", "hil", *arguments)

    def lint_imports(self) -> None:
        """The copy keeps the import contracts."""
        self.python(Path(sys.executable).with_name("lint-imports"), "--no-cache")

    def _install(self, site: Path) -> None:
        """What `pip install -e .` writes of the project: name, version, entry points."""
        project = tomllib.loads(self.text("pyproject.toml"))["project"]
        info = site / f"hil-{project['version']}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: hil\nVersion: {project['version']}\n", encoding="utf-8"
        )
        groups = project.get("entry-points", {}).items()
        lines = [
            line
            for group, entries in groups
            for line in (f"[{group}]", *(f"{name} = {where}" for name, where in entries.items()))
        ]
        info.joinpath("entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


def assert_follows(scratch: Scratch, title: str, **names: str) -> None:
    """Compare what was touched with the recipe's list, its placeholders filled in."""
    listed = set()
    for action, path in recipes()[title]:
        for placeholder, name in names.items():
            path = path.replace(placeholder, name)
        listed.add((action, path))
    assert scratch.touched == listed


def paths() -> Iterator[tuple[str, str, str]]:
    for title, files in recipes().items():
        for action, path in sorted(files):
            yield title, action, path


@pytest.mark.parametrize(("title", "action", "path"), list(paths()))
def test_what_a_recipe_edits_exists(title: str, action: str, path: str) -> None:
    target = REPOSITORY / path
    if re.search(r"[A-Z]{2}", path):  # a placeholder, for a new file or folder
        assert target.parent.is_dir() or target.parent.parent.is_dir(), title
    else:
        assert action == "edit"
        assert target.is_file(), title


def test_a_chip(scratch: Scratch) -> None:
    text = scratch.text("device_profiles/nucleo-l452re.toml")
    text = re.sub(r"^title = .*$", 'title = "A new chip"', text, flags=re.MULTILINE)
    scratch.add("device_profiles/newchip.toml", text)

    assert "newchip" in scratch.hil("profile", "list")
    assert "A new chip" in scratch.hil("profile", "show", "newchip")
    assert_follows(scratch, "A chip or board", NAME="newchip")


def test_a_core(scratch: Scratch) -> None:
    entry = (
        '        Core("cortex-m23", "Arm Cortex-M23", ("v8-M.base",),\n'
        '             ("-mcpu=cortex-m23", "-mthumb"), timing="cortex_m23"),\n'
    )
    scratch.edit("harness/hil/cores.py", "    for core in (\n", f"    for core in (\n{entry}")
    scratch.add(
        "harness/hil/measure/cycles/cores/cortex_m23.py",
        "from hil.measure.cycles.cores.table import TimingTable\n\n"
        'TABLE = TimingTable(source="a test", validated_as="", load=3)\n',
    )
    profile = scratch.text("device_profiles/stm32u575.toml").replace("cortex-m33f", "cortex-m23")
    (scratch.root / "chip.toml").write_text(profile, encoding="utf-8")

    assert "cortex-m23" in scratch.hil("profile", "show", "./chip.toml")
    code = (
        "from hil.measure.cycles.cores import core_table as t; c = t('cortex-m23');"
        " print(c.title, c.load)"
    )
    assert scratch.python("-c", code) == "Arm Cortex-M23 3\n"
    assert_follows(scratch, "A core", CORE="cortex_m23")


SIGN_LOWERING = """
from hil.engines.aot.checks import input_tensor, output_tensor, same_dtype
from hil.engines.aot.literals import struct_literal
from hil.engines.aot.lower import Lowered, lowers


@lowers("SIGN")
def lower_sign(op, graph):
    source = input_tensor(op, graph)
    same_dtype(op, (source, output_tensor(op, graph)), ("float32",))
    return Lowered(
        sources=("sign_f32.c",),
        call="hil_sign_f32({params}, {in0}, {out0})",
        params_type="hil_sign_f32_params",
        params=struct_literal({"elements": source.elements}),
        in_place=(0,),
    )
"""
SIGN_KERNEL = """
#include "hil_aot_ops.h"

void hil_sign_f32(const hil_sign_f32_params *p, const float *input, float *output)
{
    for (int32_t i = 0; i < p->elements; i++) {
        output[i] = input[i] > 0.0f ? 1.0f : input[i] < 0.0f ? -1.0f : input[i];
    }
}
"""
SIGN_HEADER = """
typedef struct {
    int32_t elements;
} hil_sign_f32_params;
void hil_sign_f32(const hil_sign_f32_params *p, const float *input, float *output);

#endif
"""


@pytest.fixture
def sign_model(tmp_path: Path) -> Path:
    """A model of one SIGN, an op that the aot engine does not have."""
    b = ModelBuilder()
    x, y = b.tensor((1, 8), "float32"), b.tensor((1, 8), "float32")
    b.op("SIGN", [x], [y])
    model = tmp_path / "sign.tflite"
    model.write_bytes(b.build([x], [y]))
    return model


def test_an_op(scratch: Scratch, sign_model: Path) -> None:
    header = "firmware_stubs/engines/aot/hil_aot_ops.h"
    scratch.add("harness/hil/engines/aot/ops/sign.py", SIGN_LOWERING)
    scratch.add("firmware_stubs/engines/aot/sign_f32.c", SIGN_KERNEL)
    before, _ = scratch.text(header).rsplit("#endif", 1)
    scratch.edit(header, before, before + SIGN_HEADER.removesuffix("#endif\n"))

    assert "passed: run" in scratch.hil("run", "-p", "stm32l4", sign_model)
    assert_follows(scratch, "An op of the aot engine", OP="sign")


SIGN_ENGINE = '''
from hil.engines.program_interface import program_interface
from hil.records import EngineSources, MemoryPlan, Placement

TEXT = """
#include "hil_model.h"
void sign(const float *input, float *output, int count);
static union { double aligned; uint8_t bytes[%(arena)d]; } memory;
#define hil_arena_memory memory.bytes
uint8_t *const hil_arena = memory.bytes;
const uint32_t hil_arena_bytes = sizeof memory.bytes;
%(interface)s
int hil_model_init(void) { return 0; }
int hil_model_invoke(void)
{
    hil_op_begin(0);
    float *const half = (float *)(void *)(memory.bytes + %(half)d);
    sign((const float *)(void *)memory.bytes, half, %(count)d);
    hil_op_end(0);
    return 0;
}
"""


class SignEngine:
    """Runs models of one SIGN."""

    name, title, version, role = "sign", "Sign", "1", "candidate"

    def sources(self, model):
        half = model.graph.tensors[model.graph.inputs[0]].nbytes
        text = TEXT % {
            "arena": 2 * half, "half": half, "count": half // 4,
            "interface": program_interface(self.name, model, [0], [half]),
        }
        placements = (Placement("in", 0, 0, half, -1, 0), Placement("out", 1, half, half, 0, 1))
        return EngineSources(
            engine=self.name, engine_version=self.version, files={"model.c": text},
            kernels=("engines/sign/sign.c",), include_dirs=("engines/sign", "dut"),
            plan=MemoryPlan(2 * half, placements, 0), weights_bytes=0, tables_bytes=0,
        )
'''
ENGINE_KERNEL = """
void sign(const float *input, float *output, int count);
void sign(const float *input, float *output, int count)
{
    for (int i = 0; i < count; i++) {
        output[i] = input[i] > 0.0f ? 1.0f : input[i] < 0.0f ? -1.0f : input[i];
    }
}
"""


def test_an_engine(scratch: Scratch, sign_model: Path) -> None:
    scratch.add("harness/hil/engines/sign/__init__.py", "")
    scratch.add("harness/hil/engines/sign/engine.py", SIGN_ENGINE)
    scratch.add("firmware_stubs/engines/sign/sign.c", ENGINE_KERNEL)
    project = "pyproject.toml"
    group = '[project.entry-points."hil.engines"]\n'
    scratch.edit(project, group, group + 'sign = "hil.engines.sign.engine:SignEngine"\n')
    scratch.edit(project, '"aot | tflm"', '"aot | sign | tflm"')

    assert "passed: run" in scratch.hil("run", "-p", "stm32l4", "--engine", "sign", sign_model)
    scratch.lint_imports()
    assert_follows(scratch, "An engine", NAME="sign", KERNEL="sign")


LAB_TARGET = """
import dataclasses
from hil.targets import registry


class LabTarget:
    name, title, rank, scarce = "lab", "the lab", 9, True

    def __init__(self):
        self._qemu = registry.target("qemu")

    def tool(self):
        return "lab 1"

    def findings(self):
        return ()

    def platform(self, profile, machine=None):
        return dataclasses.replace(self._qemu.platform(profile, machine), target=self.name)

    def roomiest(self, platform):
        return platform

    def open(self, firmware, platform, options):
        return self._qemu.open(firmware, dataclasses.replace(platform, target="qemu"), options)
"""


def test_a_target(scratch: Scratch) -> None:
    scratch.add("harness/hil/targets/lab/__init__.py", "")
    scratch.add("harness/hil/targets/lab/target.py", LAB_TARGET)
    project = "pyproject.toml"
    group = '[project.entry-points."hil.targets"]\n'
    scratch.edit(project, group, group + 'lab = "hil.targets.lab.target:LabTarget"\n')
    scratch.edit(project, ' | renode"', ' | renode | lab"')

    run = ("run", "-p", "stm32l4", "--target", "lab", DIGITS / "digits_int8.tflite")
    shown = scratch.hil(*run)

    assert "on stm32l4 [lab b-l475e-iot01a]" in shown or "on stm32l4 [lab mps2" in shown
    assert "passed: run" in shown
    scratch.lint_imports()
    assert_follows(scratch, "A target", NAME="lab")


LAB_METER = """
import numpy
from hil.records import Edge, Recording


class LabMeter:
    name, title, supplies, package = "lab", "the lab's meter", False, None
    sign, rate_hz = "level", 1000.0

    def __init__(self, options):
        self.volts = options.volts

    def open(self):
        return "Lab 1"

    def power(self, on):
        pass

    def start(self):
        pass

    def stop(self):
        edges = (Edge(0.1, False, 1e-3), Edge(0.9, True, 1e-3))
        return Recording("Lab 1", 1e3, "A", numpy.full(1000, 0.01), self.volts, edges, 0, 1.0)

    def close(self):
        pass
"""

USE_METER = """
from hil.measure.metered import cut
from hil.records import MeteredRun
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.registry import meter

made = meter("lab", MeterOptions(3.0))
made.open()
made.start()
found = cut(MeteredRun(made.stop(), made.sign, 1, 8, 100_000.0))
print(f"{found.instrument}: {found.energy_uj:.0f} uJ")
"""


def test_a_meter(scratch: Scratch) -> None:
    scratch.add("harness/hil/targets/meters/lab.py", LAB_METER)
    group = '[project.entry-points."hil.meters"]\n'
    entry = 'lab = "hil.targets.meters.lab:LabMeter"\n'
    scratch.edit("pyproject.toml", group, group + entry)

    assert scratch.python("-c", USE_METER) == "Lab 1: 3000 uJ\n"
    scratch.lint_imports()
    assert_follows(scratch, "A meter", NAME="lab")


def test_a_figure(scratch: Scratch) -> None:
    memory = "harness/hil/measure/memory.py"
    entry = 'Figure("const_bytes", "Constants", "bytes", gated=True)'
    row = '("const_bytes", flash["weights"] + flash["tables"], "a test")'
    before = '    Figure("code_bytes"'
    scratch.edit("harness/hil/figures.py", before, f"    {entry},\n{before}")
    first = '        ("flash_bytes", whole'
    scratch.edit(memory, first, f"        {row},\n{first}")

    page = scratch.root / "page.html"
    run = ("run", "-p", "stm32l4", "--report", page, DIGITS / "digits_int8.tflite")
    assert re.search(r"^const +6,912 B +exact +static", scratch.hil(*run), re.MULTILINE)
    assert "Constants" in page.read_text(encoding="utf-8")
    scratch.hil("baseline", "set", "main")
    scratch.hil("run", "-p", "stm32l4", DIGITS / "digits_int8.tflite")
    assert re.search(r" const\w* +6,912 B +6,912 B ", scratch.hil("gate", "-b", "main", "--all"))
    assert_follows(scratch, "A figure", MODULE="memory")


COPY_FLASHER = """
from pathlib import Path

from hil.targets.flash import tool
from hil.targets.flash.elf import image


class CopyFlasher:
    name, title = "copy", "copy"

    def tool(self, job):
        return "copy 1"

    def findings(self):
        return ()

    def flash(self, job):
        options = tool.options(job, ("to",), self.name)
        Path(options["to"]).write_bytes(image(job.elf).data)
        return "copied"

    def reset(self, job):
        return ""

    def probes(self):
        return ()
"""


def test_a_flasher(scratch: Scratch) -> None:
    scratch.add("harness/hil/targets/flash/copy.py", COPY_FLASHER)
    groups = '[project.entry-points."hil.flashers"]\n'
    scratch.edit("pyproject.toml", groups, f'{groups}copy = "hil.targets.flash.copy:CopyFlasher"\n')
    kept, written = scratch.root / "kept", scratch.root / "written.bin"
    scratch.hil("run", "-p", "stm32l4", "--keep", kept, DIGITS / "digits_int8.tflite")

    code = (
        "from pathlib import Path\n"
        "from hil.boards import Board, FlasherSetup\n"
        "from hil.devices import load\n"
        "from hil.targets.flash import choice\n"
        f"setup = FlasherSetup(name='copy', options={{'to': {str(written)!r}}})\n"
        "board = Board(name='b', profile='stm32l4', port='/dev/null', flasher=setup)\n"
        "profile = load(board.profile)\n"
        f"job = choice.job(board, profile, Path({str(kept)!r}) / 'firmware.elf')\n"
        "print(choice.chosen(board, profile).flash(job))\n"
    )
    assert scratch.python("-c", code) == "copied\n"
    assert written.read_bytes()[4:8] != b"\xff" * 4  # the vector table
    scratch.lint_imports()
    assert_follows(scratch, "A flasher", NAME="copy")


def test_a_report_section(scratch: Scratch) -> None:
    view = "harness/hil/report/run/run_view.py"
    scratch.add(
        "harness/hil/report/run/wait.py",
        "def wait_text(run):\n    return f'{len(run.ops)} ops were waited for'\n",
    )
    scratch.edit(view, "    machine_note: str\n", "    machine_note: str\n    wait: str\n")
    scratch.edit(view, "        anchor=f", "        wait=wait_text(run),\n        anchor=f")
    scratch.edit(view, "\nDetail = ", "from hil.report.run.wait import wait_text\n\nDetail = ")
    scratch.add("reports/wait.html.j2", "<section><h3>Waiting</h3>{{ run.wait }}</section>\n")
    scratch.edit("reports/run.html.j2", "</article>", '{% include "wait.html.j2" %}\n</article>')

    page = scratch.root / "page.html"
    scratch.hil("run", "-p", "stm32l4", "--report", page, DIGITS / "digits_int8.tflite")

    assert "<h3>Waiting</h3>7 ops were waited for" in page.read_text(encoding="utf-8")
    assert_follows(scratch, "A report section", SECTION="wait")
