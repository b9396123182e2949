"""Every shipped profile is valid and sourced; a wrong one is refused with help."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hil import devices, forms
from hil.devices import load, names
from hil.errors import ProfileError
from hil.measure.cycles.cores import core_table
from hil.measure.power_band import power_band
from hil.resources import data_dir

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
    assert profile.emulation["qemu"][-1] == machines[profile.chip.core]


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
    missing = [key for key in forms.keys(devices.Profile) if f"`{key}`" not in text]
    assert missing == []


def test_comments_in_the_files_are_not_needed_to_parse() -> None:
    for name in names():
        assert tomllib.loads(text_of(name))["schema"] == 1


@pytest.mark.parametrize("clock", ["48MHz", "48M", "48_000_000", "48000000", "48000kHz", "48 mhz"])
def test_a_profile_at_another_clock(clock: str) -> None:
    own, slow = load("nucleo-l452re"), load(f"nucleo-l452re@{clock}")
    assert (slow.name, slow.clock.hz) == ("nucleo-l452re@48MHz", 48_000_000)
    assert (own.flash.wait_states, slow.flash.wait_states) == (4, 2)
    assert "2 flash wait states (ST RM0394" in slow.notes[0]
    assert (
        slow.model_copy(
            update={"name": own.name, "clock": own.clock, "flash": own.flash, "notes": ()}
        )
        == own
    )


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        ("stm32l4@16MHz", 0),
        ("stm32l4@16_000_001", 1),
        ("stm32l4@64MHz", 3),
        ("stm32l4@65MHz", 4),
        ("nucleo-l4r5zi@48MHz", 2),
        ("nucleo-l4r5zi@80MHz", 3),
        ("stm32u575@96MHz", 2),
        ("stm32f746@180MHz", 5),
        ("stm32f411@64MHz", 1),
    ],
)
def test_wait_states_follow_the_clock(name: str, waits: int) -> None:
    assert load(name).flash.wait_states == waits


def test_without_a_table_the_wait_states_stay_and_a_note_says_so() -> None:
    profile = load("stm32h743@240MHz")
    assert profile.flash.wait_states == load("stm32h743").flash.wait_states
    assert "upper bound" in profile.notes[0]


def test_power_follows_the_clock() -> None:
    own, slow = load("stm32l4"), load("stm32l4@40MHz")
    assert slow.power.milliwatts(slow.clock.hz) == own.power.milliwatts(own.clock.hz) / 2
    # A figure without a clock of its own holds at the profile's.
    slow = load("sparkfun-edge@24MHz")
    assert slow.power.milliwatts(slow.clock.hz) == pytest.approx(1.98 / 2)
    assert slow.power.choose(24_000_000).scaled == "from 48 to 24 MHz"
    # Inside the clocks of a line nothing is scaled, outside it is said.
    inside, outside = load("nucleo-l452re@48MHz"), load("nucleo-l452re@24MHz")
    assert inside.power.choose(48_000_000).scaled == ""
    assert "outside" in outside.power.choose(24_000_000).scaled


def test_the_band_of_power_grows_with_the_distance_of_the_clock() -> None:
    own, near, far = (power_band(load(f"nucleo-l4r5zi{at}")) for at in ("", "@96MHz", "@48MHz"))
    assert own.pct < near.pct < far.pct
    assert far.pct == pytest.approx((18.0**2 + 15.0**2) ** 0.5)
    assert "another clock" in far.words
    assert power_band(load("nucleo-l452re@48MHz")) == power_band(load("nucleo-l452re"))


@pytest.mark.parametrize("name", ["nucleo-l452re@80MHz", "sparkfun-edge@48MHz"])
def test_the_own_clock_is_the_profile_itself(name: str) -> None:
    assert load(name) == load(name.split("@")[0])


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("nucleo-l452re@96MHz", "at most at 80 MHz", "at most nucleo-l452re@80MHz"),
        ("nucleo-l452re@fast", "invalid clock 'fast'", "@48MHz"),
        ("nucleo-l452re@0", "above 0", "@48MHz"),
        ("nucleo-l452re@", "invalid clock", "@48MHz"),
        ("nucleo-l452re@0.5Hz", "whole number", "@48MHz"),
        ("@48MHz", "invalid clock", "@48MHz"),
        ("nucleo-l452r@48MHz", "no profile 'nucleo-l452r'", "did you mean 'nucleo-l452re'"),
    ],
)
def test_a_clock_that_cannot_be(name: str, message: str, hint: str) -> None:
    with pytest.raises(ProfileError, match=message) as caught:
        load(name)
    assert hint in caught.value.hint


def test_a_file_at_another_clock_and_folders_with_an_at(tmp_path: Path) -> None:
    folder = tmp_path / "me@home"
    folder.mkdir()
    path = folder / "mine@48MHz.toml"
    path.write_text(text_of("stm32l4"))
    assert load(str(path)).name == "mine@48MHz"
    assert load(str(path)).clock.hz == 80_000_000
    assert load(f"{path}@40MHz").name == "mine@48MHz@40MHz"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("[[16_000_000, 0], [80_000_000, 3]]", "is not what wait_states_by_clock has"),
        ("[[16_000_000, 0], [64_000_000, 4]]", "is not what wait_states_by_clock has"),
        ("[[80_000_000, 4], [16_000_000, 0]]", "both rising"),
        ("[]", "at least 1"),
    ],
)
def test_a_table_that_cannot_be(tmp_path: Path, rows: str, reason: str) -> None:
    lines = text_of("stm32l4").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("rows = [[16_000_000, 0]"))
    lines[at] = f"rows = {rows}"
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(ProfileError, match=reason):
        load(str(path))


@pytest.mark.parametrize("key", ["calibration", "notes"])
def test_what_hil_writes_is_no_part_of_a_file(tmp_path: Path, key: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{key} = []\n" + text_of("stm32l4"))
    with pytest.raises(ProfileError, match=f"{key}: not a key of profiles"):
        load(str(path))


def test_a_calibration_of_the_own_clock_is_not_applied_and_a_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_OVERLAY_DIR", str(tmp_path))
    (tmp_path / "stm32l4.toml").write_text(
        'schema = 1\nprofile = "stm32l4"\npart = "STM32L475VG"\nclock_hz = 80_000_000\n'
        'date = "2026-01-02"\nhil_version = "1"\n'
        "[power]\nn = 3\nactive_mw = 30.0\nvolts = 3.0\nuncertainty_pct = 2.0\n"
        '[[rows]]\nrun_id = "r"\nmodel = "m"\nmodel_sha256 = ""\nfirmware_sha256 = ""\n'
        'engine = "aot"\ninstrument = "meter"\nrepetitions = 1\n'
    )
    assert load("stm32l4").calibration is not None
    slow = load("stm32l4@48MHz")
    assert slow.calibration is None
    assert "not applied" in slow.notes[-1]
