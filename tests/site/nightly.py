"""Histories of a few runs: one a night, with what changes between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hil.records import Evaluation, Measurement, RunRecord
from hil.report.site.build import Built, Wanted, build
from hil.store import Store

from tests.report.page import Node, parse
from tests.report.report_records import passed, scaled
from tests.store.samples import rich_evaluation

FIRST = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)


def night(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def commit(number: int) -> str:
    return f"{number:x}" * 3 + "0" * 36 + f"{number % 16:x}"


def run(number: int, factor: float = 1.0, **changes: Any) -> RunRecord:
    """The run of a night: cycles, time and energy times ``factor``, of a commit of its own."""
    record = scaled(passed(), factor)
    name = changes.pop("model", "kws_int8")
    kind = "".join(str(changes.get(key, "")) for key in ("engine", "profile_name", "target"))
    assert record.model is not None
    model = dataclasses.replace(record.model, name=name)
    sha256 = changes.pop("sha256", None)
    if sha256 is not None:
        model = dataclasses.replace(model, sha256=sha256)
    facts = {"source_commit": commit(number), **changes.pop("facts", {})}
    fields: dict[str, Any] = {
        "run_id": f"2026{number:04}T020000-{abs(hash_of(name + kind)):06x}",
        "started_at": night(number),
        "model": model,
        "provenance": {**record.provenance, **facts},
    }
    return dataclasses.replace(record, **{**fields, **changes})


def hash_of(text: str) -> int:
    """A small number that, unlike ``hash``, is the same in every process."""
    return sum((i + 1) * ord(c) for i, c in enumerate(text)) % 0xFFFFFF


def nights(store: Store, factors: Sequence[float], **changes: Any) -> list[RunRecord]:
    """Store a run a night with these factors; return them."""
    found = [run(number, factor, **changes) for number, factor in enumerate(factors)]
    for one in found:
        store.finish(one)
    return found


def measured(values: Sequence[float], number: int, **changes: Any) -> RunRecord:
    """A run on a board, with observations of time."""
    middle = sorted(values)[len(values) // 2]
    spread = 100 * (max(values) - min(values)) / middle
    figure = Measurement(
        "latency_us", middle, "us", "measured", None, len(values), spread, "counter", tuple(values)
    )
    return run(number, target="board", measurements={"latency_us": figure}, **changes)


def judged(number: int, right: int, **changes: Any) -> Evaluation:
    """An evaluation of the model of ``run``: ``right`` of 100 samples."""
    one = rich_evaluation()
    assert one.accuracy is not None
    main = dataclasses.replace(one.accuracy.main, value=right / 100, count=right, n=100)
    fields: dict[str, Any] = {
        "evaluation_id": f"e{number}",
        "key": f"{number:064x}",
        "started_at": night(number),
        "model_name": "kws_int8",
        "model_sha256": "9d" * 32,
        "samples": 100,
        "accuracy": dataclasses.replace(one.accuracy, main=main),
    }
    return dataclasses.replace(one, **{**fields, **changes})


def site(store: Store, folder: Path, **wanted: Any) -> Built:
    return build(store, folder, Wanted(**{"reproducible": True, **wanted}))


def page(path: Path) -> Node:
    return parse(path.read_text(encoding="utf-8"))


def trend(built: Built) -> Node:
    """The only trend page."""
    (path,) = (built.folder / "trends").iterdir()
    return page(path)


def contents(folder: Path) -> dict[str, bytes]:
    """The site's files with their bytes; the lock is not one of them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".hil-site.lock"
    }
