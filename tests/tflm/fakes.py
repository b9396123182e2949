"""Libraries and headers of our own that look like TFLM's as far as they are read, no further.

Symbols are given by their linker names, so that C can define what C++ would call otherwise.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.tools import tool

M4F = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
FLAGS = {
    "cortex-m0+": ("-mcpu=cortex-m0plus", "-mthumb"),
    "cortex-m3": ("-mcpu=cortex-m3", "-mthumb"),
    "cortex-m4": ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"),
    "cortex-m4f": M4F,
    "cortex-m7f": ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "cortex-m33f": ("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
}
INTERPRETER = (
    "_ZN6tflite16MicroInterpreter15AllocateTensorsEv",
    "_ZN6tflite16MicroInterpreter6InvokeEv",
    "_ZN6tflite19GreedyMemoryPlannerC1Ev",
    "_Z11MicroPrintfPKcz",
)
REGISTRATIONS = (
    "_ZN6tflite16Register_CONV_2DEv",
    "_ZN6tflite24Register_FULLY_CONNECTEDEv",
)
RESOLVER = """
  TfLiteStatus AddConv2D(
      const TFLMRegistration& registration = Register_CONV_2D()) {
    return AddBuiltin(BuiltinOperator_CONV_2D, registration, ParseConv2D);
  }
  TfLiteStatus AddFullyConnected(
      const TFLMRegistration& registration = Register_FULLY_CONNECTED()) {
    return AddBuiltin(BuiltinOperator_FULLY_CONNECTED, registration, ParseFullyConnected);
  }
  TfLiteStatus AddRelu(const TFLMRegistration& registration = tflite::Register_RELU()) {
    return AddBuiltin(BuiltinOperator_RELU, registration, ParseRelu);
  }
  TfLiteStatus AddWindow() {
    return AddCustom("SignalWindow", tflite::tflm_signal::Register_WINDOW());
  }
"""
FLATBUFFERS = (25, 9, 23)


def need(*names: str) -> None:
    for name in names:
        tool(name)


def library(
    folder: Path,
    *,
    symbols: Sequence[str] = (*INTERPRETER, *REGISTRATIONS),
    calls: Sequence[str] = (),
    flags: Sequence[str] = M4F,
    extra: str = "",
    prefix: str = "arm-none-eabi-",
    ar: str = "rcs",
    name: str = "libtensorflow-microlite.a",
) -> Path:
    """Compile and archive one member that defines ``symbols`` and calls ``calls``."""
    need(f"{prefix}gcc", f"{prefix}ar")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'void f{i}(void) __asm__("{s}"); void f{i}(void) {{}}' for i, s in enumerate(symbols)]
    lines += [f"void {called}(void);" for called in calls]
    lines += ["void caller(void) {" + "".join(f" {called}();" for called in calls) + " }"]
    return archive(
        folder / name,
        {"member_with_a_long_name.o": "\n".join([*lines, extra])},
        flags=flags,
        prefix=prefix,
        ar=ar,
    )


def archive(
    path: Path,
    members: dict[str, str],
    *,
    flags: Sequence[str] = M4F,
    prefix: str = "arm-none-eabi-",
    ar: str = "rcs",
    flags_of: dict[str, Sequence[str]] | None = None,
) -> Path:
    """Compile C texts into members of an archive."""
    objects = []
    for name, text in members.items():
        source, obj = path.with_name(name).with_suffix(".c"), path.with_name(name)
        source.write_text(text + "\n", encoding="utf-8")
        own = (flags_of or {}).get(name, flags)
        subprocess.run([f"{prefix}gcc", *own, "-O1", "-c", source, "-o", obj], check=True)
        objects.append(obj)
    subprocess.run([f"{prefix}ar", ar, path, *objects], check=True)
    return path


def headers(
    folder: Path,
    *,
    schema: int = 3,
    flatbuffers: tuple[int, int, int] = FLATBUFFERS,
    resolver: str = RESOLVER,
) -> Path:
    """Write the few lines of headers that are read; return the include folder."""
    micro = folder / "tensorflow" / "lite" / "micro"
    micro.mkdir(parents=True)
    (micro / "micro_interpreter.h").write_text(f"#define TFLITE_SCHEMA_VERSION ({schema})\n")
    (micro / "micro_mutable_op_resolver.h").write_text(resolver)
    generated = folder / "tensorflow" / "lite" / "schema"
    generated.mkdir()
    parts = ("MAJOR", "MINOR", "REVISION")
    wanted = (f"FLATBUFFERS_VERSION_{p} == {v}" for p, v in zip(parts, FLATBUFFERS, strict=True))
    (generated / "schema_generated.h").write_text(f'static_assert({" && ".join(wanted)}, "");\n')
    (folder / "flatbuffers").mkdir()
    (folder / "flatbuffers" / "flatbuffers.h").write_text("/* there */\n")
    (folder / "flatbuffers" / "base.h").write_text(
        "".join(
            f"#define FLATBUFFERS_VERSION_{p} {v}\n"
            for p, v in zip(parts, flatbuffers, strict=True)
        )
    )
    return folder
