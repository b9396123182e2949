"""Everything that a report shows as data: JSON, and CSV with one line a value.

Both carry ``SCHEMA``; a change that would break a reader changes the number after the slash.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hil.records import RunRecord
from hil.report.compare.accuracy import AccuracyCell, AccuracyLine
from hil.report.compare.case_view import CaseView, Cell
from hil.report.compare.memory import MemoryLine, MemoryTable
from hil.report.compare.model_error import ModelError, inside_text
from hil.report.compare.ops import KindLine, OpCell
from hil.report.compare.pareto import Pareto
from hil.report.output.run_json import run_data, run_errors
from hil.report.report_view import ReportView
from hil.report.words.accuracy import counted_text

SCHEMA = "hil.report.data/1"
CSV_COLUMNS = (
    "schema",
    "comparison",
    "run_id",
    "run",
    "role",
    "section",
    "item",
    "name",
    "value",
    "unit",
    "kind",
    "uncertainty_pct",
    "ratio",
    "verdict",
    "text",
)


def render_json(view: ReportView) -> str:
    """Render a report as one JSON object; NaN and infinite numbers are null."""
    return json.dumps(_finite(report_data(view)), indent=1, ensure_ascii=False) + "\n"


def report_data(view: ReportView) -> dict[str, Any]:
    """Return the machine-readable form of a report; keys are part of the schema."""
    return {
        "schema": SCHEMA,
        "title": view.title,
        "generated": view.generated,
        "verdicts": [verdict.text for verdict in view.verdicts],
        "comparisons": [case_data(case) for case in view.comparisons],
        "time_against_ram": [_pareto_data(pareto) for pareto in view.paretos],
        "runs": [_run_data(run) for run in view.records],
    }


def case_data(case: CaseView) -> dict[str, Any]:
    """Return a comparison: lists of cells are parallel to ``runs``, the baseline is first."""
    return {
        "title": case.title,
        "model": case.model_name,
        "profile": case.profile_name,
        "baseline": next((c.run.run_id for c in case.columns if c.is_baseline), None),
        "why": case.why,
        "runs": [
            {"run_id": c.run.run_id, "name": c.name, "status": c.run.status, "origin": c.origin}
            for c in case.columns
        ],
        "verdicts": [{"run_id": v.run_id, "text": v.headline.text} for v in case.verdicts],
        "notes": list(case.warnings),
        "figures": {row.name: [cell_data(cell) for cell in row.cells] for row in case.figures},
        "accuracy": [_accuracy_data(line) for line in case.accuracy],
        "agreement_with_float_model": [
            dataclasses.asdict(one) if one else None
            for one in (case.agreement.cells if case.agreement else ())
        ],
        "ops": [
            {"index": line.index, "op": line.op, "name": line.name, "cells": _ops_data(line.cells)}
            for line in case.ops
        ],
        "kinds_of_op": [_kind_data(line) for line in case.op_groups],
        "model_errors": [_error_data(error) for error in case.model_errors],
        "memory": {
            table.name.lower(): [_memory_data(table, line) for line in table.lines]
            for table in case.memory
        },
        "facts": {row.label: list(row.values) for row in case.facts},
        "published": [dataclasses.asdict(r) for r in case.published.rows] if case.published else [],
    }


def cell_data(cell: Cell) -> dict[str, Any] | None:
    """Return a figure with its ratio to the baseline, or None where the run has none."""
    if cell.figure is None:
        return None
    return {
        "value": cell.figure.value,
        "unit": cell.figure.unit,
        "kind": cell.figure.kind,
        "uncertainty_pct": cell.figure.uncertainty_pct,
        "ratio": cell.judgement.ratio if cell.judgement else None,
        "verdict": cell.judgement.verdict if cell.judgement else None,
    }


def _error_data(error: ModelError) -> dict[str, Any]:
    """The error of a model against a board; the ops with the largest part of it come first."""
    return {
        "modelled": error.modelled.run_id,
        "board": error.board.run_id,
        "board_name": error.board.machine,
        "virtual": error.is_virtual,
        "text": error.headline.text,
        "figures": {
            one.name: {
                "modelled": one.modelled.value,
                "modelled_kind": one.modelled.kind,
                "board": one.board.value,
                "board_kind": one.board.kind,
                "unit": one.modelled.unit,
                "error_pct": one.error_pct,
                "band_pct": one.modelled.uncertainty_pct,
                "inside": one.inside,
            }
            for one in error.figures
        },
        "ops": [dataclasses.asdict(op) for op in error.ops],
        "notes": list(error.notes),
    }


def _accuracy_data(line: AccuracyLine) -> dict[str, Any]:
    """Shares and AUCs from 0 to 1 with their 95 % intervals; differences in percentage points."""
    cells = [_accuracy_cell(cell) if cell else None for cell in line.cells]
    return {"metric": line.metric, "data": line.data, "where": line.where, "cells": cells}


def _accuracy_cell(cell: AccuracyCell) -> dict[str, Any]:
    return {
        "evaluation_id": cell.evaluation.evaluation_id,
        **{key: getattr(cell.main, key) for key in ("value", "low", "high", "n", "count")},
        "status": cell.evaluation.status,
        "difference_points": cell.difference.points if cell.difference else None,
        "verdict": cell.difference.verdict if cell.difference else None,
    }


def _ops_data(cells: Sequence[OpCell]) -> list[dict[str, Any]]:
    return [{"cycles": cell.cycles, "ratio": cell.ratio} for cell in cells]


def _kind_data(line: KindLine) -> dict[str, Any]:
    cells = zip(_ops_data(line.cells), line.shares, line.per_mac, strict=True)
    return {
        "op": line.op,
        "number": line.number,
        "cells": [{**op, "share": share, "cycles_per_mac": each} for op, share, each in cells],
    }


def _memory_data(table: MemoryTable, line: MemoryLine) -> dict[str, Any]:
    parts = zip(table.owners, line.cells, strict=True)
    data: dict[str, Any] = {
        "total_bytes": line.total.bytes,
        "parts_bytes": {owner.key: cell.bytes for owner, cell in parts},
    }
    return {**data, "largest_scratch_bytes": line.more.bytes} if line.more else data


def _pareto_data(pareto: Pareto) -> dict[str, Any]:
    return {
        "model": pareto.model_name,
        "points": [
            {
                "number": point.number,
                "run_id": point.run_id,
                "name": point.name,
                "latency_us": point.time.value,
                "ram_bytes": point.ram.value,
                "on_front": point.dominated_by is None,
                "beaten_by": point.dominated_by,
            }
            for point in pareto.points
        ],
    }


def _run_data(run: RunRecord) -> dict[str, Any]:
    return {
        **run_data(run),
        "functions": [dataclasses.asdict(function) for function in run.functions],
        "plan": dataclasses.asdict(run.plan) if run.plan else None,
        "errors": run_errors(run),
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def render_csv(view: ReportView) -> str:
    """Render a report as CSV: one line a value, which ``section``, ``item`` and ``name`` identify.

    ``ratio`` and ``verdict`` are against the baseline of the ``comparison``; lines of a single run
    have none.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _csv_rows(view):
        filled = {key: "" if value is None else _harmless(value) for key, value in row.items()}
        writer.writerow({"schema": SCHEMA, **filled})
    return file.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _csv_rows(view: ReportView) -> Iterator[dict[str, Any]]:
    for verdict in view.verdicts:
        yield {"section": "verdict", "text": verdict.text}
    for case in view.comparisons:
        for row in _case_rows(case):
            yield {"comparison": case.title, **row}
    for pareto in view.paretos:
        for point in pareto.points:
            by = point.dominated_by
            place = f"dominated by {by}" if by else "on the front"
            common = {"run_id": point.run_id, "run": point.name, "section": "time_against_ram"}
            common |= {"item": pareto.model_name, "text": place}
            yield {**common, "name": "latency_us", "value": point.time.value, "unit": "us"}
            yield {**common, "name": "ram_bytes", "value": point.ram.value, "unit": "bytes"}
    for run in view.records:
        for row in _run_rows(run):
            yield {"run_id": run.run_id, **row}


def _case_rows(case: CaseView) -> Iterator[dict[str, Any]]:
    heads = [
        {
            "run_id": c.run.run_id,
            "run": c.name,
            "role": "baseline" if c.is_baseline else "candidate",
        }
        for c in case.columns
    ]
    yield {"section": "baseline", "text": case.why}
    for judged in case.verdicts:
        yield {"run_id": judged.run_id, "section": "verdict", "text": judged.headline.text}
    for warning in case.warnings:
        yield {"section": "note", "text": warning}
    for row in case.figures:
        for head, cell in zip(heads, row.cells, strict=True):
            if found := cell_data(cell):
                yield {**head, "section": "figure", "name": row.name, **found}
    yield from _accuracy_rows(case, heads)
    items = [("op", f"{line.index} {line.op}", line.cells) for line in case.ops]
    items += [("kind_of_op", line.op, line.cells) for line in case.op_groups]
    for section, item, cells in items:
        for head, op in zip(heads, cells, strict=True):
            found = {"value": op.cycles, "unit": "cycles", "ratio": op.ratio}
            yield {**head, "section": section, "item": item, "name": "cycles", **found}
    for error in case.model_errors:
        yield from _error_rows(error)
    yield from _memory_rows(case, heads)
    for fact in case.facts:
        values = fact.values if fact.differs else fact.values * len(heads)
        for head, value in zip(heads, values, strict=True):
            yield {**head, "section": "fact", "name": fact.label, "text": value}
    yield from _published_rows(case)


def _error_rows(error: ModelError) -> Iterator[dict[str, Any]]:
    """Errors in per cent, with the band of the model's value, by figure and by op."""
    common = {"run_id": error.modelled.run_id, "section": "model_error", "unit": "%"}
    common |= {"kind": "modelled", "text": f"against {error.board_place}, {error.board_word}"}
    for one in error.figures:
        found = {"value": one.error_pct, "uncertainty_pct": one.modelled.uncertainty_pct}
        yield {**common, "name": one.name, **found, "verdict": inside_text(one.inside)}
    for op in error.ops:
        item = {**common, "item": op.op if op.index is None else f"{op.index} {op.op}"}
        verdict = inside_text(op.inside)
        yield {**item, "name": "cycles", "value": op.error_pct, "verdict": verdict}
        yield {**item, "name": "part_of_error", "value": op.share_pct}


def _memory_rows(case: CaseView, heads: Sequence[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for table in case.memory:
        for head, line in zip(heads, table.lines, strict=True):
            item = {**head, "section": "memory", "item": table.name.lower(), "unit": "bytes"}
            yield {**item, "name": "total", "value": line.total.bytes}
            if line.more:
                yield {**item, "name": "largest_scratch", "value": line.more.bytes}
            for owner, cell in zip(table.owners, line.cells, strict=True):
                yield {**item, "name": owner.key, "value": cell.bytes, "kind": cell.kind}


def _accuracy_rows(case: CaseView, heads: Sequence[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for line in case.accuracy:
        for head, cell, missing in zip(heads, line.cells, line.missing, strict=True):
            item = {**head, "section": "accuracy", "item": line.data}
            if cell is None:
                yield {**item, "name": line.metric, "text": missing}
                continue
            text = f"{counted_text(cell.main)}, {line.where}, {cell.evaluation.status}"
            yield {**item, "name": line.metric, "value": cell.main.value, "text": text}
            yield {**item, "name": f"{line.metric}_low", "value": cell.main.low}
            yield {**item, "name": f"{line.metric}_high", "value": cell.main.high}
            if judged := cell.difference:
                found = {"value": judged.points, "unit": "points", "verdict": judged.verdict}
                yield {**item, "name": f"{line.metric}_difference", **found, "text": judged.words}
    if case.agreement:
        for head, text in zip(heads, case.agreement.texts, strict=True):
            yield {**head, "section": "agreement", "name": "float_model", "text": text}


def _published_rows(case: CaseView) -> Iterator[dict[str, Any]]:
    for row in case.published.rows if case.published else ():
        common = {"section": "published", "item": row.label, "kind": "published"}
        text = "; ".join(
            part for part in (row.framework, row.clock, row.supply, row.quality, row.doubt) if part
        )
        found = {"name": "latency_us", "value": row.latency_us, "unit": "us", "ratio": row.ratio}
        yield {**common, **found, "verdict": row.against, "text": text}
        yield {
            **common,
            "name": "energy_uj",
            "value": row.energy_uj,
            "unit": "uJ",
            "ratio": row.energy_ratio,
            "verdict": row.energy_against,
        }


def _run_rows(run: RunRecord) -> Iterator[dict[str, Any]]:
    for name, figure in run.measurements.items():
        found = {"value": figure.value, "unit": figure.unit, "kind": figure.kind}
        found |= {"uncertainty_pct": figure.uncertainty_pct, "text": figure.source}
        yield {"section": "run_figure", "name": name, **found}
    for op in run.ops:
        for name in ("macs", "instructions", "cycles", "latency_us"):
            item = {"section": "run_op", "item": f"{op.index} {op.op}", "kind": op.kind}
            yield {**item, "name": name, "value": getattr(op, name), "text": op.name}
    for function in run.functions:
        item = {"section": "function", "item": function.name}
        yield {**item, "name": "cycles", "value": function.cycles, "unit": "cycles"}
        yield {**item, "name": "instructions", "value": function.instructions}
    for placed in run.plan.placements if run.plan else ():
        item = {"section": "buffer", "item": placed.name, "unit": "bytes", "kind": "static"}
        alive = f"op {placed.first_op} to op {placed.last_op}"
        yield {**item, "name": "size", "value": placed.size, "text": alive}
        yield {**item, "name": "offset", "value": placed.offset}
    for name, value in (dataclasses.asdict(run.check) if run.check else {}).items():
        yield {"section": "check", "name": name, "text": str(value)}
    for name, value in run.provenance.items():
        yield {"section": "provenance", "name": name, "text": str(value)}
    for note in run.notes:
        yield {"section": "note", "text": note}
    for error in run.errors:
        yield {"section": "error", "name": error.kind, "text": error.message}
