"""A hash of the files of a data set, independent of the model that it is prepared for."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hil.records import InputSpec


def source_sha256(spec: str | InputSpec) -> str:
    """Return the SHA-256 of the file, or of the folder's files with their names, of ``--data``.

    Models of other input types take other arrays of the same data: this hash shows whether
    evaluations of a float model and of its variants used the same samples. Empty for a Python
    function, and where the files cannot be read.
    """
    spec = InputSpec.of(spec)
    if spec.arrays is not None:
        return spec.content_key().removeprefix("sha256:")
    path = Path(spec.text)
    try:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file())
        elif path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            return ""
        digest = hashlib.sha256()
        for file in files:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.name}\0{content}\n".encode())
        return digest.hexdigest()
    except OSError:
        return ""
