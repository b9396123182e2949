"""Plain frozen dataclasses that the packages pass on to each other.

In the order of a run: inputs, variant, firmware, trace, run; an evaluation adds up many traces.
"""

from hil.records.arrays import Array
from hil.records.energy import EnergyWindow, MeasuredEnergy, PowerTrace
from hil.records.evaluation import (
    Accuracy,
    Estimate,
    Evaluation,
    SampleResult,
)
from hil.records.finding import Finding
from hil.records.firmware import (
    ArenaUse,
    EngineSources,
    ExternalCode,
    Firmware,
    MemoryPlan,
    MemoryRegion,
    Placement,
    Platform,
    Symbol,
)
from hil.records.inputs import InputSpec
from hil.records.recording import Edge, MeteredRun, Recording, WindowSign
from hil.records.run import (
    Check,
    ErrorInfo,
    FunctionMeasurement,
    Kind,
    Measurement,
    Measurements,
    ModelInfo,
    OpMeasurement,
    Progress,
    RunRecord,
    RunStatus,
)
from hil.records.trace import (
    BlockProfile,
    Inference,
    MemoryWatermarks,
    RegionTrace,
    Trace,
)
from hil.records.variant import (
    Agreement,
    Scheme,
    TensorQuality,
    TensorRange,
    Variant,
    VariantRequest,
)

__all__ = [
    "Accuracy",
    "Agreement",
    "ArenaUse",
    "Array",
    "BlockProfile",
    "Check",
    "Edge",
    "EnergyWindow",
    "EngineSources",
    "ErrorInfo",
    "Estimate",
    "Evaluation",
    "ExternalCode",
    "Finding",
    "Firmware",
    "FunctionMeasurement",
    "Inference",
    "InputSpec",
    "Kind",
    "MeasuredEnergy",
    "Measurement",
    "Measurements",
    "MemoryPlan",
    "MemoryRegion",
    "MemoryWatermarks",
    "MeteredRun",
    "ModelInfo",
    "OpMeasurement",
    "Placement",
    "Platform",
    "PowerTrace",
    "Progress",
    "Recording",
    "RegionTrace",
    "RunRecord",
    "RunStatus",
    "SampleResult",
    "Scheme",
    "Symbol",
    "TensorQuality",
    "TensorRange",
    "Trace",
    "Variant",
    "VariantRequest",
    "WindowSign",
]
