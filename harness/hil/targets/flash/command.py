"""The flasher ``command``: any other tool, as templates of its command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil import files
from hil.errors import FlashFailed, UsageError, did_you_mean
from hil.records import Finding
from hil.targets.flash import tool
from hil.targets.flash.elf import checked, image, intel_hex
from hil.targets.flash.interface import FlashJob

_OPTIONS = ("flash", "verify", "reset", "version", "port", "fails")
_PLACEHOLDERS = ("elf", "hex", "bin", "address", "size", "probe", "port", "profile", "part")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_EXAMPLE = "such as flash = 'st-flash write {bin} {address}'"


class CommandFlasher:
    """See :class:`hil.targets.flash.interface.Flasher`.

    Options: ``flash`` (needed), ``verify``, ``reset`` and ``version`` are command lines, split as a
    shell splits words, carried out without one; ``{elf}`` and the other placeholders are replaced
    inside a word, so that a value is never split. ``fails`` is a regular expression: what a tool
    prints in spite of exit code 0 when it failed. ``port`` is the value of ``{port}``.
    """

    name = "command"
    title = "the command"

    def tool(self, job: FlashJob) -> str:
        """See :class:`Flasher`; without ``version`` the name of the program."""
        given = _options(job)
        if command := given.get("version"):
            words = _split("version", command)
            words[0] = str(tool.find(words[0], _install(words[0])))
            return tool.version(words, "", title=words[0], hint=_install(words[0]))
        program = _split("flash", given["flash"])[0]
        tool.find(program, _install(program))
        return program

    def findings(self) -> Sequence[Finding]:
        """See :class:`Flasher`; the tools are the user's."""
        return ()

    def flash(self, job: FlashJob) -> str:
        """See :class:`Flasher`; verified if ``verify``, or ``flash`` itself, does that."""
        given = _options(job)
        with files.temporary_folder("flash") as folder:
            values = _values(job, given, folder)
            steps = [name for name in ("flash", "verify", "reset") if name in given]
            return "".join(_step(name, given, values, job.timeout_s) for name in steps)

    def reset(self, job: FlashJob) -> str:
        """See :class:`Flasher`."""
        given = _options(job)
        if "reset" not in given:
            raise UsageError(
                "the flasher 'command' has no command that resets the board",
                hint="give it the option `reset`",
            )
        with files.temporary_folder("flash") as folder:
            return _step("reset", given, _values(job, given, folder), job.timeout_s)

    def probes(self) -> Sequence[str]:
        """See :class:`Flasher`."""
        return ()


def _options(job: FlashJob) -> Mapping[str, str]:
    """The board's options, with every template valid.

    Raises:
        UsageError: one is unknown, ``flash`` is missing, or a template or ``fails`` is invalid.
    """
    given = tool.options(job, _OPTIONS, "command")
    if not given.get("flash", "").strip():
        raise UsageError("the flasher 'command' needs the option 'flash'", hint=_EXAMPLE)
    for name in ("flash", "verify", "reset", "version"):
        if name in given:
            _split(name, given[name])
    try:
        re.compile(given.get("fails", ""))
    except re.error as error:
        raise UsageError(
            f"the option 'fails' is not a regular expression: {error}", hint="correct it"
        ) from error
    return given


def _split(name: str, template: str) -> list[str]:
    """The words of a template.

    Raises:
        UsageError: a quote is open, there is no word, or a placeholder is unknown.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise UsageError(f"cannot split the option '{name}': {error}", hint=_EXAMPLE) from error
    if not words:
        raise UsageError(f"the option '{name}' of the flasher 'command' is empty", hint=_EXAMPLE)
    for word in words:
        for found in _PLACEHOLDER.findall(word):
            if found not in _PLACEHOLDERS:
                raise UsageError(
                    f"the option '{name}' has an unknown placeholder '{{{found}}}'",
                    hint=f"{did_you_mean(found, _PLACEHOLDERS)}placeholders: "
                    + " ".join(f"{{{known}}}" for known in _PLACEHOLDERS),
                )
    return words


def _values(job: FlashJob, given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Values of the placeholders that the templates have; files are made where they are needed."""
    used = {name for text in given.values() for name in _PLACEHOLDER.findall(text)}
    known = {"profile": job.profile.name, "part": job.profile.chip.part}
    optional = {"probe": job.probe, "port": given.get("port")}
    known |= {name: value for name, value in optional.items() if value is not None}
    for name in sorted(used & optional.keys() - known.keys()):
        raise UsageError(
            f"a command has {{{name}}}, and the board's flasher no `{name}`",
            hint=f"add `{name}` to it, or leave {{{name}}} out",
        )
    elf = checked(job.elf) if used & {"elf", "hex", "bin", "address", "size"} else job.elf
    known["elf"] = str(elf)
    if "hex" in used:
        known["hex"] = str(folder / "firmware.hex")
        Path(known["hex"]).write_text(intel_hex(elf), encoding="ascii")
    if used & {"bin", "address", "size"}:
        whole = image(elf)
        known |= {"bin": str(folder / "firmware.bin"), "address": f"0x{whole.address:08x}"}
        known["size"] = str(len(whole.data))
        Path(known["bin"]).write_bytes(whole.data)
    return known


def _step(name: str, given: Mapping[str, str], values: Mapping[str, str], timeout_s: float) -> str:
    """Carry out one command and return what it printed."""
    words = [
        _PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in _split(name, given[name])
    ]
    words[0] = str(tool.find(words[0], _install(words[0])))
    output = tool.run(words, timeout_s, title=f"`{words[0]}` ({name})")
    said = re.search(given["fails"], output.text) if given.get("fails") else None
    if output.code or said:
        how = f"exit code {output.code}" if output.code else f"it printed '{said and said[0]}'"
        raise FlashFailed(
            f"the command '{name}' failed ({how}): {output.last_words()}",
            hint=f"try it by hand: {shlex.join(words)}",
        )
    return output.text


def _install(program: str) -> str:
    return f"install {program}, or correct the commands of the board's flasher in boards.toml"
