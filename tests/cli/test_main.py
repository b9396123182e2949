"""Exit codes, ``error:`` and ``hint:``, envelopes: the frame around every command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil import errors
from hil.cli import main, output

from tests.cli.conftest import Finished
from tests.support.hil import hil_process
from tests.support.processes import WAIT_S, Processes

Hil = Callable[..., Finished]


@pytest.fixture
def boom(hil: Hil) -> Iterator[Hil]:
    """The program with one more command, which raises what its argument names."""

    def boom(what: str, json: bool = False) -> None:
        if what == "printed":
            output.emit_json("hil.boom/1", "failed", {"kept": 1}, [])
            raise errors.WrongOutput("differs")
        if what == "failed":
            raise errors.DoesNotFit("too big", hint="smaller")
        raise {
            "bug": ZeroDivisionError("oops"),
            "pipe": BrokenPipeError(32, "Broken pipe"),
            "eof": EOFError(),
            "memory": MemoryError(),
        }[what]

    before = list(main.app.registered_commands)
    main.app.command()(boom)
    yield hil
    main.app.registered_commands[:] = before


def test_version_and_help_are_data(hil: Hil) -> None:
    version, usage = hil("--version"), hil("-h")
    assert (version.code, version.err) == (0, "")
    assert version.out.startswith("hil ")
    assert (usage.code, usage.err) == (0, "")
    assert "Exit codes" in usage.out


def test_no_arguments_show_help_and_exit_2(hil: Hil) -> None:
    result = hil()
    assert (result.code, result.out) == (2, "")
    assert "Commands:" in result.err


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (["frobnicate"], "hil/1"),
        (["history", "--frobnicate"], "hil.history/1"),
        (["history", "--limit", "many"], "hil.history/1"),
        (["profile", "show"], "hil.profile.show/1"),
        (["profile", "show", "stm32l5"], "hil.profile.show/1"),
    ],
)
def test_usage_errors_exit_2_with_an_envelope(hil: Hil, arguments: list[str], schema: str) -> None:
    result = hil(*arguments, "--json")
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "\nhint: " in result.err
    envelope = result.json
    assert (envelope["schema"], envelope["status"], envelope["data"]) == (schema, "error", None)
    (error,) = envelope["errors"]
    assert f"error: {error['message']}\nhint: {error['hint']}\n" == result.err


def test_without_json_nothing_is_on_stdout(hil: Hil) -> None:
    result = hil("profile", "show", "stm32l5")
    assert (result.code, result.out) == (2, "")
    assert "did you mean" in result.err


def test_after_two_dashes_json_is_an_argument(hil: Hil) -> None:
    assert hil("profile", "show", "--", "--json").out == ""


def test_a_failed_run_exits_3(boom: Hil) -> None:
    result = boom("boom", "failed", "--json")
    assert result.code == 3
    assert result.json["status"] == "failed"
    assert result.err == "error: too big\nhint: smaller\n"


def test_a_command_that_printed_its_envelope_gets_no_second_one(boom: Hil) -> None:
    result = boom("boom", "printed", "--json")
    assert result.code == 3
    assert result.json["data"] == {"kept": 1}


@pytest.mark.parametrize("what", ["bug", "pipe", "eof", "memory"])
def test_a_bug_exits_70_and_saves_its_traceback(boom: Hil, tmp_path: Path, what: str) -> None:
    result = boom("boom", what, "--json")
    assert result.code == 70
    assert "this is a bug in hil" in result.err
    assert "Traceback" not in result.err
    (log,) = (tmp_path / "state" / "crashes").iterdir()
    assert str(log) in result.err
    text = log.read_text()
    assert "Traceback" in text
    assert f"'boom', '{what}'" in text
    assert result.json["errors"][0]["message"].startswith("this is a bug")


def test_a_bug_where_nothing_can_be_saved_still_exits_70(boom: Hil, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = boom("boom", "bug", HIL_STATE_DIR=str(tmp_path / "file" / "state"))
    assert result.code == 70
    assert "--debug" in result.err


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_debug_shows_the_traceback_of_every_error(boom: Hil, way: str) -> None:
    debug, changes = (["--debug"], {}) if way == "flag" else ([], {"HIL_DEBUG": "1"})
    bug = boom(*debug, "boom", "bug", **changes)
    assert bug.code == 70
    assert "ZeroDivisionError: oops" in bug.err
    assert "Traceback" in boom(*debug, "boom", "failed", **changes).err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_end_the_program_and_its_children(
    tmp_path: Path,
    environment: dict[str, str],
    processes: Processes,
    number: signal.Signals,
    code: int,
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    fake = tools / "cmake"
    # More than a pipe holds: once it is written, the parent reads and has come back from starting.
    fake.write_text("#!/bin/sh\nhead -c 200000 /dev/zero\nexec sleep 3600\n")
    fake.chmod(0o755)
    process = processes.start(
        *(sys.executable, "-m", "hil.cli.main", "doctor", "--json"),
        env={**environment, "PATH": f"{tools}:{environment['PATH']}"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    processes.wait_for("sleep", "3600", of=process)
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == code
    assert err.startswith("error: interrupted")
    assert "Traceback" not in err
    assert json.loads(out)["status"] == "error"
    assert processes.living() == []


@pytest.mark.parametrize("arguments", ["--help", "profile list --json", "config show"])
def test_a_closed_pipe_is_no_complaint(
    tmp_path: Path, environment: dict[str, str], processes: Processes, arguments: str
) -> None:
    process = processes.start(
        *(sys.executable, "-m", "hil.cli.main", *arguments.split()),
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(WAIT_S), err) == (141, "")


@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 4), (">&-", 0), ("2>&-", 0)])
def test_streams_that_are_full_or_closed(
    tmp_path: Path, environment: dict[str, str], redirection: str, code: int
) -> None:
    command = f"'{sys.executable}' -m hil.cli.main profile list {redirection}"
    done = subprocess.run(
        ["sh", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == code
    assert done.stderr == (
        "error: cannot write the output: No space left on device\n"
        "hint: check where stdout is redirected to\n"
        if code
        else ""
    )


def test_a_terminal_without_utf8_is_served_too(tmp_path: Path, environment: dict[str, str]) -> None:
    env = {**environment, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = hil_process("profile", "show", "./µ.toml", "--json", env=env, cwd=tmp_path)
    assert result.code == 2
    assert "µ.toml" in result.envelope["errors"][0]["message"]
    assert result.stdout.isascii()
    assert hil_process("profile", "list", env=env, cwd=tmp_path).code == 0
