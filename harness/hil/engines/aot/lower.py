"""The contract between an op of the graph and the C that computes it.

Each op family is one module in ``harness/hil/engines/aot/ops/`` with functions marked ``@lowers``;
each decides from tensors and options which kernel of ``firmware_stubs/engines/aot`` is called with
which constants, or refuses with :func:`refuse`. Offsets in the arena are not known yet here:
the call is a template that the code generator fills in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy.typing as npt

from hil.engines.aot.literals import Value, struct_literal
from hil.errors import Gap, UnsupportedModel
from hil.tflite.graph import Graph, Op


@dataclass(frozen=True, eq=False)
class Constant:
    """A const array of the generated program.

    ``owner`` is ``weights`` (tensors of the model) or ``tables`` (requantization, look-up tables).
    The C type follows from the array's dtype.
    """

    array: npt.NDArray[Any]
    owner: str


@dataclass(frozen=True, eq=False)
class Lowered:
    """One op, lowered to one static call.

    ``call`` is a ``str.format`` template of one C call without semicolon. Fields: ``{in0}``...
    by position in ``op.inputs`` and ``{out0}``... (pointers into the arena or to the constant,
    already of the element type), ``{state0}``... (an input that is a variable tensor, to be written
    too), ``{params}`` (address of the params struct), ``{scratch}``
    (``void *``) and every key of ``constants``.

    ``params`` is a C initializer of ``params_type`` and may use the keys of ``constants`` as
    fields too; empty where the kernel takes none. Literal braces are doubled, as format demands.

    ``in_place`` lists positions of inputs whose buffer the output may be (the kernel reads an
    element before it writes the same place, and never needs it again). A call that is empty
    (``call == ""``) moves no data: the output must be placed on input ``in_place[0]`` and, should
    that be impossible, the generator emits a memcpy.
    """

    sources: tuple[str, ...]  # kernel files below firmware_stubs/engines/aot
    call: str
    params_type: str = ""
    params: str = ""
    constants: dict[str, Constant] = field(default_factory=dict)
    scratch_bytes: int = 0
    in_place: tuple[int, ...] = ()


def kernel_call(
    function: str,
    fields: Mapping[str, Value],
    *sources: str,
    struct: str = "",
    operands: str = "{in0}, {out0}",
    constants: Mapping[str, Constant] | None = None,
    in_place: tuple[int, ...] = (),
) -> Lowered:
    """Lower to ``hil_FUNCTION(params, OPERANDS)``, which is in the first of ``sources``.

    ``fields`` are those of ``hil_FUNCTION_params``, or of ``hil_STRUCT_params`` where kernels share
    a struct.
    """
    return Lowered(
        sources=sources,
        call=f"hil_{function}({{params}}, {operands})",
        params_type=f"hil_{struct or function}_params",
        params=struct_literal(fields),
        constants=dict(constants or {}),
        in_place=in_place,
    )


Lowering = Callable[[Op, Graph], Lowered]
LOWERINGS: dict[str, Lowering] = {}
SUFFIX = {"int8": "s8", "int16": "s16", "float32": "f32"}
"""Suffixes of kernels and their files by element type."""


def lowers(*names: str) -> Callable[[Lowering], Lowering]:
    """Register a function as the lowering of the TFLite ops ``names``; a second one is a bug."""

    def register(function: Lowering) -> Lowering:
        for name in names:
            if name in LOWERINGS:
                raise RuntimeError(f"two lowerings for {name}")
            LOWERINGS[name] = function
        return function

    return register


def refuse(op: Op, reason: str, supported: str) -> NoReturn:
    """Refuse an op before any build, with its name, its index and what is supported."""
    raise unsupported(Gap(op.index, op.name, reason, supported))


def unsupported(*gaps: Gap) -> UnsupportedModel:
    """Return the error that reports gaps: one in a sentence, several in a list."""
    if len(gaps) == 1:
        (gap,) = gaps
        return UnsupportedModel(
            f"the aot engine cannot run op {gap.op} ({gap.name}): {gap.reason}",
            hint=f"supported: {gap.supported}",
            gaps=gaps,
        )
    lines = [f"op {gap.op} ({gap.name}): {gap.reason}" for gap in gaps]
    return UnsupportedModel(
        f"the aot engine cannot run {len(gaps)} ops of the model:\n  " + "\n  ".join(lines),
        hint="`hil model inspect` shows the model, and what is supported of these ops",
        gaps=gaps,
    )
