"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from hil.engines.aot.lower import Lowered, lowers, refuse
from hil.engines.aot.quant import activation_range, activation_range_f32, scale_zero_point
from hil.engines.aot.window import element_type, window
from hil.tflite.graph import Graph, Op

_KERNELS = {"AVERAGE_POOL_2D": "average_pool", "MAX_POOL_2D": "max_pool"}


@lowers("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool_2d(op: Op, graph: Graph) -> Lowered:
    """Pool over a window; taps outside of the image do not count."""
    height, width = int(op.options["filter_height"]), int(op.options["filter_width"])
    if height < 1 or width < 1:
        refuse(op, f"a filter of {height} x {width}", "filters of at least 1 x 1")
    geometry = window(op, graph, height, width)
    if geometry.in_c != geometry.out_c:
        refuse(op, f"{geometry.in_c} channels in, {geometry.out_c} out", "equal numbers")
    dtype = element_type(op, graph, (op.inputs[0], op.outputs[0]))
    act: tuple[int, int] | tuple[str, str]
    if dtype == "float32":
        act, suffix, params = activation_range_f32(op), "f32", "hil_pool_f32_params"
    else:
        _same_quantization(op, graph)
        act, params = activation_range(op, graph.tensors[op.outputs[0]]), "hil_pool_params"
        suffix = "s8" if dtype == "int8" else "s16"
    return Lowered(
        sources=(f"pool_{suffix}.c",),
        call=f"hil_{_KERNELS[op.name]}_{suffix}({{params}}, {{in0}}, {{out0}})",
        params_type=params,
        params=(
            "{{\n    .window = " + geometry.initializer + ",\n"
            f"    .act_min = {act[0]},\n    .act_max = {act[1]},\n}}}}"
        ),
    )


def _same_quantization(op: Op, graph: Graph) -> None:
    """The kernels do not rescale, and neither do TFLite's."""
    source = scale_zero_point(op, graph.tensors[op.inputs[0]])
    result = scale_zero_point(op, graph.tensors[op.outputs[0]])
    if abs(source[0] - result[0]) > 1e-6 or source[1] != result[1]:
        refuse(op, f"quantization changes from {source} to {result}", "the same on both sides")
