"""Datasets mapped into memory: one that could not be opened is dropped without a word."""

import contextlib
import functools


def drop_unopened_quietly(module) -> None:
    """Let the datasets of a module close what they have opened, and no more, when they are deleted."""
    for kind in [value for value in vars(module).values() if isinstance(value, type)]:
        for owner in (kind, getattr(kind, "Index", None)):
            close = vars(owner).get("__del__") if isinstance(owner, type) else None
            if close is not None and owner.__module__ == module.__name__ and not hasattr(close, "__wrapped__"):
                owner.__del__ = _forgiving(close)


def _forgiving(close):
    """A `__del__` that does not mind that `__init__` failed before there was anything to close."""

    @functools.wraps(close)
    def __del__(self):
        with contextlib.suppress(AttributeError):
            close(self)

    return __del__
