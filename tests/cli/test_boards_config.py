"""`hil board list|add|remove`, and the file behind them, which belongs to the user."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hil import boards
from hil.boards import Board, FlasherSetup, MeterSetup, Usb
from hil.errors import MissingTool, UsageError

from tests.cli.conftest import Finished

Hil = Callable[..., Finished]

COMMENTED = """\
# my boards

[boards.left]   # the one on the left
profile = "nucleo-l4r5zi"
port = "/dev/ttyACM0"  # may change
baud = 921600

# the second one
[boards.right]
profile = "nrf52840"
usb = { vendor = 0x1366, product = 0x1015 }
[boards.right.flasher]
name = "openocd"
options = { server = "localhost:3333" }  # of the gdb server
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine" / "boards.toml"
    monkeypatch.setenv("HIL_BOARDS", str(path))
    return path


def write(file: Path, text: str = COMMENTED) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


FULL = Board(
    name="full",
    profile="nucleo-l452re",
    usb=Usb(vendor=0x483, product=0x374B, serial="0669FF"),
    baud=115200,
    flasher=FlasherSetup(name="openocd", probe="0669FF", options={"a": "b", "c": "= d"}),
    meter=MeterSetup(name="ppk2", volts=1.8, options={"port": "/dev/ttyACM3"}),
    virtual=True,
)


def test_a_board_is_read_as_it_was_saved(file: Path) -> None:
    assert boards.load_all() == {}
    assert boards.save(FULL)
    assert boards.load("full") == FULL
    assert "vendor = 0x0483, product = 0x374b" in file.read_text()
    assert boards.remove("full") == FULL
    assert boards.load_all() == {}


def test_the_rest_of_the_file_stays_as_it_was(file: Path) -> None:
    write(file)
    boards.save(FULL)
    boards.remove("full")
    assert file.read_text().rstrip() == COMMENTED.rstrip()


def test_a_change_keeps_place_and_comments(file: Path) -> None:
    write(file)
    changed = boards.load("left").model_copy(update={"baud": 115200})
    assert boards.save(changed, replace=True)
    assert file.read_text() == COMMENTED.replace("921600", "115200")
    without = boards.load("right").model_copy(update={"flasher": FlasherSetup(name="pyocd")})
    boards.save(without, replace=True)
    assert "# the second one" in file.read_text()
    assert boards.load("right").flasher.options == {}


def test_line_ends_stay(file: Path) -> None:
    write(file, "")
    file.write_bytes(COMMENTED.replace("\n", "\r\n").encode())
    boards.remove("right")
    assert file.read_bytes().startswith(b"# my boards\r\n\r\n[boards.left]")


def test_another_board_of_that_name_needs_replace(file: Path) -> None:
    write(file)
    left = boards.load("left")
    assert not boards.save(left)
    with pytest.raises(UsageError, match="another board 'left'") as caught:
        boards.save(left.model_copy(update={"port": "/dev/ttyACM1"}))
    assert "--replace" in caught.value.hint
    assert file.read_text() == COMMENTED


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ä", "x" * 65, "a\n", "a]"])
def test_invalid_names(file: Path, name: str) -> None:
    with pytest.raises(UsageError, match="invalid board name"):
        boards.save(FULL.model_copy(update={"name": name}))
    assert not file.exists()
    write(file, f'[boards.{name!r}]\nprofile = "x"\nport = "y"\n'.replace("'", '"'))
    with pytest.raises(UsageError, match=r"the name of a board is|not valid TOML"):
        boards.load_all()


@pytest.mark.parametrize("name", ["a.b", "A+b_c-d", "0"])
def test_names_that_toml_quotes(file: Path, name: str) -> None:
    board = FULL.model_copy(update={"name": name})
    boards.save(board)
    assert boards.load(name) == board
    boards.remove(name)
    assert boards.load_all() == {}


@pytest.mark.parametrize(
    "text",
    [
        'boards.x = { profile = "p", port = "a" }\n',
        'boards = { x = { profile = "p", port = "a" } }\n',
        'boards.x.profile = "p"\nboards.x.port = "a"\n',
        '[boards]\nx.profile = "p"\nx.port = "a"\n',
        '[boards.x]\nprofile = "p"\nport = "a"\n[boards.y]\nprofile = "q"\nplace = "z"\n'
        '[boards.x.flasher]\nname = "f"\n',
    ],
)
@pytest.mark.parametrize("adding", [True, False])
def test_other_ways_to_write_the_file(file: Path, text: str, adding: bool) -> None:
    """Either the entry is changed and the others are as before, or nothing is."""
    write(file, text)
    expected = boards.load_all()
    if adding:
        expected["full"] = FULL
    else:
        del expected["x"]
    refused = None
    try:
        boards.save(FULL) if adding else boards.remove("x")
    except UsageError as error:
        refused = error
    if refused is None:
        assert boards.load_all() == expected
    else:
        assert "by hand" in refused.hint
        assert file.read_text() == text


def test_an_invalid_file_is_not_touched(file: Path) -> None:
    for text, words in (
        ("[boards.x", "not valid TOML"),
        ('[boards.x]\nprofile = "p"\n', "exactly one of port, usb and place"),
        ('[boards.x]\nprofile = "p"\nport = "a"\nplace = "b"\n', "exactly one"),
        ('[boards.x]\nprofile = "p"\nport = "a"\nbaudrate = 9600\n', "unknown key 'baudrate'"),
        ('[board.x]\nprofile = "p"\n', "unknown key 'board'"),
        ("x = " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ):
        write(file, text)
        with pytest.raises(UsageError, match=words):
            boards.save(FULL)
        assert file.read_text() == text


def test_processes_that_add_boards_at_once(file: Path) -> None:
    names = [f"board{number}" for number in range(12)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: boards.save(FULL.model_copy(update={"name": n})), names))
    assert sorted(boards.load_all()) == sorted(names)


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.toml"
    kept.write_text(COMMENTED)
    file.parent.mkdir()
    file.symlink_to(kept)
    boards.remove("left")
    assert file.is_symlink()
    assert "right" in kept.read_text()
    assert "left" not in kept.read_text().replace("on the left", "")


def test_a_folder_in_the_way(file: Path) -> None:
    file.parent.write_text("a file")
    with pytest.raises(MissingTool, match="cannot write"):
        boards.save(FULL)


def test_a_profile_beside_the_file(file: Path) -> None:
    write(file, '[boards.x]\nprofile = "./own.toml"\nport = "a"\n')
    assert boards.load("x").profile == str(file.parent / "own.toml")


@pytest.mark.parametrize("text", ["0483:374b", "0x0483:0x374B", "483:374b"])
def test_usb_identities(text: str) -> None:
    assert boards.parse_usb(text) == Usb(vendor=0x483, product=0x374B)
    assert boards.parse_usb(text + ":06:6") == Usb(vendor=0x483, product=0x374B, serial="06:6")
    assert boards.parse_usb(str(FULL.usb)) == FULL.usb


@pytest.mark.parametrize("text", ["", "0483", "0483:", "04833:1", "0483:374g", "a:b:"])
def test_invalid_usb_identities(text: str) -> None:
    with pytest.raises(UsageError, match="invalid USB identity"):
        boards.parse_usb(text)


# --- the commands ---


def test_add_list_remove(hil: Hil, tmp_path: Path) -> None:
    file = tmp_path / "config" / "hil" / "boards.toml"
    assert f"no boards in {file}" in hil("board", "list").out
    added = hil(
        *("board", "add", "nucleo", "--profile", "stm32l4", "--usb", "0483:374b:06A"),
        *(
            "--baud",
            921600,
            "--probe",
            "06A",
            "--flasher",
            "none",
            "--option",
            "a=b=c",
            "--virtual",
        ),
    )
    assert added.code == 0
    assert "hil board check nucleo" in added.out
    listed = hil("board", "list")
    assert "usb 0483:374b:06A" in listed.out
    assert "virtual" in listed.out
    (data,) = hil("board", "list", "--json").json["data"]["boards"]
    assert data["usb"] == {"vendor": 0x483, "product": 0x374B, "serial": "06A"}
    assert data["flasher"] == {"name": "none", "probe": "06A", "options": {"a": "b=c"}}
    assert data["problem"] == ""
    assert hil("board", "remove", "nucleo", "--json").json["data"]["board"]["name"] == "nucleo"
    assert hil("board", "remove", "nucleo").code == 2
    assert hil("board", "list", "--json").json["data"] == {"file": str(file), "boards": []}


def test_adding_is_idempotent(hil: Hil) -> None:
    command = ("board", "add", "x", "-p", "nrf52840", "--port", "/dev/ttyACM0")
    assert hil(*command, "--json").json["data"]["changed"] is True
    assert hil(*command, "--json").json["data"]["changed"] is False
    other = (*command[:-1], "/dev/ttyACM1")
    assert "another board 'x'" in hil(*other).err
    assert hil(*other, "--replace").code == 0
    assert "/dev/ttyACM1" in hil("board", "list").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x", "-p", "nrf52840"], "give exactly one of --port, --usb and --place"),
        (["x", "-p", "nrf52840", "--port", "a", "--place", "b"], "give exactly one"),
        (["x", "-p", "nrf5284", "--port", "a"], "did you mean 'nrf52840'"),
        (["x y", "-p", "nrf52840", "--port", "a"], "invalid board name"),
        (["x", "-p", "nrf52840", "--port", "a", "--baud", "5"], "baud: "),
        (["x", "-p", "nrf52840", "--port", "a", "--option", "k"], "--option KEY=VALUE"),
        (["x", "-p", "nrf52840", "--port", "a", "--option", "k=1", "--option", "k=2"], "twice"),
        (["x", "-p", "nrf52840", "--port", "a", "--volts", "3"], "--meter NAME"),
        (["x", "-p", "nrf52840", "--usb", "nonsense"], "invalid USB identity"),
        (["x", "-p", "./none.toml", "--port", "a"], "cannot read the profile"),
        (["x", "-p", "nrf52840", "--port", "a", "--flasher", "gbd"], "did you mean 'gdb'"),
        (["x", "-p", "nrf52840", "--port", "a", "--flasher", "gdb"], "needs the option 'server'"),
        (["x", "-p", "nrf52840", "--port", "a", "--meter", "ppk3"], "did you mean 'ppk2'"),
    ],
)
def test_what_add_refuses(hil: Hil, tmp_path: Path, arguments: list[str], words: str) -> None:
    refused = hil("board", "add", *arguments)
    assert refused.code == 2
    assert words in refused.err
    assert "hint: " in refused.err
    assert not (tmp_path / "config" / "hil" / "boards.toml").exists()


def test_a_profile_of_the_users_own_works_from_any_folder(hil: Hil, tmp_path: Path) -> None:
    from hil.resources import data_dir

    own = tmp_path / "own.toml"
    own.write_bytes((data_dir("device_profiles") / "nrf52840.toml").read_bytes())
    assert hil("board", "add", "x", "-p", "./own.toml", "--port", "a").code == 0
    (data,) = hil("board", "list", "--json").json["data"]["boards"]
    assert data["profile"] == str(own)
    own.unlink()
    (data,) = hil("board", "list", "--json").json["data"]["boards"]
    assert "cannot read the profile" in data["problem"]


def test_a_board_of_an_unknown_profile_is_listed_with_the_problem(hil: Hil, tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text('[boards.x]\nprofile = "nothing"\nport = "a"\n')
    listed = hil("board", "list", HIL_BOARDS=str(file))
    assert listed.code == 0
    assert "there is no profile 'nothing'" in listed.out


def test_the_file_may_be_set_in_the_configuration(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "hil.toml").write_text('boards = "lab.toml"\n')
    hil("board", "add", "x", "-p", "nrf52840", "--port", "a")
    assert "[boards.x]" in (tmp_path / "lab.toml").read_text()
    before = os.environ.get("HIL_BOARDS")
    assert before is None
