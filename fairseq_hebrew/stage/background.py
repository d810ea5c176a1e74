"""One piece of work beside the caller's, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """Runs `work` at once; `result()` waits for what it returns, or raises what it raised.

    Nobody has to wait: when the process ends, or the result is not wanted after all, the thread is left behind.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error

    def result(self) -> Result:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result
