"""Records for the store's tests; used by helper processes too, so plain functions."""

from __future__ import annotations

from hil import devices
from hil.records import (
    Accuracy,
    Agreement,
    Check,
    EnergyWindow,
    ErrorInfo,
    Estimate,
    Evaluation,
    FunctionMeasurement,
    MeasuredEnergy,
    Measurement,
    MemoryPlan,
    ModelInfo,
    OpMeasurement,
    Placement,
    PowerTrace,
    RunRecord,
    SampleResult,
    TensorQuality,
    TensorRange,
    Variant,
)


def rich_record() -> RunRecord:
    """A run in which every field of every record has a value, with the awkward ones among them."""
    return RunRecord(
        run_id="20261121T024800-a1b2c3",
        status="failed",
        started_at="2026-11-21T02:48:00.123+00:00",
        finished_at="2026-11-21T02:48:01.500+00:00",
        profile_name="stm32l4",
        profile=devices.load("stm32l4").model_dump(mode="json", by_alias=True),
        target="qemu",
        machine="b-l475e-iot01a",
        machine_exact=True,
        engine="aot",
        model=ModelInfo("kws", "models/kws µ.tflite", "ab" * 32, "int8", 53_936, 2_656_768, 13),
        measurements={
            "latency_us": Measurement(
                "latency_us",
                123_456.789012345,
                "us",
                "modelled",
                15.0,
                3,
                0.1,
                "timing model",
                (123_456.5, 123_456.789012345, 123_579.9),
            ),
            "cycles": Measurement("cycles", 9_876_543_210.0, "cycles", "modelled", 15.0),
            "flash_bytes": Measurement("flash_bytes", 71_000.0, "B", "static", 0.0),
            "energy_uj": Measurement("energy_uj", 0.1 + 0.2, "uJ", "modelled", None),
        },
        ops=(
            OpMeasurement(
                0, "CONV_2D", "conv/Relu;bn", 1_280_000, 5_000_000_000, 6, 7.5, "modelled"
            ),
            OpMeasurement(1, "SOFTMAX", "Identity", 0, 100, 130, 1.625, "modelled"),
        ),
        functions=(
            FunctionMeasurement("hil_conv_s8", 4_000_000, 5_000_000),
            FunctionMeasurement("__aeabi_fmul", 10, 12),
        ),
        plan=MemoryPlan(
            arena_bytes=22_000,
            placements=(
                Placement("input", 0, 0, 490, -1, 0),
                Placement("scratch", None, 496, 128, 0, 0),
            ),
            peak_op=1,
        ),
        flash_by_owner={"code": 9_000, "weights": 52_000, "tables": 2_000, "runtime": 8_000},
        ram_by_owner={"arena": 22_000, "static": 300, "stack_reserved": 4_096},
        check=Check("tflite-runtime 2.14.0 BUILTIN_REF", True, False, 3.0, float("inf"), 0.0, 5, 1),
        provenance={
            "command": "hil run kws.tflite --profile stm32l4",
            "load_retries": 0,
            "firmware_cached": True,
            "stage_s": {"build": 0.25, "run": 0.5},
            "nothing": None,
        },
        notes=("first", "second: ±5 %"),
        errors=(ErrorInfo("the output differs", "see docs", "WrongOutput"), ErrorInfo("again")),
        energy=MeasuredEnergy(
            instrument="PPK2 (hardware 9173)",
            sign="level",
            inferences=100,
            windows=(EnergyWindow(0.25, 1.25, 4.5e4, 100_000),),
            energy_uj=450.0,
            power_mw=45.0,
            duration_us=10_000.0,
            uncertainty_pct=23.1,
            power_uncertainty_pct=23.0,
            rate_hz=1e5,
            trace=PowerTrace(0.5, (9.0, None), (10.0, None), (11.0, None)),
            contributions={"instrument": 11.5},
        ),
    )


def rich_variant() -> Variant:
    """A variant in which every field has a value, with the awkward ones among them."""
    return Variant(
        sha256="cd" * 32,
        parent_sha256="ef" * 32,
        parent_name="kws µ",
        scheme="int8",
        options={"method": "percentile:99.9", "io": "int8", "q_format": ""},
        calibration="samples µ.npz",
        calibration_sha256="12" * 32,
        calibration_samples=100,
        library="ai-edge-quantizer 0.10.0",
        created_at="2026-11-21T09:30:00.250+00:00",
        size_bytes=53_936,
        ranges=(TensorRange(3, "conv/Relu;bn", -0.5, 6.25, 0.0, 6.0, 0.001),),
        tensors=(
            TensorQuality(3, "conv/Relu;bn", "activation", "int8", 0.05, -128, 31.5, 0.9999, 0.02),
            TensorQuality(1, "conv/w", "weights", "int8", 0.003, 0, 99.0, 1.0, 0.01),
        ),
        agreements=(
            Agreement("calibration", 100, 0.99, 30.25, 0.999, 0.01),
            Agreement("held-out", 25, 0.96, 28.5, 0.998, 0.02, 0.92, 0.88),
        ),
    )


def rich_evaluation() -> Evaluation:
    """An evaluation that ended, in which every field has a value."""
    return Evaluation(
        evaluation_id="20261121T030000-e5f6a7",
        key="9a" * 32,
        status="passed",
        started_at="2026-11-21T03:00:00.125+00:00",
        finished_at="2026-11-21T03:00:10.500+00:00",
        profile_name="stm32l4",
        target="qemu",
        machine="b-l475e-iot01a",
        machine_exact=True,
        engine="aot",
        model_name="kws µ",
        model_sha256="ab" * 32,
        model_dtype="int8",
        firmware_sha256="34" * 32,
        data_name="tests µ.npz",
        data_sha256="56" * 32,
        metric="top1",
        samples=4,
        done=4,
        preparation="int8 data as it is",
        options={"limit": None, "seed": 3},
        provenance={"command": "hil accuracy kws.tflite", "nothing": None},
        accuracy=Accuracy(
            metric="top1",
            main=Estimate(0.75, 0.3, 0.95, 4, 3, "Wilson"),
            host=Estimate(0.5, 0.15, 0.85, 4, 2, "Wilson"),
            top5=Estimate(1.0, 0.51, 1.0, 4, 4, "Wilson"),
            confusion=((2, 0), (1, 1)),
            samples=4,
            items=4,
            equal=3,
            same_decision=3,
            exact=True,
            max_abs_diff=2.0,
            differing=(7,),
            notes=("first",),
        ),
        errors=(ErrorInfo("outputs differ", "see docs", "WrongOutput"),),
    )


def rich_samples() -> list[SampleResult]:
    """The samples of ``rich_evaluation``; the last one with scores, as of another metric."""
    return [
        SampleResult(0, 0, True, 0.0, 0, 0, True),
        SampleResult(3, 0, True, 0.0, 0, 0, True),
        SampleResult(7, 1, False, 2.0, 1, 0, True),
        SampleResult(9, 1, True, 0.0, None, None, None, 0.1 + 0.2, 1e-300),
    ]
