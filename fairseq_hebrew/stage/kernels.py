"""Loops over bytes and numbers, compiled: the one place that says how."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any


def kernel(function: Callable) -> Any:
    """Compile `function` with numba when it is first called; it holds no lock, so threads run it side by side.

    The compiled code is kept in `__pycache__` beside the source (numba falls back to the user's cache folder). Kept
    code is found by the date of the file the function stands in: what a kernel calls must stand in the same file, or
    a change there would go unnoticed. Indices are neither checked nor wrapped around.
    """
    with _without("scipy"):
        import numba

        importlib.import_module("numba.np.arraymath")
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder can be written to
        return numba.njit(nogil=True)(function)


@contextlib.contextmanager
def _without(package: str) -> Iterator[None]:
    """Imports of a package fail, unless it was imported already.

    numba imports scipy, where it is installed, for the linear algebra that no kernel here has: as long as all the rest
    of its start.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None
    try:
        yield
    finally:
        del sys.modules[package]
