"""Every shipped profile is valid and sourced; a wrong one is refused with help."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness import profiles
from harness.errors import ProfileError
from harness.measure.cores import core_table
from harness.profiles import load, names
from harness.resources import data_dir

NEEDED = {
    "stm32l4",
    "nucleo-l4r5zi",
    "nucleo-l452re",
    "sparkfun-edge",
    "stm32f411",
    "nrf52840",
    "stm32f746",
    "stm32h743",
    "stm32u575",
}


def text_of(name: str) -> str:
    return (data_dir("device_profiles") / f"{name}.toml").read_text(encoding="utf-8")


def test_the_boards_that_must_ship_are_there() -> None:
    assert set(names()) >= NEEDED


@pytest.mark.parametrize("name", names())
def test_profile_is_valid_and_every_part_names_its_source(name: str) -> None:
    profile = load(name)
    assert profile.name == name
    core_table(profile.chip.core)
    parts = (profile.chip, profile.clock, profile.flash, *profile.power.rows, *profile.ram)
    for part in parts:
        assert len(part.source) > 15, part
    assert 1 < profile.power.milliwatts(profile.clock.hz) < 1000


@pytest.mark.parametrize("name", names())
def test_emulation_has_a_machine_of_the_core(name: str) -> None:
    machines = {
        "cortex-m4f": "mps2-an386",
        "cortex-m7f": "mps2-an500",
        "cortex-m33f": "mps2-an505",
    }
    profile = load(name)
    assert profile.emulation.qemu[-1] == machines[profile.chip.core]


def test_numbers_that_published_results_hang_on() -> None:
    board = load("nucleo-l4r5zi")
    assert (board.clock.hz, board.main_ram.size_bytes) == (120_000_000, 640 * 1024)
    assert board.power.milliwatts(board.clock.hz) == 47.1
    assert load("stm32l4").main_ram.size_bytes == 96 * 1024


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ProfileError, match="stm32l5") as caught:
        load("stm32l5")
    assert "did you mean 'stm32l4'?" in caught.value.hint


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ("wait_states", "waitstates", "flash.waitstates"),
        ("active_ua_per_mhz", "active_ua_mhz", "power.rows.1.active_ua_mhz"),
        ("[emulation]", "[emulator]", "emulator"),
    ],
)
def test_a_typo_names_the_place_and_the_nearest_key(
    tmp_path: Path, right: str, wrong: str, where: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text_of("stm32l4").replace(right, wrong))
    with pytest.raises(ProfileError) as caught:
        load(str(path))
    assert where in caught.value.message
    assert f"did you mean '{right.strip('[]')}'" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("hz = 80_000_000\n", "hz = 90_000_000\n", "above"),
        ("main = true\n", "", "main = true"),
        ("active_ua_per_mhz", "active_mw = 3\nactive_ua_per_mhz", "exactly one"),
        ('core = "cortex-m4f"', 'core = "cortex-m5"', "chip.core"),
        ("schema = 1", "schema = 2", "schema"),
        ("[clock]", "[clock", "not valid TOML"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    text = text_of("stm32l4")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ProfileError, match=reason):
        load(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot read the profile"):
        load(str(tmp_path / "none.toml"))


def test_docs_describe_every_key() -> None:
    text = (Path(__file__).parent.parent / "docs" / "profiles.md").read_text(encoding="utf-8")
    missing = [key for key in profiles._known_keys() if key != "name" and f"`{key}`" not in text]
    assert missing == []


def test_comments_in_the_files_are_not_needed_to_parse() -> None:
    for name in names():
        assert tomllib.loads(text_of(name))["schema"] == 1
