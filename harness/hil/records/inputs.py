"""Which inputs a model is fed: a rule, a file, or arrays in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.records.arrays import Array

_DRAWN = ("random", "normal")
_FIXED = ("zeros", "min", "max")
_FILES = (".npy", ".npz")


@dataclass(frozen=True)
class InputSpec:
    """Which inputs: ``random:SEED``, ``normal:SEED``, ``zeros``, ``min``, ``max``, a file, arrays.

    ``text`` is how the user writes it, and what messages and records call it. ``arrays`` holds
    samples in memory, by name as a .npz does, or one array as a .npy does. ``file`` is where a file
    is that ``text`` names on another machine.
    """

    text: str
    arrays: Array | Mapping[str, Array] | None = field(default=None, compare=False, repr=False)
    file: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    @classmethod
    def of(cls, given: str | InputSpec) -> InputSpec:
        """Return ``given`` as a specification; a text is not checked."""
        return cls(given) if isinstance(given, str) else given

    @property
    def rule(self) -> str:
        """``random``, ``normal``, ``zeros``, ``min`` or ``max``; empty for samples, and others."""
        word = self.text.partition(":")[0]
        is_rule = self.arrays is None and (word in _DRAWN or self.text in _FIXED)
        return word if is_rule else ""

    @property
    def is_drawn(self) -> bool:
        """Whether inputs are drawn, any number of them."""
        return self.rule in _DRAWN

    @property
    def argument(self) -> str:
        """What follows the colon of a rule."""
        return self.text.partition(":")[2]

    @property
    def is_file(self) -> bool:
        """Whether samples are read from a .npy or .npz."""
        return self.arrays is None and not self.rule and Path(self.text).suffix in _FILES

    @property
    def path(self) -> Path:
        """The file, where samples are read from one."""
        return Path(self.file or self.text)

    @property
    def has_samples(self) -> bool:
        """Whether there are samples of the user's own, in a file or in memory."""
        return self.is_file or self.arrays is not None

    def below(self, folder: Path) -> InputSpec:
        """Return the specification with a relative file taken as relative to ``folder``."""
        return InputSpec(str(folder / self.text)) if self.is_file else self

    def content_key(self) -> str:
        """Return what identifies the inputs: a rule itself, else a hash of the content.

        Raises:
            OSError: the file cannot be read.
        """
        if self.is_file:
            with self.path.open("rb") as file:
                return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        if self.arrays is None:
            return self.text
        total = hashlib.sha256()
        by_name = self.arrays if isinstance(self.arrays, Mapping) else {"": self.arrays}
        for name, array in by_name.items():
            total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            total.update(array.tobytes())
        return "sha256:" + total.hexdigest()
