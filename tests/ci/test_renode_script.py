"""scripts/renode: unpacks only the archive whose hash the repository has."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.hil import REPOSITORY

ARCHIVES = {
    "x86_64": "renode-1.16.1.linux-portable-dotnet.tar.gz",
    "aarch64": "renode-1.16.1.linux-arm64-portable-dotnet.tar.gz",
}
pytestmark = pytest.mark.skipif(
    platform.machine() not in ARCHIVES, reason="Renode has portable packages of other machines"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository that consists of the script."""
    folder = tmp_path / "repository" / "scripts"
    folder.mkdir(parents=True)
    shutil.copy(REPOSITORY / "scripts" / "renode", folder)
    return folder.parent


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A release with a launcher that says its version."""
    program = b"#!/bin/sh\necho Renode v1.16.1\n"
    path = tmp_path / "renode.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        member = tarfile.TarInfo("renode_1.16.1-dotnet_portable/renode")
        member.size, member.mode = len(program), 0o755
        packed.addfile(member, io.BytesIO(program))
    return path


def pin(copy: Path, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    line = f"# a comment\n{digest}  {ARCHIVES[platform.machine()]}\n"
    (copy / "scripts" / "renode.sha256").write_text(line)


def call(copy: Path, archive: Path | None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HIL_RENODE_ARCHIVE": str(archive) if archive else ""}
    script = copy / "scripts" / "renode"
    return subprocess.run([str(script)], env=env, capture_output=True, text=True, check=False)


def test_the_archive_is_unpacked_once(copy: Path, archive: Path) -> None:
    pin(copy, archive)
    done = call(copy, archive)
    assert (done.returncode, done.stderr) == (0, "")
    launcher = Path(done.stdout.strip())
    assert launcher == copy / ".cache" / "renode-1.16.1" / "renode"
    printed = subprocess.run([str(launcher)], capture_output=True, text=True, check=True).stdout
    assert printed == "Renode v1.16.1\n"
    archive.unlink()
    assert call(copy, archive).stdout == done.stdout
    assert [path.name for path in (copy / ".cache").iterdir()] == ["renode-1.16.1"]


def test_another_archive_is_refused(copy: Path, archive: Path) -> None:
    pin(copy, archive)
    with archive.open("ab") as file:
        file.write(b"\0")
    done = call(copy, archive)
    assert (done.returncode, done.stdout) == (4, "")
    assert "has the SHA-256" in done.stderr
    assert "nothing was unpacked" in done.stderr
    assert list((copy / ".cache").iterdir()) == []


def test_an_archive_without_a_launcher_is_refused(copy: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("renode/readme"))
    pin(copy, archive)
    done = call(copy, archive)
    assert done.returncode == 4
    assert "contains no renode" in done.stderr
    assert list((copy / ".cache").iterdir()) == []


def test_no_hash_is_an_error_before_the_download(copy: Path, archive: Path) -> None:
    (copy / "scripts" / "renode.sha256").write_text("")
    done = call(copy, None)
    assert done.returncode == 4
    assert "has no hash of" in done.stderr


def test_the_repository_pins_both_archives() -> None:
    lines = (REPOSITORY / "scripts" / "renode.sha256").read_text(encoding="utf-8").splitlines()
    pinned = dict(reversed(line.split()) for line in lines if not line.startswith("#"))
    assert set(pinned) == set(ARCHIVES.values())
    for digest in pinned.values():
        assert len(bytes.fromhex(digest)) == 32
