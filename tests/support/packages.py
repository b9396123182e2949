"""Packages with entry points, as pip would leave them."""

from __future__ import annotations

from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, group: str, *entries: str) -> None:
    """Install a package in the new ``folder`` until the test ends; entries as ``name = a.b:C``."""
    info = folder / f"{folder.name}-1.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {folder.name}\nVersion: 1\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    text = "\n".join([f"[{group}]", *entries])
    (info / "entry_points.txt").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
