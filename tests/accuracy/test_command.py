"""`hil accuracy` with real QEMU and compiler, from labelled data to a stored figure."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.store import Store
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.conftest import MODELS
from tests.support.hil import DIGITS, HIL, REPOSITORY, Result, hil
from tests.support.processes import WAIT_S, Processes, wait_until
from tests.support.small_models import dense
from tests.support.tools import wrapped_qemu

INT8 = DIGITS / "digits_int8.tflite"
FLOAT32 = DIGITS / "digits_float32.tflite"
SAMPLES = DIGITS / "digits_samples.npz"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "hil.db"


def accuracy(db: Path, *arguments: str | Path, model: Path = INT8, **options: Any) -> Result:
    data = () if "--data" in arguments else ("--data", SAMPLES)
    return hil("accuracy", "-p", "stm32l4", "--db", db, *data, *arguments, model, **options)


@pytest.fixture
def changed_firmware(tmp_path: Path) -> Any:
    """Return a function that makes the firmware do something after its n-th inference."""

    def change(statement: str) -> dict[str, str]:
        for name in ("device_profiles", "firmware_stubs", "reports"):
            shutil.copytree(REPOSITORY / name, tmp_path / "data" / name)
        source = tmp_path / "data" / "firmware_stubs" / "dut" / "infer.c"
        text = source.read_text()
        assert "    status = hil_model_invoke();\n" in text
        source.write_text(
            text.replace(
                "    status = hil_model_invoke();\n",
                "    status = hil_model_invoke();\n"
                "    static uint32_t inferences;\n"
                f"    inferences++;\n    {statement}\n",
            )
        )
        return {"HIL_DATA_DIR": str(tmp_path / "data")}

    return change


def test_digits_on_the_device_are_as_right_as_in_float(db: Path) -> None:
    """The point of it all: int8 on the device within half a point of float, and as the host."""
    shares, data = {}, {}
    for model in (INT8, FLOAT32):
        result = accuracy(db, "--json", model=model)
        assert result.code == 0, result
        envelope = result.envelope
        assert (envelope["schema"], envelope["status"]) == ("hil.accuracy/1", "passed")
        found = envelope["data"]["accuracy"]
        assert found["samples"] == found["equal"] == found["same_decision"] == 360
        assert found["main"] == found["host"]
        shares[model] = found["main"]["value"]
        data[model] = envelope["data"]["provenance"]["data_source_sha256"]
    assert data[INT8] == data[FLOAT32]  # other arrays, the same samples
    assert abs(shares[INT8] - shares[FLOAT32]) <= 0.005
    assert shares[INT8] == pytest.approx(355 / 360)


def test_the_text_says_what_was_done(db: Path) -> None:
    result = accuracy(db, "--limit", "50")
    assert result.code == 0, result
    for words in (
        "digits_int8 (int8) on stm32l4 [qemu b-l475e-iot01a], engine aot",
        "50 samples (the first of it); float32 data quantized to int8 (scale 0.00392157",
        "top-1, device",
        "of 50",
        "Wilson",
        f"bit-equal to {Reference(Model.read(INT8)).version}",
        "on 50 of 50 samples, same decision on 50",
        "passed: evaluation ",
    ):
        assert words in result.stdout, words
    rows = [line.split() for line in result.stdout.splitlines()]
    matrix = [row for row in rows if len(row) == 11 and row[0].isdigit()]
    assert len(matrix) == 10
    assert sum(int(cell) for row in matrix for cell in row[1:] if cell != ".") == 50


def test_both_ways_in_and_any_number_of_emulators_agree(db: Path) -> None:
    options = ("--limit", "12", "--seed", "3", "--json", "--restart")
    kept = []
    for more in (("--jobs", "1"), ("--jobs", "3"), ("--load", "protocol", "--jobs", "2")):
        data = accuracy(db, *options, *more).envelope["data"]
        kept.append(data["accuracy"])
        with Store.open(str(db)) as store:
            samples = store.evaluations.samples(data["evaluation_id"])
        assert len(samples) == 12
        kept[-1]["samples"] = samples
    assert kept[0] == kept[1] == kept[2]


def test_a_complete_one_is_shown_at_once_and_restart_does_it_again(db: Path) -> None:
    first = accuracy(db, "--limit", "20", "--json").envelope["data"]
    again = accuracy(db, "--limit", "20", "--json").envelope["data"]
    assert again == first
    other = accuracy(db, "--limit", "21", "--json").envelope["data"]
    anew = accuracy(db, "--limit", "20", "--restart", "--json").envelope["data"]
    assert len({one["evaluation_id"] for one in (first, other, anew)}) == 3
    assert anew["accuracy"] == first["accuracy"]
    listed = hil("accuracy", "--list", "--db", db, "--json").envelope["data"]["evaluations"]
    assert [one["evaluation_id"] for one in listed] == [
        one["evaluation_id"] for one in (anew, other, first)
    ]
    assert listed[-1] == first
    text = hil("accuracy", "--list", "--db", db).stdout
    assert first["evaluation_id"] in text
    assert "20/20" in text
    for option in (("-p", "stm32l4"), (INT8,)):
        assert first["evaluation_id"] in hil("accuracy", "--list", "--db", db, *option).stdout
    assert "no evaluations match" in hil("accuracy", "--list", "--db", db, FLOAT32).stderr


def kept(db: Path) -> list[int]:
    """Samples in the database while another process works on it."""
    if not db.exists():
        return []
    connection = sqlite3.connect(db)
    try:
        rows = connection.execute("SELECT sample FROM evaluation_samples").fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()
    return [row[0] for row in rows]


HANGS_AT = 20
FLAG = 0x1000_7FF0  # in the SRAM2 of b-l475e-iot01a, which the firmware does not use
HANGS = f"if (inferences == {HANGS_AT} && *(volatile uint32_t *){FLAG:#x} == 1) for (;;) {{ }}"


@pytest.fixture
def hanging_qemu(tmp_path: Path) -> Path:
    """A QEMU that sets the flag at which the firmware hangs; its version is the real one's."""
    return wrapped_qemu(tmp_path, f'set -- "$@" -device loader,addr={FLAG:#x},data=1,data-len=4')


def started(
    processes: Processes, db: Path, env: dict[str, str], *, jobs: int
) -> subprocess.Popen[str]:
    """An evaluation whose devices hang; what they did before is stored."""
    process = processes.start(
        *(HIL, "accuracy", "-p", "stm32l4", "--db", db, "--data", SAMPLES, "--timeout", "3600"),
        *("--jobs", str(jobs), INT8),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
    )
    wait_until(lambda: len(kept(db)) == jobs * (HANGS_AT - 1) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_was_done_is_not_done_again(
    db: Path, changed_firmware: Any, hanging_qemu: Path, processes: Processes, how: signal.Signals
) -> None:
    env = changed_firmware(HANGS)
    process = started(processes, db, {**env, "HIL_EMULATOR": str(hanging_qemu)}, jobs=2)
    assert len(processes.living("qemu-system-arm")) == 2
    before = kept(db)
    process.send_signal(how)
    _, stderr = process.communicate(timeout=WAIT_S)
    code = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[how]
    assert (process.returncode, "Traceback" in stderr) == (code, False)
    if how == signal.SIGKILL:  # then the kernel ends the emulators
        wait_until(lambda: processes.living() == [])
    assert processes.living() == []
    assert kept(db) == before
    (interrupted,) = hil("accuracy", "--list", "--db", db, "--json").envelope["data"]["evaluations"]
    assert (interrupted["status"], interrupted["done"]) == ("interrupted", len(before))

    connection = sqlite3.connect(db)  # a mark that would go if they were done again
    with connection:
        connection.execute("UPDATE evaluation_samples SET max_abs_diff = 0.25")
    connection.close()
    result = accuracy(db, "--json", env=env)
    assert result.code == 0, result
    found = result.envelope["data"]
    assert found["evaluation_id"] == interrupted["evaluation_id"]
    assert (found["done"], found["accuracy"]["main"]["count"]) == (360, 355)
    with Store.open(str(db)) as store:
        samples = store.evaluations.samples(interrupted["evaluation_id"])
    assert sorted(one.sample for one in samples) == list(range(360))
    assert sorted(one.sample for one in samples if one.max_abs_diff == 0.25) == sorted(before)


def test_two_at_once_do_not_mix(
    db: Path, changed_firmware: Any, hanging_qemu: Path, processes: Processes
) -> None:
    env = changed_firmware(HANGS)
    process = started(processes, db, {**env, "HIL_EMULATOR": str(hanging_qemu)}, jobs=1)
    accuracy(db, env=env).refuses(2, f"is being carried out by process {process.pid}")
    assert process.poll() is None


def test_a_fault_in_the_midst_names_the_sample_and_keeps_the_rest(
    db: Path, changed_firmware: Any
) -> None:
    env = changed_firmware("if (inferences == 31) hil_provoke_fault();")
    first = accuracy(db, "--jobs", "1", env=env)
    first.refuses(3, "sample 30: HardFault on the device in hil_provoke_fault")
    assert sorted(kept(db)) == list(range(30))
    (entry,) = hil("accuracy", "--list", "--db", db, "--json").envelope["data"]["evaluations"]
    assert (entry["status"], entry["done"], entry["accuracy"]) == ("failed", 30, None)
    assert entry["errors"][0]["message"].startswith("sample 30: ")
    second = accuracy(db, "--jobs", "1", "--json", env=env)  # counts anew after its reset
    assert second.code == 3
    assert second.envelope["status"] == "failed"
    assert "sample 60: " in second.envelope["errors"][0]["message"]
    assert sorted(kept(db)) == list(range(60))


def test_a_device_that_falls_silent(db: Path, changed_firmware: Any) -> None:
    env = changed_firmware('if (inferences == 5) for (;;) __asm__ volatile("");')
    result = accuracy(db, "--jobs", "1", "--timeout", "3", env=env)
    result.refuses(3, "sample 4: ", "did not answer 'hil-infer 64' within 3 s")
    assert sorted(kept(db)) == [0, 1, 2, 3]


def test_wrong_outputs_fail_the_evaluation(db: Path, changed_firmware: Any) -> None:
    env = changed_firmware("if (inferences % 10 == 0) ((uint8_t *)hil_outputs[0].data)[0] ^= 1u;")
    for attempt in range(2):  # done, and shown again
        result = accuracy(db, "--limit", "40", "--jobs", "1", env=env)
        result.refuses(3, "outputs differ from", "on 4 of 40 samples", "the first is sample 9")
        assert (
            "36 of 40 samples, same decision on 40; WRONG on sample 9, 19, 29, 39" in result.stdout
        )
        assert "failed: evaluation" in result.stdout, attempt
    envelope = accuracy(db, "--limit", "40", "--jobs", "1", "--json", env=env).envelope
    assert envelope["status"] == "failed"
    assert envelope["data"]["accuracy"]["differing"] == [9, 19, 29, 39]


def test_a_variant_is_made_and_judged(db: Path) -> None:
    quantize = ("--quantize", "q16", "--calibration", SAMPLES)
    data = accuracy(db, *quantize, "--limit", "60", "--json", model=FLOAT32).envelope["data"]
    assert data["model_name"] == "digits_float32-q16"
    assert data["provenance"]["scheme"] == "q16"
    assert data["provenance"]["parent_name"] == "digits_float32"
    assert data["accuracy"]["exact"]
    assert data["accuracy"]["equal"] == 60
    assert "float32 data quantized to int16" in data["preparation"]
    with Store.open(str(db)) as store:
        assert store.variants.get(data["model_sha256"]) is not None
    accuracy(db, "--calibration", SAMPLES).refuses(2, "without --quantize")


def test_the_gate(db: Path) -> None:
    assert accuracy(db, "--min-accuracy", "98%").code == 0
    accuracy(db, "--min-accuracy", "0.99").refuses(1, "98.61% is below the 0.99 of --min-accuracy")
    envelope = accuracy(db, "--min-accuracy", "99%", "--json").envelope
    assert envelope["status"] == "failed"
    assert envelope["data"]["status"] == "passed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metric", "f1"), "'f1' is not one of 'auto', 'top1', 'auc'"),
        (("--metric", "auc"), "the AUC needs a score"),
        (("--load", "magic"), "'magic' is not one of 'auto', 'direct'"),
        (("--min-accuracy", "110%"), "invalid --min-accuracy '110%'"),
        (("--min-accuracy", "much"), "invalid --min-accuracy 'much'"),
        (("--limit", "361"), "holds 360 labelled items, 361 were asked for"),
        (("--data", "nowhere.npz"), "there is no file nowhere.npz"),
        (("--data", "nowhere:f"), "No module named 'nowhere'"),
    ],
)
def test_what_is_refused_before_any_work(db: Path, arguments: tuple[str, ...], words: str) -> None:
    accuracy(db, *arguments).refuses(2, words)
    if db.exists():
        listed = hil("accuracy", "--list", "--db", db, "--json").envelope["data"]
        assert listed["evaluations"] == []


def test_what_is_missing_is_said(db: Path) -> None:
    hil("accuracy", "--db", db).refuses(2, "no model given")
    hil("accuracy", "--db", db, INT8).refuses(2, "no --data given")
    hil("accuracy", "--db", db, "-p", "stm32l4", INT8).refuses(2, "no --data given")


def test_an_autoencoder_is_judged_by_its_auc(db: Path, tmp_path: Path) -> None:
    """Windows of recordings as MLPerf Tiny has them; the anomalies are larger than the rest."""
    (tmp_path / "coder.tflite").write_bytes(dense((1, 8), 8))
    random = np.random.Generator(np.random.PCG64(2))
    folder = tmp_path / "recordings"
    folder.mkdir()
    rows = []
    for at in range(12):
        anomaly = at % 3 == 0
        values = random.normal(scale=1.2 if anomaly else 0.9, size=40).astype("<f4")
        (folder / f"{at}.bin").write_bytes(values.tobytes())
        rows.append(f"{at}.bin,2,{int(anomaly)},32,16")
    (folder / "y_labels.csv").write_text("\n".join(rows))
    result = accuracy(db, "--data", str(folder), "--json", model=tmp_path / "coder.tflite")
    assert result.code == 0, result
    found = result.envelope["data"]["accuracy"]
    assert (found["metric"], found["items"], found["samples"]) == ("auc", 12, 12 * 9)
    assert found["equal"] == 12 * 9
    assert found["main"] == found["host"]
    assert 0.5 < found["main"]["value"] <= 1
    assert found["main"]["low"] <= found["main"]["value"] <= found["main"]["high"]
    text = accuracy(db, "--data", str(folder), model=tmp_path / "coder.tflite").stdout
    assert "12 items in 108 samples" in text
    assert "AUC, device" in text


@pytest.mark.skipif(not MODELS.is_dir(), reason="the reference models are not beside the checkout")
def test_an_emulator_is_started_once_for_all_its_samples(db: Path, tmp_path: Path) -> None:
    random = np.random.Generator(np.random.PCG64(1))
    x = random.integers(-128, 128, (200, 49, 10, 1)).astype(np.int8)
    np.savez(tmp_path / "kws.npz", x=x, y=random.integers(0, 12, 200))
    log = tmp_path / "starts"
    qemu = wrapped_qemu(tmp_path, f'echo start >> "{log}"')
    result = accuracy(
        *(db, "--data", str(tmp_path / "kws.npz"), "--jobs", "2", "--emulator", qemu, "--json"),
        model=MODELS / "kws_int8.tflite",
    )
    assert result.code == 0, result
    assert result.envelope["data"]["accuracy"]["equal"] == 200
    assert log.read_text().split() == ["start"] * 2
