"""Data is the same by its files, whatever model it was prepared for."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hil.datasets.source import source_sha256


def test_a_file_is_its_bytes_wherever_it_stands(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).write_bytes(b"samples")
    found = source_sha256(str(tmp_path / "a.npz"))
    assert found == hashlib.sha256(b"samples").hexdigest()
    assert found == source_sha256(str(tmp_path / "b.npz"))


def test_a_folder_is_its_files_with_their_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.bin").write_bytes(b"a")
    one, two = (source_sha256(str(tmp_path / name)) for name in ("one", "two"))
    assert one == two != ""
    (tmp_path / "two" / "a.bin").write_bytes(b"b")
    assert source_sha256(str(tmp_path / "two")) != one
    (tmp_path / "two" / "a.bin").rename(tmp_path / "two" / "c.bin")
    (tmp_path / "two" / "c.bin").write_bytes(b"a")
    assert source_sha256(str(tmp_path / "two")) != one


def test_a_function_has_no_files(tmp_path: Path) -> None:
    assert source_sha256("my_data:test_set") == ""
    assert source_sha256(str(tmp_path / "missing.npz")) == ""
