"""All records of a database as lines of JSON, and back, into a database of either kind.

The first line is the header ``{"schema": "hil.db/1"}``; the next ones hold a variant, a run, an
evaluation or a member of a baseline each, as their documents with what the row has beside; the last
one has the numbers of records, so that a file that was cut off is found. Records are in one order,
so that two databases with the same content give the same lines.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    text,
)

from hil.errors import StoreError, UsageError
from hil.records import Evaluation, RunRecord, Variant
from hil.store.baselines import member_row
from hil.store.documents import InvalidDocument, epoch_us, from_document, to_document
from hil.store.evaluations import evaluation_row
from hil.store.liveness import ProcessId
from hil.store.rows import figure_rows, run_row
from hil.store.store import Store
from hil.store.tables import baselines, evaluation_samples, evaluations, measurements, runs
from hil.store.tables import variants as variants_table
from hil.store.transactions import Transactions
from hil.store.variants import variant_row

SCHEMA = "hil.db/1"
_AT_ONCE = 100
_PROCESS = tuple(one.name for one in dataclasses.fields(ProcessId))
_SAMPLE = tuple(c.name for c in evaluation_samples.c if c.name != "evaluation_id")


@dataclass
class Imported:
    """How many records were added, replaced or there already, by kind.

    ``conflicts`` names those that differ from a stored record of the same id, which was left.
    """

    added: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)


class _Row(NamedTuple):
    """A record as it is inserted; ``parts`` are the rows that depend on it."""

    row: dict[str, Any]
    parts: list[dict[str, Any]]


@dataclass(frozen=True)
class _Kind:
    """A kind of records: its tables, and how a line becomes a row."""

    name: str
    table: Table
    keys: tuple[str, ...]
    order: tuple[str, ...]
    beside: tuple[str, ...]
    parse: Callable[[Mapping[str, Any]], _Row]
    parts: Table | None = None
    #: Whether a record replaces the stored one of the same key, which differs.
    wins: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] = lambda given, stored: False


def exported(store: Store) -> Iterator[dict[str, Any]]:
    """Return all lines of a database, in one state of it.

    Raises:
        StoreError: the database cannot be read.
    """
    yield {"schema": SCHEMA}
    counts: Counter[str] = Counter()
    with store.reading() as connection:
        for kind in _KINDS:
            for line in _lines(connection, kind):
                counts[kind.name] += 1
                yield line
    yield {"end": {kind.name: counts[kind.name] for kind in _KINDS}}


def import_lines(store: Store, lines: Iterable[Any]) -> Imported:
    """Add the records of ``lines``, a hundred in a transaction; what is there already stays.

    Repeating it is harmless. An ended run or evaluation replaces one that is not, and a newer
    variant an older one.

    Raises:
        UsageError: a line is invalid, or the last one is missing; records before it were added.
        StoreError: the database cannot be written.
    """
    found = Imported()
    records = _checked(lines)
    for name, group in itertools.groupby(records, key=lambda record: record[0]):
        kind = _BY_NAME[name]
        rows = (row for _, row in group)
        while some := list(itertools.islice(rows, _AT_ONCE)):
            _add(store.transactions, kind, some, found)
    if found.added:
        store.transactions.write(_count)
    return found


def _count(connection: Connection) -> None:
    """Let the database count what its planner of queries needs to know."""
    for kind in _KINDS:
        for table in (kind.table, kind.parts):
            if table is not None:
                connection.execute(text(f"ANALYZE {table.name}"))


def _lines(connection: Connection, kind: _Kind) -> Iterator[dict[str, Any]]:
    columns = (kind.table.c[name] for name in dict.fromkeys((*kind.keys, *kind.beside)))
    query = select(*columns, kind.table.c.document).order_by(*(kind.table.c[k] for k in kind.order))
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        if not isinstance(row.document, dict):
            key = " ".join(str(row._mapping[name]) for name in kind.keys)
            raise StoreError(
                f"the {kind.name} {key} is damaged", hint="delete it, or restore a copy"
            )
        beside = {name: row._mapping[name] for name in kind.beside}
        line = {kind.name: row.document, **beside}
        if kind.parts is evaluation_samples:
            line["samples"] = _samples(connection, row.evaluation_id)
        yield line


def _samples(connection: Connection, evaluation_id: str) -> list[list[Any]]:
    query = (
        select(*(evaluation_samples.c[name] for name in _SAMPLE))
        .where(evaluation_samples.c.evaluation_id == evaluation_id)
        .order_by(evaluation_samples.c.sample)
    )
    return [list(row) for row in connection.execute(query)]


def _checked(lines: Iterable[Any]) -> Iterator[tuple[str, _Row]]:
    """Yield the records with their kind; check header, order of lines and the final counts."""
    numbered = enumerate(lines, 1)
    _, header = next(numbered, (1, None))
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise UsageError(
            f"this is not an export of a database ({SCHEMA})",
            hint="`hil db export` writes one; a database file or URL can be imported as well",
        )
    counts: Counter[str] = Counter()
    for number, line in numbered:
        if isinstance(line, dict) and "end" in line:
            if line["end"] != {kind.name: counts[kind.name] for kind in _KINDS}:
                raise _invalid(number, "the numbers of records differ from those at its end")
            return
        yield _record(number, line, counts)
    raise UsageError(
        f"the export was cut off: its last line is missing (after {counts.total()} records)",
        hint="the records before it were added; export again and repeat the import",
    )


def _record(number: int, line: Any, counts: Counter[str]) -> tuple[str, _Row]:
    names = [name for name in _BY_NAME if isinstance(line, dict) and name in line]
    if len(names) != 1:
        raise _invalid(number, "it is not a record")
    (name,) = names
    counts[name] += 1
    try:
        return name, _BY_NAME[name].parse(line)
    except InvalidDocument as error:
        raise _invalid(number, f"{name}: {error}", error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _invalid(number, f"{name}: {error!r}") from error


def _invalid(number: int, reason: str, hint: str = "") -> UsageError:
    return UsageError(
        f"line {number} of the export is invalid: {reason}", hint=hint or "export it again"
    )


def _add(transactions: Transactions, kind: _Kind, rows: list[_Row], found: Imported) -> None:
    def work(connection: Connection) -> Imported:
        result = Imported()
        stored = _stored(connection, kind, rows)
        fresh: dict[tuple[Any, ...], _Row] = {}
        for row in rows:
            key = _key(kind, row.row)
            before = stored.get(key)
            if before is None:
                result.added[kind.name] += 1
            elif before == row.row["document"]:
                result.same[kind.name] += 1
                continue
            elif kind.wins(row.row["document"], before):
                connection.execute(delete(kind.table).where(_is(kind, key)))
                result.replaced[kind.name] += 1
            else:
                result.conflicts.append(f"{kind.name} {' '.join(map(str, key))}")
                continue
            stored[key] = row.row["document"]
            fresh[key] = row
        _insert(connection, kind, list(fresh.values()))
        return result

    result = transactions.write(work, lock=f"import/{kind.name}")
    for total, more in zip(
        (found.added, found.replaced, found.same),
        (result.added, result.replaced, result.same),
        strict=True,
    ):
        total.update(more)
    found.conflicts += result.conflicts


def _stored(
    connection: Connection, kind: _Kind, rows: list[_Row]
) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    keys = [kind.table.c[name] for name in kind.keys]
    query = select(*keys, kind.table.c.document)
    if len(keys) == 1:
        query = query.where(keys[0].in_([row.row[kind.keys[0]] for row in rows]))
    else:
        query = query.where(or_(*(_is(kind, _key(kind, row.row)) for row in rows)))
    return {tuple(found[:-1]): found[-1] for found in connection.execute(query)}


def _insert(connection: Connection, kind: _Kind, rows: list[_Row]) -> None:
    if rows:
        connection.execute(insert(kind.table), [row.row for row in rows])
    parts = [part for row in rows for part in row.parts]
    if parts and kind.parts is not None:
        connection.execute(insert(kind.parts), parts)


def _key(kind: _Kind, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in kind.keys)


def _is(kind: _Kind, key: tuple[Any, ...]) -> ColumnElement[bool]:
    columns: list[Column[Any]] = [kind.table.c[name] for name in kind.keys]
    return and_(*(column == value for column, value in zip(columns, key, strict=True)))


def _run(line: Mapping[str, Any]) -> _Row:
    # Fields that an older document lacks are in the record.
    complete = to_document(from_document(RunRecord, line["run"]))
    row = run_row(complete, _process(line)) | {"document": line["run"]}
    return _Row(row, figure_rows(complete))


def _evaluation(line: Mapping[str, Any]) -> _Row:
    record = from_document(Evaluation, line["evaluation"])
    row = evaluation_row(record) | {"document": line["evaluation"]}
    samples = [
        dict(zip(_SAMPLE, values, strict=True)) | {"evaluation_id": record.evaluation_id}
        for values in line["samples"]
    ]
    return _Row(row | dataclasses.asdict(_process(line)), samples)


def _variant(line: Mapping[str, Any]) -> _Row:
    record = from_document(Variant, line["variant"])
    return _Row(variant_row(record) | {"document": line["variant"]}, [])


def _member(line: Mapping[str, Any]) -> _Row:
    record = from_document(RunRecord, line["baseline"])
    if record.model is None:
        raise InvalidDocument("a run of a baseline has a model")
    row = member_row(str(line["name"]), record, str(line["added_at"]))
    return _Row(row | {"document": line["baseline"]}, [])


def _process(line: Mapping[str, Any]) -> ProcessId:
    host, boot_id, pid, start = (line[name] for name in _PROCESS)
    return ProcessId(str(host), str(boot_id), int(pid), None if start is None else int(start))


def _has_ended(given: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """A record that ended replaces the same one while it was running."""
    return given.get("finished_at") is not None and stored.get("finished_at") is None


def _is_newer(given: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    return epoch_us(given["created_at"]) > epoch_us(stored["created_at"])


_KINDS = (
    _Kind(
        *("variant", variants_table, ("variant_key",)),
        *(("created_us", "variant_key"), (), _variant),
        wins=_is_newer,
    ),
    _Kind(
        *("run", runs, ("run_id",), ("started_us", "run_id"), _PROCESS, _run),
        parts=measurements,
        wins=_has_ended,
    ),
    _Kind(
        *("evaluation", evaluations, ("evaluation_id",)),
        *(("started_us", "evaluation_id"), _PROCESS, _evaluation),
        parts=evaluation_samples,
        wins=_has_ended,
    ),
    _Kind(
        *("baseline", baselines, ("name", "slot"), ("name", "slot"), ("name", "added_at")),
        _member,
    ),
)
_BY_NAME = {kind.name: kind for kind in _KINDS}
