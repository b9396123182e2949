"""Save the database of the current version as an SQL dump: ``python -m tests.store.save_version``.

Run once when a version of the tables is released; the files are committed and never made again.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from hil.store import Store
from hil.store.migrate import HEAD

from tests.store.samples import rich_evaluation, rich_record, rich_samples, rich_variant


def main() -> None:
    folder = Path(__file__).parent / "old_databases"
    if (folder / f"v{HEAD}.sql").exists():
        sys.exit(f"v{HEAD}.sql exists: a released version does not change")
    # SQL has no word for infinity.
    check = dataclasses.replace(rich_record().check, max_rel_diff=1.5)
    record = dataclasses.replace(rich_record(), check=check)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "hil.db"
        with Store.open(str(file)) as store:
            store.finish(record)
            store.variants.keep(rich_variant())
            store.evaluations.claim(rich_evaluation())
            store.evaluations.add(rich_evaluation().evaluation_id, rich_samples())
            store.baselines.put("release", [record])
        connection = sqlite3.connect(file)
        for table in ("runs", "evaluations"):
            connection.execute(
                f"UPDATE {table} SET host = 'example', boot_id = 'x', pid = 1, pid_start = 1"
            )
        dump = "\n".join(connection.iterdump())
        connection.close()
    expected = {
        "run_id": record.run_id,
        "latency_us": record.measurements["latency_us"].value,
        "ops": len(record.ops),
        "functions": len(record.functions),
        "variant": rich_variant().sha256,
        "variant_tensors": len(rich_variant().tensors),
        "evaluation": rich_evaluation().evaluation_id,
        "baseline": "release",
    }
    folder.mkdir(exist_ok=True)
    (folder / f"v{HEAD}.sql").write_text(dump + "\n", encoding="utf-8")
    (folder / f"v{HEAD}.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
