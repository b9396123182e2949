"""Build one ELF out of an engine's sources: CMake, Ninja, and two caches.

A firmware that was built before is not built again, CMake does not even start. Otherwise kernels,
DUT program and port come compiled out of the platform's CMake tree and only the model's own files
are compiled. See :mod:`hil.firmware.cache`.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hil import cores, files
from hil.cores import Core
from hil.errors import BuildFailed, UsageError
from hil.firmware import cache as build_cache
from hil.firmware import objects
from hil.firmware.toolchain import (
    Compiler,
    cache_error,
    explain_failure,
    find_compiler,
    find_tool,
    require_cxx,
    run_tool,
)
from hil.records import EngineSources, Firmware, Platform
from hil.resources import data_dir

_CACHE_VERSION = "2"
_NINJA_ENDED = (0, 1)  # all was built, or a command failed; not that it was interrupted


@dataclass(frozen=True)
class _Request:
    """Everything that decides about the ELF."""

    sources: EngineSources
    platform: Platform
    stack_bytes: int
    heap_bytes: int
    baud: int
    optimize: str
    compiler: Compiler
    stubs: Path

    @property
    def core(self) -> Core:
        """What the registry of cores has about the platform's."""
        return cores.find(self.platform.core)

    @property
    def mark_records(self) -> int:
        """How many ops get a word for their cycles; the plan's outputs live until the last op."""
        planned = max((p.last_op for p in self.sources.plan.placements), default=0) + 1
        return max(planned, self.sources.op_count)

    @property
    def uses_cxx(self) -> bool:
        """Whether the engine has sources in C++."""
        return any(Path(name).suffix == ".cc" for name in self._source_names)

    @property
    def _source_names(self) -> tuple[str, ...]:
        return (*self.sources.files, *self.sources.kernels)


@dataclass(frozen=True)
class _Tool:
    """CMake or Ninja, the log of the build and the descriptor of its lock."""

    path: Path
    log: Path
    lock: int

    def run(self, *arguments: str | Path) -> int:
        """Run it and return its exit code."""
        return run_tool([self.path, *arguments], self.log, self.lock)


def build(
    sources: EngineSources,
    platform: Platform,
    *,
    stack_bytes: int,
    heap_bytes: int,
    baud: int,
    optimize: str = "-O3",
    cache: Path,
    keep: Path | None = None,
) -> Firmware:
    """Build the firmware of ``sources`` for ``platform``, or take it from ``cache``.

    ``optimize`` is the compiler's level for engine and kernels. ``keep`` is a folder that gets a
    copy of the generated sources, the settings, the ELF and its map. Safe in several processes at
    once and after an interruption.

    Raises:
        MissingTool: no compiler, CMake or Ninja; or the cache cannot be written.
        DoesNotFit: a memory region overflowed.
        BuildFailed: compiler or linker refused, with the end of their log; or no firmware can be
            built for the platform's core.
        ProfileError: unknown core.
    """
    toolchain = cores.find(platform.core).toolchain
    if not toolchain:
        raise BuildFailed(
            f"no firmware can be built for the core '{platform.core}'",
            hint=f"cores that firmware can be built for: {', '.join(cores.buildable())}",
        )
    request = _Request(
        sources,
        platform,
        stack_bytes,
        heap_bytes,
        baud,
        optimize,
        find_compiler(toolchain),
        data_dir("firmware_stubs"),
    )
    key = _elf_key(request)
    if keep is not None:
        _keep_sources(request, keep)
    try:
        firmware = build_cache.load(cache, key) or _build_in_tree(request, cache, key)
    except OSError as error:
        raise cache_error(cache, error) from error
    if keep is not None:
        firmware = _keep_results(request, firmware, keep)
    return firmware


def _elf_key(request: _Request) -> str:
    """Hash of all that goes into the ELF: sources, flags, memory map, compiler."""
    return files.digest(
        [
            *_tree_parts(request),
            ("settings", _settings(request).encode()),
            *((f"generated/{name}", text.encode()) for name, text in _generated(request)),
        ]
    )


def _tree_parts(request: _Request) -> Iterator[tuple[str, bytes]]:
    """What a CMake tree's objects depend on beside the command lines that Ninja watches itself."""
    stubs, platform, compiler = request.stubs, request.platform, request.compiler
    yield "version", _CACHE_VERSION.encode()
    yield "compiler", f"{compiler.path}\n{compiler.version}".encode()
    yield "stubs", str(stubs).encode()
    yield (
        "platform",
        repr((platform.core, platform.port, sorted(platform.defines.items()))).encode(),
    )
    yield "flags", repr((request.optimize, request.baud)).encode()
    if external := request.sources.external:
        # Ninja does not look into headers of the system or of libraries.
        yield "external", repr((str(external.library), external.sha256)).encode()
    ports = [f"ports/*/*.{kind}" for kind in ("c", "h", "ld", "cmake")]
    yield from files.below(stubs, "CMakeLists.txt", "cmake/*", "dut/*", *ports)
    engine_files = [f"engines/{request.sources.engine}/**/*"]
    engine_files += [f"{folder}/**/*.h" for folder in request.sources.include_dirs]
    yield from files.below(stubs, *engine_files, *request.sources.kernels)


def _generated(request: _Request) -> list[tuple[str, str]]:
    return sorted(request.sources.files.items())


def _build_in_tree(request: _Request, cache: Path, key: str) -> Firmware:
    tools = find_tool("cmake"), find_tool("ninja")
    if request.uses_cxx:
        require_cxx(request.compiler)
    with build_cache.locked_tree(cache, files.digest(_tree_parts(request))) as (tree, lock):
        # Another process may have built the very same while we waited for the lock.
        if firmware := build_cache.load(cache, key):
            return firmware
        _write_sources(request, tree)
        log = tree / "build.log"
        log.unlink(missing_ok=True)
        _configure(request, tree, _Tool(tools[0], log, lock))
        _compile(request, tree, _Tool(tools[1], log, lock))
        firmware = _describe(request, tree / "build")
        if _elf_key(request) != key:
            raise BuildFailed(
                "the firmware's sources changed while they were built", hint="run it again"
            )
        return build_cache.store(cache, key, firmware)


def _compile(request: _Request, tree: Path, ninja: _Tool) -> None:
    """Make the ELF of ``tree`` from its sources and the objects that are known to be complete."""
    objects.discard_unknown(tree, request.sources.files)
    code = ninja.run("-C", tree / "build")
    if code in _NINJA_ENDED:
        objects.record(tree, request.sources.files)
    if code:
        raise explain_failure(ninja.log, request.platform, request.sources.external)
    if not objects.is_complete(tree / "build" / "firmware.elf"):
        raise BuildFailed("the linker wrote an incomplete ELF file", hint="run it again")


def _write_sources(request: _Request, folder: Path) -> None:
    """Write settings and generated files; what has not changed keeps its time stamp."""
    generated = folder / "generated"
    generated.mkdir(exist_ok=True)
    wanted = dict(_generated(request))
    for path in generated.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = generated / name
        if not path.is_file() or path.read_bytes() != text.encode():
            path.write_bytes(text.encode())


def _configure(request: _Request, tree: Path, cmake: _Tool) -> None:
    """Run CMake unless the tree is configured with the same settings."""
    settings, done = tree / "settings.cmake", tree / "configured.cmake"
    text = _settings(request)
    if done.is_file() and done.read_text(encoding="utf-8") == text:
        return
    started = tree / "configuring"
    if started.exists():  # an interruption left what CMake wrote in an unknown state
        shutil.rmtree(tree / "build", ignore_errors=True)
    started.touch()
    done.unlink(missing_ok=True)
    settings.write_text(text, encoding="utf-8")
    arguments = _configure_arguments(request, tree)
    if cmake.run(*arguments):
        # A tree that is damaged in some other way is made anew.
        shutil.rmtree(tree / "build", ignore_errors=True)
        if cmake.run(*arguments):
            raise explain_failure(cmake.log, request.platform)
    shutil.copyfile(settings, done)
    started.unlink()


def _configure_arguments(request: _Request, folder: Path) -> list[str]:
    return [
        *("-G", "Ninja", "-S", str(request.stubs), "-B", str(folder / "build")),
        *("-C", str(folder / "settings.cmake")),
        f"-DCMAKE_TOOLCHAIN_FILE={request.stubs / 'cmake' / request.core.toolchain}.cmake",
        f"-D{request.compiler.cmake_setting}",
    ]


def _settings(request: _Request) -> str:
    """The file that carries everything to CMake; paths of generated files are relative to it."""
    platform, sources = request.platform, request.sources
    lists: Mapping[str, list[str]] = {
        "DEFINES": [f"{name}={value}" for name, value in sorted(platform.defines.items())],
        "GENERATED": [
            f"${{CMAKE_CURRENT_LIST_DIR}}/generated/{name}"
            for name in sorted(sources.files)
            if Path(name).suffix in (".c", ".cc", ".S")
        ],
        "KERNELS": list(sources.kernels),
        "INCLUDE_DIRS": list(sources.include_dirs),
        # always, also empty: CMake keeps what the tree's last firmware had
        "RUNTIME_DEFINES": list(sources.runtime_defines),
        **_optional_lists(request),
    }
    values: Mapping[str, str | int] = {
        "CORE": platform.core,
        "CORE_FLAGS": ";".join(request.core.flags),
        "PORT": platform.port,
        "BAUD": request.baud,
        "ENGINE_OPTIMIZE": request.optimize,
        "FLASH_ORIGIN": f"0x{platform.flash.origin:08x}",
        "FLASH_SIZE": platform.flash.size,
        "RAM_ORIGIN": f"0x{platform.ram.origin:08x}",
        "RAM_SIZE": platform.ram.size,
        "STACK_BYTES": request.stack_bytes,
        "HEAP_BYTES": request.heap_bytes,
        "MARK_RECORDS": request.mark_records,
        **{name: ";".join(items) for name, items in lists.items()},
    }
    return "".join(
        f'set(HIL_{name} "{value}" CACHE STRING "" FORCE)\n' for name, value in values.items()
    )


def _optional_lists(request: _Request) -> dict[str, list[str]]:
    """What only some engines need; left out elsewhere, so that their settings stay the same."""
    external = request.sources.external
    lists = {
        "LANGUAGES": ["C", "CXX"] if request.uses_cxx else [],
        "LIBRARIES": [str(external.library)] if external else [],
        "SYSTEM_INCLUDE_DIRS": [str(path) for path in external.include_dirs] if external else [],
        "ENGINE_DEFINES": list(external.defines) if external else [],
    }
    return {name: items for name, items in lists.items() if items}


def _describe(request: _Request, build_dir: Path) -> Firmware:
    elf = build_dir / "firmware.elf"
    flash, ram = _sizes(request, elf)
    return Firmware(
        elf=elf,
        sha256=hashlib.sha256(elf.read_bytes()).hexdigest(),
        flash_by_owner=flash,
        ram_by_owner=ram,
        build_command=_command_line(request, Path(".")),
        compiler=request.compiler.version,
        flags=(build_dir / "flags.txt").read_text(encoding="utf-8"),
        cached=False,
    )


def _sizes(request: _Request, elf: Path) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Flash and RAM by owner, of an ELF for this computer only what the chip has alike."""
    from hil.firmware.elf import sizes_by_owner  # not needed where the cache has the answer

    flash, ram = sizes_by_owner(elf)
    if request.core is not cores.HOST:
        return flash, ram
    return (
        {owner: flash[owner] for owner in ("weights", "tables")},
        {"arena": request.sources.plan.arena_bytes},
    )


def _command_line(request: _Request, folder: Path) -> str:
    """The commands that repeat the build in a folder that ``keep`` made."""
    configure = shlex.join(["cmake", *_configure_arguments(request, folder)])
    return f"{configure} && ninja -C {shlex.quote(str(folder / 'build'))}"


def _keep_sources(request: _Request, keep: Path) -> None:
    """Put what the user may want to look at, or to build, into ``keep``; also if that fails."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
        _write_sources(request, keep)
        (keep / "settings.cmake").write_text(_settings(request), encoding="utf-8")
    except OSError as error:
        raise keep_error(keep, error) from error


def _keep_results(request: _Request, firmware: Firmware, keep: Path) -> Firmware:
    try:
        for name in ("firmware.elf", "firmware.map"):
            shutil.copy(firmware.elf.with_name(name), keep / name)
    except OSError as error:
        raise keep_error(keep, error) from error
    return replace(firmware, build_command=_command_line(request, keep))


def keep_error(keep: Path, error: OSError) -> UsageError:
    """The error to raise where the folder that keeps a run's files cannot be written."""
    return UsageError(
        f"cannot write to {keep}: {error.strerror}", hint="choose another folder for --keep"
    )
