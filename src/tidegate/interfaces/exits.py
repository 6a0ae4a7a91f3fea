"""How a command ends: its exit code, one line for an error, nothing half written on a signal."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tidegate.errors import ConfigError, DataError, MissingExtra, ModelError

FAILURE, USAGE = 1, 2
CODES: tuple[tuple[type[BaseException], int], ...] = (
    (MissingExtra, 3),
    (ModelError, 4),
    (DataError, 5),
    (ConfigError, USAGE),
    (FileNotFoundError, USAGE),
    (OSError, FAILURE),
    (MemoryError, FAILURE),
)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal asked the process to end. No Exception, so that nobody on the way out takes it for a failure."""


class OutputClosed(Exception):
    """Whoever read standard output has had enough. Not a BrokenPipeError, of which click makes a failure."""


def exit_code(run: Callable[[], int]) -> int:
    """Run a command. Returns: its code, or that of what stopped it, which has been said on standard error.

    0 fine, 1 our failure or the system's, 2 wrong usage, 3 a missing extra, 4 a model file, 5 the data,
    128 + n a signal.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not received:  # a second one must not break the tidying up after the first
            received.append(number)
            raise Stopped

    with all_streams_open():
        # Only the main thread may set handlers; elsewhere a host program has its own.
        own = threading.current_thread() is threading.main_thread()
        before = {number: signal.signal(number, stop) for number in SIGNALS} if own else {}
        try:
            try:
                code = run()
                sys.stdout.flush()
                return code
            except BaseException as error:
                # C code may turn the signal's exception into one of its own, so what came out does not matter.
                return 128 + received[0] if received else told(error)
        finally:
            drop_unwritable_output()
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def all_streams_open() -> Iterator[None]:
    """A standard stream that the caller has closed (`>&-`), which is None to Python, is like /dev/null meanwhile."""
    before = sys.stdin, sys.stdout, sys.stderr
    with open(os.devnull) as nothing, open(os.devnull, "w") as nowhere:
        sys.stdin, sys.stdout, sys.stderr = before[0] or nothing, before[1] or nowhere, before[2] or nowhere
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = before


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is begun is ended: a signal that asks the process to end is heard afterwards."""
    waiting: list[int] = []
    own = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, lambda got, _: waiting.append(got)) for number in SIGNALS} if own else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


def say(*lines: str, quiet: bool = False) -> None:
    """Lines for a person, to standard error; the work goes on if nobody reads them any more (`2>&1 | head -1`)."""
    if quiet:
        return
    try:
        for line in lines:
            print(line, file=sys.stderr)
    except OSError:
        drop_unwritable_output()


def told(error: BaseException) -> int:
    """Say what went wrong; a traceback only for what nobody foresaw. Returns: the exit code."""
    if isinstance(error, OutputClosed | BrokenPipeError):
        return 0
    if (told_by_click := _usage(error)) is not None:
        return told_by_click
    error = _without_memory(error)
    for kind, code in CODES:
        if isinstance(error, kind):
            say(f"Error: {_one_line(error)}")
            return code
    if isinstance(error, SystemExit):
        raise error
    traceback.print_exception(error)
    return FAILURE


def _usage(error: BaseException) -> int | None:
    if "click" not in sys.modules:  # a command that ended before its options were read
        return None
    import click

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        say(f"Error: {' '.join(error.format_message().split())}{hint}")
        return error.exit_code
    return None


def _without_memory(error: BaseException) -> BaseException:
    """What DuckDB raises where it gets no memory, as a MemoryError; every other error as it is."""
    if "duckdb" not in sys.modules:
        return error
    import duckdb

    return MemoryError(str(error).split("\n")[0]) if isinstance(error, duckdb.OutOfMemoryException) else error


def _one_line(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"not enough memory ({error}): forecast fewer series or steps at once"
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{where}{error.strerror}"
    return " ".join(str(error).split())


def drop_unwritable_output() -> None:
    """Output that cannot be delivered would be tried again, and complained about, when Python shuts down."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
