"""The tflm engine: TFLM's interpreter runs the .tflite file as it is.

The arena is known only after the model ran: :meth:`TflmEngine.sources` leaves it open,
:meth:`TflmEngine.searching` makes the firmware that finds it, :meth:`TflmEngine.sized` the one
that is measured.
"""

from __future__ import annotations

from hil.engines.interface import Role
from hil.engines.program_interface import check_ends
from hil.engines.tflm import codegen
from hil.engines.tflm.headers import Registration, read_ops
from hil.engines.tflm.installed import Installed
from hil.engines.tflm.library import require_unchanged
from hil.errors import UnsupportedModel, did_you_mean
from hil.records import ArenaUse, EngineSources, ExternalCode, MemoryPlan
from hil.tflite.graph import Graph
from hil.tflite.model import Model

VERSION = "1"
KERNEL_DIR = "engines/tflm"
#: Every build of TFLM for microcontrollers has it; structures differ without.
_STATIC_MEMORY = "TF_LITE_STATIC_MEMORY"
_SEARCH_DEFINE = "HIL_ARENA_SEARCH"


class TflmEngine:
    """Runs models on a library of TensorFlow Lite Micro that the user added."""

    role: Role = "baseline"

    def __init__(self, entry: Installed) -> None:
        self.entry = entry
        self.name = entry.name
        kernels = "CMSIS-NN" if entry.kernels == "CMSIS-NN" else "its reference kernels"
        self.title = f"TFLite Micro with {kernels}"
        self.version = (
            f"{VERSION} (TFLM with {entry.kernels} kernels, schema {entry.schema_version}, "
            f"library {entry.library_sha256[:12]})"
        )

    def sources(self, model: Model) -> EngineSources:
        """Return the sources with the arena still open (0 bytes); everything else is checked.

        Raises:
            UsageError: library or headers are not what was added.
            UnsupportedModel: TFLM, or this library of it, does not register an op, or the model
                has int16 weights.
            ModelError: more inputs or outputs than the protocol allows, or other dtypes.
        """
        require_unchanged(self.entry)
        check_ends(model.graph)
        _check_state(model.graph)
        _check_weights(model.graph)
        return self._sources(model, _open_arena(model.graph, 0))

    def searching(self, model: Model, arena_bytes: int) -> EngineSources:
        """Return the sources of the firmware that tries arenas of up to ``arena_bytes``."""
        return self._sources(model, _open_arena(model.graph, arena_bytes), search=True)

    def sized(self, model: Model, use: ArenaUse) -> EngineSources:
        """Return the sources with the arena that was found."""
        return self._sources(model, use)

    def methods(self, graph: Graph) -> list[str]:
        """Return the resolver's methods for the model's ops, each once, in order of first use.

        Raises:
            UnsupportedModel: TFLM, or this library of it, does not register an op.
        """
        known = read_ops(self.entry.include_dirs)
        found = {op.name: self._registration(op.name, op.index, known) for op in graph.ops}
        return list(dict.fromkeys(registration.method for registration in found.values()))

    def _registration(self, op: str, index: int, known: dict[str, Registration]) -> Registration:
        if op not in known:
            raise UnsupportedModel(
                f"op {index} ({op}): TensorFlow Lite Micro does not register it "
                f"(engine '{self.name}')",
                hint=did_you_mean(op, known, most=3, cutoff=0.7)
                + "take a model without this op, or another engine",
            )
        if known[op].function not in self.entry.functions:
            raise UnsupportedModel(
                f"op {index} ({op}): the library of engine '{self.name}' has no "
                f"{known[op].function}",
                hint=f"build {self.entry.library.name} with all of TFLM's kernels and add it again",
            )
        return known[op]

    def _sources(self, model: Model, use: ArenaUse, *, search: bool = False) -> EngineSources:
        entry = self.entry
        parts = codegen.Parts(
            self.name,
            self.methods(model.graph),
            use.arena_bytes,
            use.input_offsets,
            use.output_offsets,
        )
        adapter = "hil_tflm_search.cc" if search else "hil_tflm_run.cc"
        return EngineSources(
            engine=self.name,
            engine_version=self.version,
            files=codegen.generate(model, parts),
            kernels=(f"{KERNEL_DIR}/hil_tflm_common.cc", f"{KERNEL_DIR}/{adapter}"),
            include_dirs=(KERNEL_DIR, "dut"),
            plan=MemoryPlan(use.arena_bytes, (), 0),
            weights_bytes=model.size_bytes,
            tables_bytes=0,
            external=ExternalCode(
                library=entry.library,
                include_dirs=entry.include_dirs,
                sha256=f"{entry.library_sha256}:{entry.headers_sha256}",
                core=entry.core,
                defines=(_STATIC_MEMORY, *entry.defines),
            ),
            runtime_defines=(_SEARCH_DEFINE,) if search else (),
            op_count=len(model.graph.ops),
            details=self._details(),
        )

    def _details(self) -> dict[str, str]:
        entry = self.entry
        return {
            "engine_kind": entry.kind,
            "tflm_kernels": entry.kernels,
            "tflm_library": entry.library.name,
            "tflm_library_sha256": entry.library_sha256,
            "tflm_headers_sha256": entry.headers_sha256,
            "tflm_schema_version": str(entry.schema_version),
            "tflm_flatbuffers_version": entry.flatbuffers_version,
            "tflm_compiler": entry.compiler,
            "tflm_defines": " ".join(entry.defines),
        }


def _open_arena(graph: Graph, arena_bytes: int) -> ArenaUse:
    """An arena without a layout."""
    inputs, outputs = (0,) * len(graph.inputs), (0,) * len(graph.outputs)
    return ArenaUse(arena_bytes, 0, 0, 0, 0, inputs, outputs)


def _check_weights(graph: Graph) -> None:
    """TFLM's own message for int16 weights calls the model hybrid, which it is not."""
    for op in graph.ops:
        if graph.has_int16_weights(op):
            raise UnsupportedModel(
                f"op {op.index} ({op.name}): TensorFlow Lite Micro has no kernel for int16 weights",
                hint="q16 is for engine 'aot'; int16x8 keeps int16 activations and runs on both",
            )


def _check_state(graph: Graph) -> None:
    """State would be that of the inferences before, which the reference did not all make."""
    if graph.subgraphs:
        raise UnsupportedModel(
            f"the model has {1 + len(graph.subgraphs)} subgraphs; engine 'tflm' runs one",
            hint="take the model apart, or try engine 'aot'",
        )
    for tensor in graph.tensors:
        if tensor.is_variable:
            raise UnsupportedModel(
                f"tensor {tensor.index} ('{tensor.name}') keeps its value between inferences, "
                "which engine 'tflm' does not support here",
                hint="make the state an input and an output of the model, or try engine 'aot'",
            )
