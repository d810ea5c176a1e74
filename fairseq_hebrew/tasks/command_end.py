"""What fairseq's commands do before they end, while the interpreter is still whole."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable


def before_commands_end(name: str, work: Callable[[], None]) -> None:
    """Have fairseq's commands call `work` when they are done or have failed, in the order of the calls here; one that
    fails keeps none of the others from their turn. The first work of a name stays.
    """
    from fairseq.distributed import utils

    stock = utils.call_main
    if (works := getattr(stock, "before_the_end", None)) is None:
        works = {}

        @functools.wraps(stock)
        def call_main(cfg, main, **options):
            with contextlib.ExitStack() as stack:
                for one in reversed(works.values()):  # the last that is put on it is the first to be called
                    stack.callback(one)
                return stock(cfg, main, **options)

        call_main.before_the_end = works
        utils.call_main = call_main
    works.setdefault(name, work)
