"""Runs of a study for tests of its report: two models, two data types, two boards, one failure."""

from __future__ import annotations

import dataclasses

from hil.records import ErrorInfo, RunRecord
from hil.report.study.study_view import StudyRun, StudyText

from .report_records import passed, scaled

TEXT = StudyText(
    title="Widths & <types>",
    description="A study for tests.",
    x="parameters",
    baseline="float32",
    path="study.toml",
)


def study_runs(*, failed: bool = True) -> list[StudyRun]:
    """Eight runs; the last one failed unless told otherwise."""
    runs = [
        _run(model, parameters, scheme, board, factor * parameters / 1000)
        for board in ("board-a@48MHz", "board-b")
        for model, parameters in (("narrow", 1000), ("wide", 86_326))
        for scheme, factor in (("float32", 1.0), ("int8", 0.25))
    ]
    if failed:
        error = ErrorInfo("outputs differ <b>", "look at them", "WrongOutput")
        runs[-1] = dataclasses.replace(runs[-1], status="failed", errors=(error,))
    return runs


def _run(model: str, parameters: int, scheme: str, board: str, factor: float) -> StudyRun:
    record: RunRecord = dataclasses.replace(
        scaled(passed(), factor), profile_name=board, run_id=f"run-{board}-{model}-{scheme}"
    )
    return StudyRun(
        model=model,
        parameters=parameters,
        macs=parameters * 10,
        family="CONV_2D ADD",
        scheme=scheme,
        engine="aot",
        profile=board,
        profile_title=board.upper(),
        optimize="-O3",
        status="passed",
        errors=(),
        run=record,
        command=("hil", "run", "--profile", board, f"{model}.tflite"),
    )
