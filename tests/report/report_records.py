"""Run records with realistic figures: MLPerf Tiny's keyword spotting model on two chips."""

from __future__ import annotations

import dataclasses
from typing import Any

from hil.records import (
    Check,
    ErrorInfo,
    FunctionMeasurement,
    Measurement,
    MemoryPlan,
    ModelInfo,
    OpMeasurement,
    Placement,
    RunRecord,
)

FUSED = "activation/Relu;batch_normalization/FusedBatchNormV3;conv2d/Conv2D"

_LAYERS = (  # op, output tensor, MACs, cycles, instructions
    ("CONV_2D", FUSED, 320_000, 2_104_311, 1_640_222),
    ("DEPTHWISE_CONV_2D", "activation_1/Relu", 72_000, 911_020, 700_114),
    ("CONV_2D", "activation_2/Relu", 512_000, 3_502_881, 2_811_004),
    ("DEPTHWISE_CONV_2D", "activation_3/Relu", 72_000, 911_020, 700_114),
    ("CONV_2D", "activation_4/Relu", 512_000, 3_502_881, 2_811_004),
    ("DEPTHWISE_CONV_2D", "activation_5/Relu", 72_000, 911_020, 700_114),
    ("CONV_2D", "activation_6/Relu", 512_000, 3_502_881, 2_811_004),
    ("DEPTHWISE_CONV_2D", "activation_7/Relu", 72_000, 911_020, 700_114),
    ("CONV_2D", "activation_8/Relu", 512_000, 3_502_881, 2_811_004),
    ("AVERAGE_POOL_2D", "average_pooling2d/AvgPool", 0, 96_210, 71_020),
    ("RESHAPE", "flatten/Reshape", 0, 0, 0),
    ("FULLY_CONNECTED", "dense/BiasAdd", 768, 6_904, 5_220),
    ("SOFTMAX", "Identity", 0, 5_180, 4_011),
)  # fmt: skip

PROFILE: dict[str, Any] = {
    "schema": 1,
    "name": "stm32l4",
    "title": "STM32L475VG (B-L475E-IOT01A)",
    "chip": {"part": "STM32L475VG", "vendor": "STMicroelectronics", "core": "cortex-m4f"},
    "clock": {"hz": 80_000_000, "max_hz": 80_000_000},
    "flash": {"size_bytes": 1_048_576, "wait_states": 4},
    "ram": [
        {"name": "sram1", "size_bytes": 98_304, "main": True},
        {"name": "sram2", "size_bytes": 32_768, "main": False},
    ],
    "power": {"volts": 3.0},
}

COMMAND = "hil run --profile stm32l4 --inputs random:0 kws_int8.tflite"


BASELINE_ENGINES = {
    "tflm": "TFLite Micro",
    "tflm-cmsis": "TFLite Micro with CMSIS-NN",
    "tflm-ref": "TFLite Micro with its reference kernels",
}


def ops(clock_hz: float = 80e6) -> tuple[OpMeasurement, ...]:
    return tuple(
        OpMeasurement(i, op, name, macs, instructions, cycles, cycles / clock_hz * 1e6, "modelled")
        for i, (op, name, macs, cycles, instructions) in enumerate(_LAYERS)
    )


def plan() -> MemoryPlan:
    """Two halves of 8,000 bytes used in turn, the input, scratch, and an in-place reshape."""
    placed = [Placement("input_1", 0, 8_000, 490, -1, 0)]
    placed += [
        Placement(_LAYERS[i][1], 10 + i, 0 if i % 2 == 0 else 8_000, 8_000, i, i + 1)
        for i in range(9)
    ]
    placed += [
        Placement("scratch of op 0", None, 8_496, 1_280, 0, 0),
        Placement("average_pooling2d/AvgPool", 20, 8_000, 64, 9, 10),
        Placement("flatten/Reshape", 21, 8_000, 64, 10, 11),
        Placement("dense/BiasAdd", 22, 0, 12, 11, 12),
        Placement("Identity", 23, 16, 12, 12, 13),
    ]
    return MemoryPlan(arena_bytes=16_000, placements=tuple(placed), peak_op=1)


def figures() -> dict[str, Measurement]:
    cycles = sum(layer[3] for layer in _LAYERS) + 12_000
    instructions = sum(layer[4] for layer in _LAYERS) + 9_000
    source = "Cortex-M4 timing model, 4 wait states"
    rows = [
        Measurement("latency_us", cycles / 80, "us", "modelled", 15.0, 3, 0.0, source),
        Measurement("cycles", cycles, "cycles", "modelled", 15.0, 3, 0.0, source),
        Measurement("instructions", instructions, "instructions", "modelled", 0.0, 3, 0.0, "QEMU"),
        Measurement(
            "energy_uj", cycles / 80e6 * 31.2e3, "uJ", "modelled", 29.0, source="ST DS10969"
        ),
        Measurement("flash_bytes", 53_412, "bytes", "static", 0.0, source="ELF"),
        Measurement("ram_bytes", 18_984, "bytes", "static", 0.0, source="ELF and watermarks"),
        Measurement("arena_bytes", 16_000, "bytes", "static", 0.0),
        Measurement("stack_bytes", 712, "bytes", "measured", 0.0),
        Measurement("heap_bytes", 0, "bytes", "measured", 0.0),
        Measurement("weights_bytes", 24_908, "bytes", "static", 0.0),
    ]
    return {row.name: row for row in rows}


def passed(**changes: Any) -> RunRecord:
    """A run that passed; ``changes`` replace fields."""
    record = RunRecord(
        run_id="20261121T024000-a1b2c3",
        status="passed",
        started_at="2026-11-21T02:40:00.123+00:00",
        finished_at="2026-11-21T02:40:01.456+00:00",
        profile_name="stm32l4",
        profile=PROFILE,
        target="qemu",
        machine="b-l475e-iot01a",
        machine_exact=True,
        engine="aot",
        model=ModelInfo(
            "kws_int8", "models/kws_int8.tflite", "9d" * 32, "int8", 53_936, 2_656_768, 13
        ),
        measurements=figures(),
        ops=ops(),
        functions=tuple(
            FunctionMeasurement(f"hil_kernel_{i}", 9_000_000 >> i, 11_000_000 >> i)
            for i in range(20)
        ),
        plan=plan(),
        flash_by_owner={"code": 9_120, "weights": 24_908, "tables": 7_268, "runtime": 12_116},
        ram_by_owner={"arena": 16_000, "static": 2_272, "stack_reserved": 4_096},
        check=Check("tflite-runtime 2.14.0 BUILTIN_REF", True, True, 0.0, 0.0, 0.0, 7, 0),
        provenance={
            "command": COMMAND,
            "hil_version": "0.1.0",
            "hil_commit": "49c25c6aa001",
            "python": "3.11.2",
            "host": "Linux x86_64",
            "engine_version": "1",
            "model_sha256": "9d" * 32,
            "optimize": "-O3",
            "compiler": "arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205",
            "compiler_flags": "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -O3",
            "firmware_sha256": "ab" * 32,
            "firmware_cached": False,
            "target_tool": "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2~bpo12+1)",
            "target_command": "qemu-system-arm -M b-l475e-iot01a -S -kernel firmware.elf",
            "input_path": "protocol",
            "load_retries": 0,
            "reference": "tflite-runtime 2.14.0 BUILTIN_REF",
            "inputs_sha256": "cd" * 32,
            "stage_s": {"plan": 0.02, "build": 0.61, "run": 0.44, "measure": 0.2},
        },
        notes=("The timing model of this core has not been validated against silicon yet.",),
        errors=(),
    )
    return of_engine(dataclasses.replace(record, **changes))


def of_engine(run: RunRecord, engine: str = "") -> RunRecord:
    """The run as one of this engine (else of its own), with what the engine states of itself."""
    engine = engine or run.engine
    stated = {}
    if title := BASELINE_ENGINES.get(engine):
        stated = {"engine_title": title, "engine_role": "baseline"}
    return dataclasses.replace(run, engine=engine, provenance={**stated, **run.provenance})


def bare(status: Any, *errors: ErrorInfo, **changes: Any) -> RunRecord:
    """A run that ended before anything was measured."""
    fields: dict[str, Any] = {
        "status": status,
        "measurements": {},
        "ops": (),
        "functions": (),
        "plan": None,
        "flash_by_owner": {},
        "ram_by_owner": {},
        "check": None,
        "provenance": {"command": COMMAND},
        "notes": (),
        "errors": errors,
    }
    return passed(**{**fields, **changes})


def wrong_output() -> RunRecord:
    """A run that was measured in full, but whose outputs differ."""
    return passed(
        run_id="20261121T024300-0d0d0d",
        status="failed",
        check=Check("tflite-runtime 2.14.0 BUILTIN_REF", True, False, 3.0, 0.05, 0.0, 7, 2),
        errors=(
            ErrorInfo("outputs differ from tflite-runtime on 2 of 7 inputs", "rerun with --keep"),
        ),
    )


def scaled(record: RunRecord, factor: float, **changes: Any) -> RunRecord:
    """The same run with cycles, instructions, latency and energy times ``factor``."""
    timed = ("latency_us", "cycles", "instructions", "energy_uj")
    return dataclasses.replace(
        record,
        measurements={
            name: dataclasses.replace(m, value=m.value * (factor if name in timed else 1))
            for name, m in record.measurements.items()
        },
        ops=tuple(
            dataclasses.replace(
                op, cycles=round(op.cycles * factor), latency_us=op.latency_us * factor
            )
            for op in record.ops
        ),
        **changes,
    )


def many_ops(number: int = 200) -> RunRecord:
    """A deep network: ``number`` ops in a row."""
    rows = tuple(
        OpMeasurement(
            i, "CONV_2D", f"b{i}/conv", 10_000, 60_000, 70_000 + 13 * i, 900.0, "modelled"
        )
        for i in range(number)
    )
    placements = tuple(
        Placement(f"block{i}/conv", i, (i % 2) * 4_000, 4_000, i, i + 1) for i in range(number)
    )
    return passed(ops=rows, plan=MemoryPlan(8_000, placements, 3))
