"""The one kind of failure a user is meant to read: a single line that names the place and the remedy."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

# Packages a command may need that a machine for corpora does without, and how to get them.
INSTALL = {
    "fairseq": "pip install --no-deps fairseq==0.12.2 (why --no-deps: README.md, Set-up)",
    "torch": "pip install 'torch>=2.9'",
    "transformers": "pip install 'fairseq-hebrew[report]'",
    "matplotlib": "pip install 'fairseq-hebrew[report]'",
    **dict.fromkeys(("optuna", "sqlalchemy"), "pip install 'fairseq-hebrew[sweep]'"),
    "tensorboard": "pip install 'fairseq-hebrew[report]'",
    **dict.fromkeys(
        ("pyarrow", "zstandard", "mwparserfromhell", "trafilatura", "warcio"), "pip install 'fairseq-hebrew[readers]'"
    ),
    **dict.fromkeys(("faiss", "ir_measures", "bm25s"), "pip install 'fairseq-hebrew[retrieval]'"),
    **dict.fromkeys(("datatrove", "ray", "orjson"), "pip install 'fairseq-hebrew[cluster]'"),
}
# No room on the disk, in the user's quota, or under the limit for one file.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(Exception):
    """Bad input or a bad setting; its text is one clear line, printed without a traceback (exit status 1).

    `clear_line` is how other packages (the compat cures, the exception hook) know such an error without importing
    this class.
    """

    clear_line = True
    status = 1


class UsageError(UserError):
    """A command called wrongly: options that do not go together, a number out of its range (exit status 2)."""

    status = 2


def at(path: str | Path, line: int | None, problem: str, remedy: str) -> UserError:
    """A UserError about a place in a file: `FILE:LINE: problem; remedy`. `line` counts from 1; None is no line."""
    where = f"{path}:{line}" if line is not None else f"{path}"
    return UserError(f"{where}: {problem}; {remedy}")


def clear_line_of(error: BaseException | None) -> str | None:
    """The clear line an exception carries, itself or anywhere in the chain it was raised from; None if none does."""
    seen = set()
    while error is not None and id(error) not in seen:
        if getattr(error, "clear_line", False):
            return str(error)
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            name = f" while writing {error.filename}" if error.filename else ""
            problem = "no space left on device" if error.errno == errno.ENOSPC else error.strerror.lower()
            return f"{problem}{name}; free some space or choose another output folder, then run again"
        if isinstance(error, ModuleNotFoundError) and (how := INSTALL.get((error.name or "").partition(".")[0])):
            return f"{error.name} is not installed; install it with: {how}"
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def run_command(work: Callable[[], object], debug: bool) -> int:
    """Run a command's body; 0 when it ends well, 1 (2 for wrong usage) with one line on stderr for a user's error.

    With `debug` every exception keeps its traceback. An error that is nobody's fault but the program's keeps its
    traceback either way: hiding it would only make it harder to report.
    """
    if debug:
        work()
        return 0
    try:
        work()
        return 0
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the same command again to go on", file=sys.stderr)
        return 130
    except Exception as error:
        line = clear_line_of(error)
        if line is None and isinstance(error, OSError) and error.filename is not None:
            line = f"{error.filename}: {error.strerror}; check the path and its permissions"
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        return getattr(error, "status", 1)


def parser(prog: str, description: str) -> argparse.ArgumentParser:
    """An argument parser with the options every command has."""
    made = _Parser(prog=prog, description=description, formatter_class=_Help)
    made.add_argument("--debug", action="store_true", help="show the whole traceback of an error")
    return made


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call without the page of all options before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"usage: {self.prog} [options]; {self.prog} --help lists them\nerror: {message}\n")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Tells which options are required, and every default that says something, written as it would be given."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.required and action.option_strings:
            return f"{action.help} (required)"
        if action.default in (None, []) or isinstance(action, argparse._StoreTrueAction):
            return action.help
        if isinstance(action.default, list):
            return f"{action.help} (default: {' '.join(map(str, action.default))})"
        if isinstance(action, argparse.BooleanOptionalAction):
            return f"{action.help} (default: {'yes' if action.default else 'no'})"
        return super()._get_help_string(action)
