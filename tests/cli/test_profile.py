"""``hil profile``: every device, every number with its source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hil import devices

from tests.cli.conftest import Finished

Hil = Callable[..., Finished]


def test_list_has_every_profile(hil: Hil) -> None:
    text, json = hil("profile", "list"), hil("profile", "list", "--json")
    assert [row["name"] for row in json.json["data"]["profiles"]] == devices.names()
    assert [line.split()[0] for line in text.out.splitlines()[2:]] == devices.names()
    assert "1 MiB" in text.out


def test_show_has_every_number_and_every_source(hil: Hil) -> None:
    profile = devices.load("stm32l4")
    out = hil("profile", "show", "stm32l4").out
    for part in (profile.chip, profile.clock, profile.flash, *profile.power.rows, *profile.ram):
        assert f"source: {part.source}" in out
    assert "0x08000000" in out
    assert "1,048,576 B (1 MiB)" in out
    assert "80,000,000 Hz (80 MHz)" in out
    assert str(profile.flash.wait_states) in out


def test_show_json_is_the_profile(hil: Hil) -> None:
    data = hil("profile", "show", "stm32l4", "--json").json["data"]
    assert data == devices.load("stm32l4").model_dump(mode="json", by_alias=True)


def test_show_takes_a_file_and_names_its_typo(hil: Hil, tmp_path: Path) -> None:
    text = (devices.data_dir("device_profiles") / "stm32l4.toml").read_text()
    (tmp_path / "mine.toml").write_text(text)
    assert hil("profile", "show", "mine.toml").out.startswith("mine: ")
    (tmp_path / "mine.toml").write_text(text.replace("wait_states", "wait_state"))
    result = hil("profile", "show", "mine.toml")
    assert result.code == 2
    assert "wait_states" in result.err
