"""The site's pages: what they show, that their links lead somewhere, odd names, bad input."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hil.errors import UsageError
from hil.records import ErrorInfo
from hil.report.site.names import run_page
from hil.store import Store

from tests.report.page import Node
from tests.report.report_records import passed
from tests.site.nightly import (
    FIRST,
    commit,
    judged,
    measured,
    night,
    nights,
    page,
    run,
    site,
    trend,
)
from tests.support.hil import hil

SLOWER = [1.0] * 5 + [1.03] * 4
EVIL = "../x<y>\"&'<script>alert(1)</script>"


def event_rows(node: Node) -> list[str]:
    return [row.text for row in node.one("table", aria_label="Steps").one("tbody").all("tr")]


def index_rows(folder: Path) -> list[str]:
    table = page(folder / "index.html").one("table", class_="site-index")
    return [row.text for row in table.one("tbody").all("tr")]


def test_the_trend_page_marks_the_step(store: Store, tmp_path: Path) -> None:
    """A kernel 3 % slower from the sixth night on."""
    nights(store, SLOWER)
    built = site(store, tmp_path / "site")
    node = trend(built)
    time = node.one("section", data_figure="latency_us")
    assert time.one("text", class_="step-label").text == "+3.0 %"
    assert "step-worse" in time.one("line", class_="trend-step").attrs["class"]
    assert time.one("p", class_="trend-last").text == "256 ms +3.0 % modelled ±15 %"
    assert len(time.all("circle", class_="trend-dot")) == 9
    assert time.one("line", class_="trend-step").one("title").text == (
        "+3.0 %: from 249 ms to 256 ms"
    )
    flash = node.one("section", data_figure="flash_bytes")
    assert flash.all("line", class_="trend-step") == []
    assert "no change" in flash.text
    (row,) = event_rows(node)
    assert "regression" in row
    assert f"{commit(4)[:9]} to {commit(5)[:9]}" in row
    assert "Time per inference: +3.0 %, from 249 ms to 256 ms" in row
    assert "Energy per inference: +3.0 %" in row
    assert "op 2 CONV_2D activation_2/Relu +105,086 cycles (18 %)" in row
    assert row.count("op 2 CONV_2D") == 1


def test_the_step_is_between_the_two_runs(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    built = site(store, tmp_path / "site")
    (event,) = built.events
    assert (event.before.commit, event.after.commit) == (commit(4), commit(5))
    line = trend(built).one("section", data_figure="latency_us").one("line", class_="trend-step")
    assert line.attrs["x1"] == f"{2 + 96 * 4.5 / 8:g}%"


def test_all_values_are_in_a_table_newest_first(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    table = trend(site(store, tmp_path / "site")).one("table", class_="values")
    rows = table.one("tbody").all("tr")
    assert len(rows) == 9
    assert rows[0].text == (
        f"2026-10-09 02:00 {commit(8)[:9]} passed 256 ms 7.99 mJ 52.2 KiB 18.5 KiB"
    )
    assert rows[-1].text.startswith("2026-10-01 02:00")


def test_the_index_shows_last_values_and_their_change(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    nights(store, [1.0, 0.9], profile_name="nucleo-l4r5zi")
    built = site(store, tmp_path / "site")
    other, first = index_rows(built.folder)
    assert first == (
        "kws_int8 stm32l4 256 ms +3.0 % 7.99 mJ +3.0 % 52.2 KiB no change 18.5 KiB no change "
        f"9 runs 2026-10-09 02:00 {commit(8)[:9]}"
    )
    assert "kws_int8 nucleo-l4r5zi 224 ms −10 %" in other
    node = page(built.index)
    assert len(node.all("svg", class_="sparkline")) == 2
    news = [row.text for row in node.one("section", id="news").one("tbody").all("tr")]
    assert len(news) == 2
    assert "regression kws_int8 on stm32l4 time +3.0 % and energy +3.0 %" in news[0]
    assert "improvement kws_int8 on nucleo-l4r5zi time −10 % and energy −10 %" in news[1]
    assert "11 runs of 1 model on 2 profiles, 2026-10-01 to 2026-10-09. 1 regression" in node.text


def test_engines_and_targets_are_named_where_there_are_several(
    store: Store, tmp_path: Path
) -> None:
    nights(store, [1.0, 1.0])
    nights(store, [2.0, 2.0], engine="other", target="host")
    built = site(store, tmp_path / "site")
    heads = [head.text for head in page(built.index).one("table", class_="site-index").all("th")]
    assert {"Engine", "Target"} <= set(heads)
    titles = [head.text for head in trend(built).all("h2")]
    assert titles[:2] == ["Engine aot, target qemu", "Engine other, target host"]


def test_every_link_leads_to_a_page_and_an_anchor(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    nights(store, [1.0, 1.1, 1.0], model=EVIL)
    built = site(store, tmp_path / "site")
    links = 0
    for path in built.folder.rglob("*.html"):
        for link in page(path).all("a"):
            target, _, anchor = link.attrs["href"].partition("#")
            there = (path.parent / target).resolve() if target else path
            assert there.is_relative_to(built.folder), (path, link)
            assert there.is_file(), (path, link.attrs["href"])
            if anchor and there.suffix == ".html":
                assert f'id="{anchor}"' in there.read_text(encoding="utf-8"), (path, link)
            links += 1
    assert links > 40


def test_runs_beside_steps_and_the_newest_have_pages(store: Store, tmp_path: Path) -> None:
    runs = nights(store, SLOWER)
    folder = tmp_path / "site"

    def pages() -> set[str]:
        return {f"runs/{path.name}" for path in (folder / "runs").glob("*")}

    site(store, folder)
    assert pages() == {run_page(runs[i].run_id) for i in (4, 5, 8)}
    report = page(folder / run_page(runs[8].run_id))
    assert "The model kws_int8 runs on the STM32L475VG" in report.text
    assert [link.text for link in report.one("nav").all("a")] == [
        "Benchmarks",
        "kws_int8 on stm32l4",
    ]
    site(store, folder, runs="all")
    assert pages() == {run_page(one.run_id) for one in runs}
    site(store, folder, runs="none")
    assert pages() == set()
    assert not (folder / "runs").exists()


def test_a_failed_run_is_marked_and_has_no_value(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0, 1.0])
    failed = run(2, 9.0, status="failed", errors=(ErrorInfo("outputs differ", "look"),))
    store.finish(failed)
    built = site(store, tmp_path / "site")
    (event,) = built.regressions
    assert event.failed
    node = trend(built)
    time = node.one("section", data_figure="latency_us")
    assert len(time.all("text", class_="trend-missing")) == 1
    assert "The run failed; the one before had passed." in event_rows(node)[0]
    assert "The last run failed: the values are of the last one that passed." in node.text
    (row,) = index_rows(built.folder)
    assert "249 ms" in row
    assert "failed" in row
    assert "2,2" not in row


def test_runs_that_did_not_end_are_not_in_the_history(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0])
    for number, status in enumerate(("error", "interrupted", "running"), 1):
        store.finish(run(number, status=status))
    assert site(store, tmp_path / "site").runs == 1


def test_a_retrained_model_continues_its_series(store: Store, tmp_path: Path) -> None:
    store.finish(run(0))
    store.finish(run(1, 1.1, sha256="77" * 32))
    built = site(store, tmp_path / "site")
    (row,) = event_rows(trend(built))
    assert "other differences: the model kws_int8 has changed (SHA-256 9d9d9d9d9d9d then" in row


def test_other_differences_are_listed(store: Store, tmp_path: Path) -> None:
    store.finish(run(0))
    store.finish(run(1, 1.1, facts={"compiler": "gcc 13", "inputs_sha256": "ef" * 32}))
    (row,) = event_rows(trend(site(store, tmp_path / "site")))
    assert "compiler: arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205 then, gcc 13 now" in row
    assert "inputs: cdcdcdcdcdcd then, efefefefefef now" in row


def test_an_improvement_names_the_parts_that_shrank(store: Store, tmp_path: Path) -> None:
    store.finish(run(0, 1.1))
    store.finish(run(1, 1.0, flash_by_owner={**passed().flash_by_owner, "code": 9_000}))
    (row,) = event_rows(trend(site(store, tmp_path / "site")))
    assert "improvement" in row
    assert "op 2 CONV_2D activation_2/Relu −350,288 cycles (18 %)" in row


def test_a_label_names_the_revision(store: Store, tmp_path: Path) -> None:
    store.finish(run(0, facts={"label": "v1.0"}))
    store.finish(run(1, 1.1, facts={"source_commit": commit(1) + "+"}))
    store.finish(run(2, 1.1, facts={"source_commit": ""}))
    built = site(store, tmp_path / "site")
    node = trend(built)
    assert f"v1.0 to {commit(1)[:9]}+" in event_rows(node)[0]
    revisions = [code.text for code in node.one("table", class_="values").all("code")]
    assert revisions == ["hil 49c25c6aa", f"{commit(1)[:9]}+", "v1.0"]


def test_a_baseline_is_named_drawn_and_compared_with(store: Store, tmp_path: Path) -> None:
    runs = nights(store, SLOWER)
    nights(store, [1.0], model="other")
    store.baselines.put("release", [dataclasses.replace(runs[8], run_id="kept")])
    built = site(store, tmp_path / "site", baseline="release")
    (row, other) = index_rows(built.folder)
    assert "256 ms no change" in row
    assert "249 ms 7.75 mJ" in other
    (path,) = (built.folder / "trends").glob("kws*")
    node = page(path)
    assert "Changes are against the baseline 'release'." in node.text
    time = node.one("section", data_figure="latency_us")
    assert len(time.all("line", class_="trend-baseline")) == 1
    (path,) = (built.folder / "trends").glob("other*")
    assert "The baseline has no run of this model, engine and target." in page(path).text


def test_a_baseline_of_the_same_name_and_other_bytes_is_used(store: Store, tmp_path: Path) -> None:
    store.baselines.put("release", [run(0, 0.5, sha256="55" * 32, run_id="kept")])
    nights(store, [1.0])
    (row,) = index_rows(site(store, tmp_path / "site", baseline="release").folder)
    assert "249 ms +100.0 %" in row


def test_measured_times_have_levels_and_steps_that_scatter_does_not_explain(
    store: Store, tmp_path: Path
) -> None:
    for number in range(20):
        wave = (0, 3, -2, 1, -3, 2)[number % 6]
        base = (1_000 if number < 12 else 1_100) + wave
        store.finish(measured([base - 4, base, base + 4], number))
    built = site(store, tmp_path / "site")
    (event,) = built.regressions
    assert event.after.started_us == int(datetime.fromisoformat(night(12)).timestamp() * 1e6)
    time = trend(built).one("section", data_figure="latency_us")
    assert len(time.all("line", class_="trend-level")) == 2
    assert time.one("text", class_="step-label").text == "+10 %"


def test_a_measured_change_within_the_scatter_has_no_direction(
    store: Store, tmp_path: Path
) -> None:
    store.finish(measured([990, 1_000, 1_010], 0))
    store.finish(measured([991, 1_003, 1_012], 1))
    (row,) = index_rows(site(store, tmp_path / "site").folder)
    assert "+0.3 %, within the scatter" in row
    cell = page(tmp_path / "site" / "index.html").one("table", class_="site-index")
    assert [node.text for node in cell.all("span", class_="level")] == [
        "+0.3 %, within the scatter"
    ]


def test_accuracy_has_a_history_of_its_own(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0, 1.0])
    for number, right in enumerate((98, 98, 91)):
        store.evaluations.claim(judged(number, right))
    store.evaluations.claim(judged(4, 60, data_name="others.npz", started_at=night(-5)))
    built = site(store, tmp_path / "site")
    charts = trend(built).all("section", data_figure="accuracy")
    assert "91.00 % −7.00 points top-1 on 100 samples of tests µ.npz, target qemu" in charts[0].text
    assert "others.npz" in charts[1].text
    assert "accuracy −7.00 points" in page(built.index).one("section", id="news").text
    (event,) = built.regressions
    assert event.changes[0].figure.name == "accuracy"
    (row,) = index_rows(built.folder)
    assert "91.00 % −7.00 points" in row


def test_accuracy_measured_on_the_host_is_with_the_runs_of_its_engine(
    store: Store, tmp_path: Path
) -> None:
    nights(store, [1.0])
    store.evaluations.claim(judged(0, 98, target="host"))
    built = site(store, tmp_path / "site")
    assert built.series == 1
    assert "target host" in trend(built).one("section", data_figure="accuracy").text


def test_a_model_with_accuracies_only_has_a_page(store: Store, tmp_path: Path) -> None:
    store.evaluations.claim(judged(0, 98))
    built = site(store, tmp_path / "site")
    assert "Accuracy only: no run is stored." in trend(built).text


def test_odd_names_are_escaped_and_stay_in_the_folder(store: Store, tmp_path: Path) -> None:
    for model in (EVIL, "m" * 300, "模型 ü", "\x01\u202e", ""):
        nights(store, [1.0, 1.1], model=model)
    nights(store, [1.0], facts={"label": EVIL}, profile_name=EVIL, run_id="../../odd id")
    before = {path.name for path in tmp_path.iterdir()}
    built = site(store, tmp_path / "site", title=EVIL)
    assert {path.name for path in tmp_path.iterdir()} - before == {"site"}
    assert built.series == 6
    for path in built.folder.rglob("*.html"):
        assert path.name.isascii()
        html = path.read_text(encoding="utf-8")
        assert "<script>alert" not in html
        assert html.count("<script>") == 1
    assert page(built.index).one("h1").text == " ".join(EVIL.split())
    assert len(list((built.folder / "runs").iterdir())) == 11


def test_a_long_history_is_drawn_whole_and_listed_in_part(store: Store, tmp_path: Path) -> None:
    store.finish(run(0))
    copies = 700
    connection = sqlite3.connect(store.label)
    for table in ("runs", "measurements"):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        changed = {
            "run_id": "t.run_id || '-' || n.i",
            "started_us": "t.started_us + n.i * 60000000",
            "document": "json_set(t.document, '$.run_id', t.run_id || '-' || n.i)",
        }
        chosen = ", ".join(changed.get(column, f"t.{column}") for column in columns)
        connection.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies}) "
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t, n"
        )
    connection.commit()
    connection.close()
    node = trend(site(store, tmp_path / "site"))
    assert "The newest 500 of 701 runs." in node.text
    assert len(node.one("table", class_="values").one("tbody").all("tr")) == 500
    time = node.one("section", data_figure="latency_us")
    assert len(time.one("polyline").attrs["points"].split()) == 701
    assert len(time.all("circle")) == 2


def test_of_many_steps_the_newest_are_listed(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0 + (number % 7) / 100 for number in range(130)])
    built = site(store, tmp_path / "site")
    node = trend(built)
    rows = event_rows(node)
    assert len(rows) == 100
    assert "29 older ones are not listed." in node.text
    assert sum("cycles" in row for row in rows) == 20
    assert all("cycles" in row for row in rows[:20])
    assert len(built.events) == 129
    time = node.one("section", data_figure="latency_us")
    assert len(time.all("line", class_="trend-step")) == 100
    assert 1 < len(time.all("text", class_="step-label")) < 12


# The command


def test_the_command_prints_the_index_and_json_what_it_did(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    folder = tmp_path / "site"
    done = hil("site", "build", "-o", folder, "--db", store.label)
    assert (done.code, done.stdout) == (0, f"{folder / 'index.html'}\n")
    assert "9 runs in 1 series, 1 regressions: 6 pages written" in done.stderr
    data = hil("site", "build", "-o", folder, "--db", store.label, "--json").envelope["data"]
    assert data["path"] == str(folder / "index.html")
    assert (data["runs"], data["series"], data["regressions"]) == (9, 1, 1)
    assert (data["written"], data["unchanged"], data["removed"]) == ([], 6, [])
    (event,) = data["events"]
    assert (event["model"], event["word"]) == ("kws_int8", "regression")
    assert event["text"] == "time +3.0 % and energy +3.0 %"
    assert event["figures"]["latency_us"]["change_pct"] == pytest.approx(3.0)
    assert (folder / event["page"]).is_file()


def test_since_leaves_older_runs_out(store: Store, tmp_path: Path) -> None:
    nights(store, SLOWER)
    since = (FIRST + timedelta(days=6, hours=-1)).astimezone(UTC).isoformat()
    command = ("site", "build", "-o", tmp_path / "site", "--db", store.label, "--json")
    data = hil(*command, "--since", since).envelope["data"]
    assert (data["runs"], data["regressions"]) == (3, 0)
    (path,) = (tmp_path / "site" / "trends").iterdir()
    assert "The figures did not change in 3 runs." in page(path).text


def test_the_gates_baseline_is_used_where_none_is_given(store: Store, tmp_path: Path) -> None:
    store.baselines.put("release", nights(store, [1.0]))
    (tmp_path / "hil.toml").write_text('[gate]\nbaseline = "release"\n', encoding="utf-8")
    done = hil("site", "build", "--db", store.label, cwd=tmp_path)
    assert done.code == 0
    assert "against the baseline 'release'" in page(tmp_path / "hil-site" / "index.html").text


def test_a_site_needs_runs(store: Store, tmp_path: Path) -> None:
    command = ("site", "build", "-o", tmp_path / "site", "--db", store.label)
    hil(*command).refuses(2, "there is no run in", "hil run")
    store.finish(run(0, status="error"))
    hil(*command).refuses(2, "no run that passed or failed")
    store.finish(run(1))
    hil(*command, "--since", "2026-10-30").refuses(2, "since 2026-10-30", "earlier time")
    assert not (tmp_path / "site").exists()


def test_databases_that_cannot_be_read(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0])
    missing = hil("site", "build", "-o", tmp_path / "site", "--db", tmp_path / "no.db")
    missing.refuses(4, "there is no database at")
    newer = tmp_path / "newer.db"
    connection = sqlite3.connect(newer)
    connection.executescript(
        "CREATE TABLE alembic_version (version_num TEXT);"
        "INSERT INTO alembic_version VALUES ('9999');"
    )
    connection.close()
    hil("site", "build", "-o", tmp_path / "site", "--db", newer).refuses(4, "newer version of hil")
    connection = sqlite3.connect(store.label)
    connection.execute(
        "UPDATE runs SET document = json_set(document, '$.schema', 'hil.record.run/9')"
    )
    connection.commit()
    connection.close()
    of_a_run = hil("site", "build", "-o", tmp_path / "site", "--db", store.label)
    of_a_run.refuses(4, "newer version of hil", "update hil")
    assert not (tmp_path / "site" / "index.html").exists()


def test_a_baseline_that_does_not_exist(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0])
    command = ("site", "build", "-o", tmp_path / "site", "--db", store.label)
    hil(*command, "--baseline", "no").refuses(2, "no baseline 'no'", "hil baseline list")


def test_folders_that_cannot_be(store: Store, tmp_path: Path) -> None:
    nights(store, [1.0])
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    command = ("site", "build", "--db", store.label, "-o")
    hil(*command, file).refuses(2, "is a file, not a folder", "-o DIR")
    hil(*command, "/proc/site").refuses(4, "cannot write the site into /proc/site", "-o DIR")
    hil(*command, file / "below").refuses(4, "cannot write the site")
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("url", ["", "https://a.example/hil/"])
def test_a_title_names_every_page(store: Store, tmp_path: Path, url: str) -> None:
    nights(store, [1.0])
    built = site(store, tmp_path / "site", title="Ours", url=url)
    assert page(built.index).one("title").text == "Ours"
    assert "Ours" in trend(built).one("nav").text
    assert re.search(r"<title>Ours: regressions</title>", (built.folder / "feed.xml").read_text())


def test_no_trend_without_a_model(store: Store, tmp_path: Path) -> None:
    store.finish(dataclasses.replace(run(0), model=None))
    with pytest.raises(UsageError):
        site(store, tmp_path / "site")
