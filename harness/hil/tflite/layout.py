"""The fields of every table of TensorFlow Lite's schema, as far as a flatbuffer's structure goes.

One line is a table and its fields in the order of their slots. A field is the size in bytes of a
number, ``str``, the name of a table, ``?`` and the name of a union (its type is in the slot
before), ``[`` before any of these for a vector, or ``-`` where the schema has withdrawn a field.
Tables without fields are left out. Facts of ``tensorflow/compiler/mlir/lite/schema/schema.fbs``
(schema version 3) as of the ``tflite`` package 2.18.
"""

from __future__ import annotations

_LINES = """
AddOptions 1 1
ArgMaxOptions 1
ArgMinOptions 1
BatchMatMulOptions 1 1 1
BidirectionalSequenceLSTMOptions 1 4 4 1 1 1
BidirectionalSequenceRNNOptions 1 1 1 1
BucketizeOptions [4
Buffer [1 8 8
CallOnceOptions 4
CallOptions 4
CastOptions 1 1
ConcatEmbeddingsOptions 4 [4 [4
ConcatenationOptions 4 1
Conv2DOptions 1 4 4 1 4 4 1
Conv3DOptions 1 4 4 4 1 4 4 4
CumsumOptions 1 1
CustomQuantization [1
DepthToSpaceOptions 4
DepthwiseConv2DOptions 1 4 4 4 1 4 4
DimensionMetadata 1 4 1 ?SparseIndexVector 1 ?SparseIndexVector
DivOptions 1
EmbeddingLookupSparseOptions 1
FakeQuantOptions 4 4 4 1
FullyConnectedOptions 1 1 1 1 1
GatherOptions 4 4
GeluOptions 1
HashtableOptions 4 1 1
IfOptions 4 4
Int32Vector [4
L2NormOptions 1
LSHProjectionOptions 1
LSTMOptions 1 4 4 1 1
LeakyReluOptions 4
LocalResponseNormalizationOptions 4 4 4 4
Metadata str 4
MirrorPadOptions 1
Model 4 [OperatorCode [SubGraph str [Buffer [4 [Metadata [SignatureDef
MulOptions 1
OneHotOptions 4
Operator 4 [4 [4 1 ?BuiltinOptions [1 1 [1 [4 8 8 1 ?BuiltinOptions2 4
OperatorCode 1 str 4 4
PackOptions 4 4
Pool2DOptions 1 4 4 4 4 1
QuantizationParameters [4 [4 [4 [8 1 ?QuantizationDetails 4
RNNOptions 1 1
RandomOptions 8 8
ReduceWindowOptions 4
ReducerOptions 1
ReshapeOptions [4
ResizeBilinearOptions - - 1 1
ResizeNearestNeighborOptions 1 1
ReverseSequenceOptions 4 4
SVDFOptions 4 1 1
SequenceRNNOptions 1 1 1
ShapeOptions 1
SignatureDef [TensorMap [TensorMap str - 4
SkipGramOptions 4 4 1
SoftmaxOptions 4
SpaceToDepthOptions 4
SparseToDenseOptions 1
SparsityParameters [4 [4 [DimensionMetadata
SplitOptions 4
SplitVOptions 4
SqueezeOptions [4
StableHLOCompositeOptions str 4 [1 1 4
StablehloBroadcastInDimOptions [8
StablehloCompareOptions 4 4
StablehloConcatenateOptions 8
StablehloConvolutionOptions [8 [8 [8 [8 [1 8 8 [8 8 8 [8 8 8 [8 8 8 [4
StablehloCustomCallOptions str 1 str 4 [4 [1
StablehloDotGeneralOptions [8 [8 [8 [8 [4
StablehloDynamicSliceOptions [8
StablehloGatherOptions [8 [8 [8 8 [8 1
StablehloIotaOptions 8
StablehloPadOptions [8 [8 [8
StablehloReduceOptions [8 4
StablehloReduceWindowOptions [8 [8 [8 [8 [8 4
StablehloRngBitGeneratorOptions 1
StablehloScatterOptions 1 [8 [8 [8 8 1 4
StablehloSliceOptions [8 [8 [8
StablehloSortOptions 8 1 4
StablehloTransposeOptions [8
StablehloWhileOptions 4 4
StridedSliceOptions 4 4 4 4 4 1
SubGraph [Tensor [4 [4 [Operator str 4
SubOptions 1 1
Tensor [4 1 4 str QuantizationParameters 1 SparsityParameters [4 1 [VariantSubType
TensorMap str 4
TransposeConvOptions 1 4 4 1 1
Uint16Vector [2
Uint8Vector [1
UnidirectionalSequenceLSTMOptions 1 4 4 1 1 1
UniqueOptions 1
UnpackOptions 4 4
VarHandleOptions str str
VariantSubType [4 1 1
WhileOptions 4 4
"""

#: The kinds of the fields of each table that has any, by slot.
TABLES = {name: tuple(kinds) for name, *kinds in map(str.split, _LINES.strip().splitlines())}
