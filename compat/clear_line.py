"""Printing an error that carries a clear line as that one line, in fairseq's own commands."""

import contextlib
import functools
import os
import re
import signal
import sys
import time

from .full_disk import NO_ROOM

# A data loader's worker raises its error again in the main process with its whole traceback for a text.
FROM_WORKER = re.compile(r"^Caught \S+ in .+?\.\nOriginal Traceback", re.DOTALL)

PATIENCE = 5  # seconds that all but the first of several processes wait before they tell of an error

_shown = {"tracebacks": False}


def show_tracebacks(shown: bool = True) -> None:
    """Whether errors with a clear line keep their traceback all the same: for a command's `--debug`."""
    _shown["tracebacks"] = bool(shown)


def clear_line_of(error: BaseException | None) -> str | None:
    """The clear line an exception carries, itself or anywhere in the chain it was raised from; None if none does."""
    seen = set()
    while error is not None and id(error) not in seen:
        if getattr(error, "clear_line", False) is True:
            return _one_line(str(error))
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _one_line(text: str) -> str:
    """A text without its line breaks; of a worker's traceback, the last line alone, without the class's name."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if FROM_WORKER.match(text):
        return re.sub(r"^[\w.]+: ", "", lines[-1])
    return " ".join(lines)


def path_line_of(error: BaseException) -> str | None:
    """The line for a file or folder the system refused, which the error names; None for any other error.

    Only of the error itself: one raised from it may be about something else.
    """
    if not (isinstance(error, OSError) and error.strerror and isinstance(error.filename, str | bytes | os.PathLike)):
        return None
    names = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes | os.PathLike)]
    remedy = NO_ROOM[error.errno][1] if error.errno in NO_ROOM else "check the path and its permissions"
    return _one_line(f"{' -> '.join(os.fsdecode(name) for name in names)}: {error.strerror}; {remedy}")


def _print(error: BaseException) -> bool:
    """Print an error's clear line on stderr, if it has one and the user did not ask for tracebacks."""
    line = None if _shown["tracebacks"] else clear_line_of(error) or path_line_of(error)
    _await_the_first()
    if line is None:
        return False
    print(f"error: {line}", file=sys.stderr, flush=True)
    return True


def _await_the_first() -> None:
    """Leave it to the first of several processes to tell what all of them have met.

    A launcher ends the others as soon as one has failed: who is still there after a while has something of its own.
    """
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    several = distributed is not None and distributed.is_available() and distributed.is_initialized()
    if several and distributed.get_rank():
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(PATIENCE)


def print_clear_lines(module) -> None:
    """Have the interpreter print the clear line of an uncaught exception; it then ends with status 1 as ever.

    Made when fairseq's command line is imported, not before: what a program of another's prints is its own affair.
    """
    stock = sys.excepthook
    if getattr(stock, "_prints_clear_lines", False):
        return

    def excepthook(kind, error, trace):
        if not _print(error):
            stock(kind, error, trace)

    excepthook._prints_clear_lines = True
    sys.excepthook = excepthook


def print_before_hydra(module) -> None:
    """End a hydra application with the clear line itself: hydra would print the traceback and exit."""
    call = module.call_main
    if hasattr(call, "__wrapped__"):
        return

    @functools.wraps(call)
    def call_main(*args, **options):
        try:
            return call(*args, **options)
        except Exception as error:
            if _in_hydra_application() and _print(error):
                raise SystemExit(1) from error
            raise

    module.call_main = call_main


def _in_hydra_application() -> bool:
    """Whether hydra runs the program (and not merely composes a config, as all of fairseq's commands have it do)."""
    config = sys.modules.get("hydra.core.hydra_config")
    return config is not None and config.HydraConfig.initialized()
