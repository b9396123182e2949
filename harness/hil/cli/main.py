"""The entry point: the table of commands, and the one place where errors are shown.

A command is a module of this package with the command's name; it has a function of that name, or
``app``, a typer application of several commands. It is imported when it is used, so that ``hil
--help`` stays fast; for the same reason its top imports only typer, the standard library,
``hil.errors`` and ``hil.cli``.

A command prints its data with ``hil.cli.output`` and raises a ``HilError`` when it fails. ``main``
shows that error as ``error: …`` and ``hint: …`` on stderr and, with ``--json`` and nothing printed
yet, as an envelope on stdout. A command with its own envelope for a failure prints it with
``emit_json`` and then raises ``typer.Exit(code)`` or the error.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from hil.cli import output, streams
from hil.errors import HilError, RunFailed, StoreError, UnsupportedModel

#: Command -> first line of its help, in the order in which help lists them.
COMMANDS = {
    "run": "Run MODEL on a device; measure, check, store and show.",
    "deploy": "Flash the firmware of MODEL into a board and leave it running.",
    "sweep": "Run the members of STUDY that have no stored result.",
    "accuracy": "Count how often MODEL is right on a device.",
    "mlperf": "Apply the rules of MLPerf Tiny to a board.",
    "quantize": "Quantize MODEL and compare the variant with it.",
    "time": "Time ELF between the functions --begin and --end.",
    "validate": "Compare the timing or the power model with silicon.",
    "report": "Report stored runs, compared with a baseline.",
    "site": "Build static pages of the history of all stored runs.",
    "compare": "Compare stored runs side by side; the first is the baseline.",
    "gate": "Fail where stored runs are worse than a baseline.",
    "agree": "Fail where targets disagree about the same firmware.",
    "baseline": "Manage baselines, the runs that others are compared with.",
    "history": "List stored runs, newest first.",
    "db": "Export, import, check and repair the results database.",
    "cache": "List, verify and remove rebuildable files.",
    "memory": "Show the arena that MODEL needs, by parts.",
    "model": "Inspect models, and list the variants of float models.",
    "profile": "List and show device profiles.",
    "board": "Find, add, check and emulate boards.",
    "engine": "Add and check TensorFlow Lite Micro as an engine.",
    "calibrate": "Fit a profile to measurements of a board.",
    "doctor": "Check that the tools that hil needs are installed.",
    "config": "Show the configuration.",
}

_UNWINDING = (signal.SIGTERM, signal.SIGHUP)
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141  # what a shell reports for a program that SIGPIPE ended


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP; unwinds the stack as Ctrl-C does, so that child processes are ended."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class _Carried(Exception):
    """Carries an exception through typer, which would map it to an exit code of its own."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Modules(MutableMapping[str, Any]):
    """The commands by name; one of ``COMMANDS`` is imported when it is first used."""

    def __init__(self, others: Mapping[str, Any]) -> None:
        self._loaded = dict(others)

    def __getitem__(self, name: str) -> Any:
        if name in COMMANDS and name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**COMMANDS, **self._loaded})

    def __len__(self) -> int:
        return len({**COMMANDS, **self._loaded})

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS or name in self._loaded


def _load(name: str) -> Any:
    """Import the module of a command and let typer read its options."""
    module = importlib.import_module(f"hil.cli.{name}")
    holder = typer.Typer(rich_markup_mode=None)
    if hasattr(module, "app"):
        holder.add_typer(module.app, name=name, help=COMMANDS[name], no_args_is_help=True)
    else:
        holder.command(name)(getattr(module, name))
    return typer.main.get_group(holder).commands[name]


class _Commands(TyperGroup):
    """The top group. Typer maps Ctrl-C, EOF and EPIPE (also of a device's socket) by itself."""

    def __init__(self, *, commands: Any = None, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Modules(commands or {})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what typer would handle itself reaches ``main`` as ``_Carried``."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError, OSError) as error:
            raise _Carried(error) from error


app = typer.Typer(
    cls=_Commands,
    name="hil",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark neural networks on microcontrollers, emulated or real.",
    epilog="Exit codes: 0 done, 1 a gate failed, 2 usage or configuration, 3 the run failed, "
    "4 something is missing on this host, 5 a gate compared nothing, 70 a bug, 130 interrupted.",
)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"hil {version('hil')}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of every error (also: HIL_DEBUG=1)."),
    ] = False,
) -> None:
    if debug:
        os.environ["HIL_DEBUG"] = "1"


def main(args: Sequence[str] | None = None) -> None:
    """Run ``hil`` and exit the process; the exit codes are listed in ``app.epilog``."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        streams.prepare()
        _install_signals()
        code = _run(arguments)
    except KeyboardInterrupt as error:  # it came while another end was handled
        code = _on_interrupt(arguments, error)
    sys.exit(code)


def program() -> NoReturn:
    """Run ``hil`` as a process of its own: :func:`main`, then an end without Python's clean-up.

    Freeing the objects of all modules one by one takes about a tenth of a run, and the kernel does
    it anyway. What registered with ``atexit`` still runs.
    """
    code: Any = EXIT_INTERRUPTED
    try:
        main()
    except SystemExit as end:
        code = end.code
    except Terminated as late:  # it came after the command had ended
        code = 128 + late.signum
    for name in (signal.SIGINT, *_UNWINDING):  # what follows is short, and the result is out
        signal.signal(name, signal.SIG_IGN)
    if not isinstance(code, int) or any(
        one is not threading.main_thread() and not one.daemon for one in threading.enumerate()
    ):
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _run(arguments: list[str]) -> int:
    """Run the app and return the exit code; nothing but ``SystemExit`` escapes."""
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
        return code
    except typer.Abort as error:  # typer's own of an interrupt while it reads the arguments
        cause = error.__cause__ or error.__context__
        if isinstance(cause, KeyboardInterrupt):
            return _on_interrupt(arguments, cause)
        output.error("aborted")
        return EXIT_INTERRUPTED
    except KeyboardInterrupt as error:
        return _on_interrupt(arguments, error)
    except HilError as error:
        return _on_failure(arguments, error)
    except typer.TyperException as error:
        return _on_usage(arguments, error)
    except OSError as error:
        return _on_system(arguments, error)
    except Exception as error:  # the top of the program: every failure becomes a message
        return _on_bug(arguments, error)


def _invoke(arguments: list[str]) -> int:
    """Run the command; the result is 0 unless it raised ``typer.Exit(code)``."""
    try:
        result = app(args=arguments, prog_name="hil", standalone_mode=False)
    except _Carried as carried:
        raise carried.cause from None
    except SystemExit:  # typer's reaction to a pipe that closes while it prints help
        streams.abandon_stdout()
        return EXIT_CLOSED_PIPE
    return result if isinstance(result, int) else 0


def _on_failure(arguments: list[str], error: HilError) -> int:
    _show_traceback_if_debugging()
    output.error(error.message, error.hint)
    status = "failed" if isinstance(error, RunFailed) else "error"
    _envelope(arguments, status, error.message, error.hint, **_gaps(error))
    return error.exit_code


def _gaps(error: HilError) -> dict[str, Any]:
    """What of a model is not supported, for the envelope."""
    return {"gaps": error.gaps} if isinstance(error, UnsupportedModel) and error.gaps else {}


def _on_usage(arguments: list[str], error: typer.TyperException) -> int:
    """Report a flag or argument that typer rejected; without arguments show the help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error), err=True)
        return 2
    message = getattr(error, "format_message", error.__str__)().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hil"
    hint = f"`{command} --help` lists what is accepted"
    output.error(message, hint)
    _envelope(arguments, "error", message, hint)
    return 2


def _on_interrupt(arguments: list[str], error: KeyboardInterrupt) -> int:
    for name in _UNWINDING:  # one is enough: a second would end the first's clean-up
        signal.signal(name, signal.SIG_IGN)
    _show_traceback_if_debugging()
    terminated = isinstance(error, Terminated)
    message = f"interrupted ({error})" if terminated else "interrupted"
    output.error(message)
    _envelope(arguments, "error", message, "")
    return 128 + error.signum if isinstance(error, Terminated) else EXIT_INTERRUPTED


def _on_system(arguments: list[str], error: OSError) -> int:
    """Report a closed pipe or a full disk under stdout; any other OSError is a bug."""
    failure = streams.stdout_failure()
    if failure is None:
        return _on_bug(arguments, error)
    if isinstance(failure, BrokenPipeError):
        return EXIT_CLOSED_PIPE
    output.error(
        f"cannot write the output: {failure.strerror}", "check where stdout is redirected to"
    )
    return StoreError.exit_code


def _on_bug(arguments: list[str], error: BaseException) -> int:
    """Report a bug; the traceback goes to the terminal or into a file."""
    message = f"this is a bug in hil: {type(error).__name__}: {error}"
    if _debugging():
        traceback.print_exc()
        hint = "please report it with the traceback above"
    elif path := _save_traceback(arguments):
        hint = f"please report it with {path}"
    else:
        hint = "run it again with `hil --debug …` for the traceback, and please report it"
    output.error(message, hint)
    _envelope(arguments, "error", message, hint)
    return EXIT_BUG


def _save_traceback(arguments: list[str]) -> str:
    """Write the current traceback below the state folder; return its path, '' on failure."""
    import datetime
    import platform
    from importlib.metadata import version

    from hil.resources import state_dir
    from hil.settings import without_password

    now = datetime.datetime.now(datetime.UTC)
    path = state_dir() / "crashes" / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}.log"
    text = (
        f"hil {version('hil')}, Python {platform.python_version()}, {platform.platform()}\n"
        f"arguments: {arguments!r}\n\n{traceback.format_exc()}"
    )
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(without_password(text), encoding="utf-8", errors="backslashreplace")
        return str(path)
    return ""


def _envelope(arguments: list[str], status: str, message: str, hint: str, **more: Any) -> None:
    """Print the failure as JSON, with ``--json`` and if no envelope was printed yet."""
    before_dashes = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" not in before_dashes or output.emitted():
        return
    from hil.settings import without_password

    problem = {"message": without_password(message), "hint": without_password(hint), **more}
    # A closed stdout must not change the exit code of the failure.
    with contextlib.suppress(OSError):
        output.emit_json(
            f"{'.'.join(['hil', *_command_words(arguments)])}/1",
            status,
            None,
            [problem],
        )
        sys.stdout.flush()


def _command_words(arguments: list[str]) -> list[str]:
    """Return the words of the command, such as ``[run]`` or ``[model, inspect]``."""
    words: list[str] = []
    level: Any = typer.main.get_command(app)
    for argument in arguments:
        if argument.startswith("-"):
            continue
        commands = getattr(level, "commands", {})
        if argument not in commands:
            break
        words.append(argument)
        level = commands[argument]
    return words


def _debugging() -> bool:
    return os.environ.get("HIL_DEBUG", "") not in ("", "0")


def _show_traceback_if_debugging() -> None:
    if _debugging():
        traceback.print_exc()


def _install_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the stack, so that no emulator outlives its run."""

    def unwind(signum: int, _frame: FrameType | None) -> None:
        raise Terminated(signum)

    for number in _UNWINDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, unwind)


if __name__ == "__main__":
    main()
