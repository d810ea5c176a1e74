"""How much memory a device has left, in the form fairseq's trainer asks for."""

from __future__ import annotations

import math
import os

KIB = 1024


def memory_info(ask, kind: str) -> dict[str, float]:
    """{"kb_free", "kb_total"}, of torch_xla's `ask()` -> {"bytes_used", "bytes_limit"}.

    Where the runtime does not tell (under SPMD, and on its CPU backend): of the host on a CPU, whose memory the device
    has; else NaN and NaN, which are not logged.
    """
    try:
        told = ask()
        used, limit = int(told["bytes_used"]), int(told["bytes_limit"])
    except (RuntimeError, KeyError):
        if kind != "CPU":
            return {"kb_free": math.nan, "kb_total": math.nan}
        page = os.sysconf("SC_PAGE_SIZE")
        limit = os.sysconf("SC_PHYS_PAGES") * page
        used = limit - os.sysconf("SC_AVPHYS_PAGES") * page
    return {"kb_free": (limit - used) / KIB, "kb_total": limit / KIB}
