"""Ordered work in several processes or threads with a bounded number of chunks in memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from .errors import UserError

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

# Chunks handed to the pool ahead of the one being waited for, per worker: enough to keep every worker busy.
AHEAD = 3
WORKER_KILLED = "a worker process was killed, most likely for want of memory; run again with fewer --workers"


def ordered_map(
    work: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    workers: int,
    initializer: Callable | None = None,
    arguments: tuple = (),
    threads: bool = False,
) -> Iterator[Result]:
    """`map(work, chunks)` in `workers` processes, results in the order of the chunks.

    At most `AHEAD * workers` chunks are in memory. One worker runs in this process: no pickling, easy debugging.
    `work` and `initializer` must be module-level functions. With `threads` they are threads of this process, which
    start at once and copy nothing: for work that is done in kernels, which hold no lock.
    """
    if workers < 1:
        raise UserError(f"--workers {workers}: at least 1 is needed")
    if workers == 1:
        if initializer is not None:
            initializer(*arguments)
        yield from map(work, chunks)
        return
    # Its own signal may reach this process after the news that the workers are gone: they say why.
    interrupted = multiprocessing.get_context("spawn").RawValue("b", 0)
    if not threads:
        initializer, arguments = _start_mapping, (interrupted, initializer, arguments)
    with worker_pool(workers, initializer, arguments, threads) as pool:
        waiting: deque = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(work, chunk))
                if len(waiting) >= AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise (KeyboardInterrupt if interrupted.value else UserError(WORKER_KILLED)) from None
        finally:
            for future in waiting:
                future.cancel()


def worker_pool(
    workers: int, initializer: Callable | None = None, arguments: tuple = (), threads: bool = False
) -> Executor:
    """A pool of processes (or threads) that end with this process, however it ends."""
    if threads:
        return ThreadPoolExecutor(workers, initializer=initializer, initargs=arguments)
    # spawn, not fork: the caller may have threads (tokenizers, torch), and a forked thread pool deadlocks.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(initializer, arguments))


def _start(initializer: Callable | None, arguments: tuple) -> None:
    # A worker whose parent was killed would wait for work for ever.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _start_mapping(interrupted: Any, initializer: Callable | None, arguments: tuple) -> None:
    # Ctrl-C reaches every process of a terminal: the parent says what there is to say, and these leave nothing behind.
    def end(number: int, frame: object) -> None:
        interrupted.value = 1
        os._exit(130)

    signal.signal(signal.SIGINT, end)
    if initializer is not None:
        initializer(*arguments)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
