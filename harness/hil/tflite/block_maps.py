"""Give sparse tensors the empty list of blocks that TensorFlow Lite reads without asking for it.

A tensor that is sparse but not in blocks has no ``block_map`` in the files of some converters
(MediaPipe's face detection); the interpreter of tflite-runtime 2.14 then ends with a segmentation
fault while it loads the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.tflite import schema
from hil.tflite.sparse import Level, Sparsity, read_sparsity
from hil.tflite.writer import Tables

_SPARSITY_SLOT = 16  # of the table Tensor
_ALIGNMENT = 8


def with_block_maps(model_bytes: bytes) -> bytes:
    """Return the model with a block map for each sparse tensor; itself where none lacks it.

    A new description of the tensor's sparsity is appended, and the reference to it changed.
    """
    model = schema.root(model_bytes)
    content = bytearray(model_bytes)
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            stored = tensor.Sparsity()
            if stored is not None and stored.BlockMapIsNone():
                _append(content, tensor, read_sparsity(tensor))
    return model_bytes if len(content) == len(model_bytes) else bytes(content)


def _append(content: bytearray, tensor: Any, sparsity: Sparsity | None) -> None:
    assert sparsity is not None
    content += bytes(-len(content) % _ALIGNMENT)
    to = Tables()
    fields = {
        "TraversalOrder": to.ints(sparsity.traversal_order),
        "BlockMap": to.ints(sparsity.block_map),
        "DimMetadata": to.offsets([_level(to, level) for level in sparsity.levels]),
    }
    new = to.finish(to.table("SparsityParameters", fields))
    field = tensor._tab.Pos + tensor._tab.Offset(_SPARSITY_SLOT)
    distance = len(content) + int.from_bytes(new[:4], "little") - field
    content[field : field + 4] = distance.to_bytes(4, "little")
    content += new


def _level(to: Tables, level: Level) -> int:
    kinds = schema.enum_numbers("DimensionType")
    if level.segments is None or level.indices is None:
        return to.table("DimensionMetadata", {"Format": kinds["DENSE"], "DenseSize": level.size})
    fields = {"Format": kinds["SPARSE_CSR"]}
    for name, values in (("Segments", level.segments), ("Indices", level.indices)):
        vector = to.vector(np.asarray(values, np.int32))
        fields[f"Array{name}"] = to.table("Int32Vector", {"Values": vector})
        fields[f"Array{name}Type"] = schema.enum_numbers("SparseIndexVector")["Int32Vector"]
    return to.table("DimensionMetadata", fields)
